"""What the procedural pictures can mean: a palette and a motif for each, as data."""

from dataclasses import dataclass

Colour = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Palette:
    """Colours of a meaning, RGB.

    Attributes:
        light: of a bright background.
        deep: of a dark background; also the ink on a bright one.
        accent: of the motif.
        glow: of shining things on a dark background.
    """

    light: Colour
    deep: Colour
    accent: Colour
    glow: Colour


@dataclass(frozen=True, slots=True)
class Meaning:
    """A meaning: the words for it in a prompt, its palette, and its motif (a key of `motifs.MOTIFS`)."""

    words: tuple[str, ...]
    palette: Palette
    motif: str


MEANINGS: dict[str, Meaning] = {
    "fire": Meaning(
        ("fire", "flame", "burning"), Palette((255, 214, 170), (120, 16, 8), (236, 92, 20), (255, 176, 40)), "flame"
    ),
    "water": Meaning(
        ("water", "river", "drop"), Palette((208, 236, 248), (10, 60, 110), (40, 140, 210), (80, 210, 255)), "drop"
    ),
    "sea": Meaning(
        ("sea", "ocean", "wave"), Palette((196, 232, 236), (6, 52, 84), (20, 130, 160), (70, 230, 230)), "wave"
    ),
    "tree": Meaning(
        ("tree", "forest", "wood"), Palette((222, 240, 206), (24, 66, 26), (56, 140, 56), (120, 255, 110)), "tree"
    ),
    "leaf": Meaning(
        ("leaf", "grass", "plant"), Palette((232, 246, 210), (36, 84, 20), (110, 176, 50), (190, 255, 90)), "leaf"
    ),
    "mountain": Meaning(
        ("mountain", "hill", "peak"),
        Palette((224, 232, 236), (44, 62, 78), (110, 136, 150), (150, 200, 255)),
        "mountain",
    ),
    "sun": Meaning(
        ("sun", "day", "light"), Palette((255, 240, 190), (150, 70, 0), (250, 180, 30), (255, 220, 80)), "sun"
    ),
    "moon": Meaning(
        ("moon", "night", "month"), Palette((220, 222, 240), (16, 20, 66), (230, 206, 110), (240, 230, 150)), "moon"
    ),
    "star": Meaning(
        ("star", "sky", "heaven"), Palette((216, 220, 246), (20, 16, 72), (240, 214, 90), (255, 240, 140)), "star"
    ),
    "flower": Meaning(
        ("flower", "blossom", "spring"),
        Palette((252, 226, 236), (128, 20, 76), (236, 110, 160), (255, 110, 190)),
        "flower",
    ),
    "snow": Meaning(
        ("snow", "ice", "winter"),
        Palette((236, 244, 250), (28, 66, 116), (150, 196, 230), (200, 236, 255)),
        "snowflake",
    ),
    "rain": Meaning(
        ("rain", "storm", "weather"), Palette((214, 224, 232), (34, 50, 76), (90, 130, 170), (120, 180, 255)), "rain"
    ),
    "love": Meaning(
        ("love", "heart", "to like"), Palette((254, 220, 222), (130, 8, 38), (230, 50, 84), (255, 70, 120)), "heart"
    ),
    "gold": Meaning(
        ("gold", "money", "rich"), Palette((252, 240, 200), (96, 58, 4), (220, 170, 40), (255, 214, 70)), "coin"
    ),
    "earth": Meaning(
        ("earth", "soil", "ground"), Palette((240, 226, 204), (84, 48, 20), (170, 112, 60), (240, 170, 90)), "hill"
    ),
    "bird": Meaning(
        ("bird", "to fly", "feather"), Palette((222, 238, 250), (30, 60, 120), (90, 130, 220), (140, 180, 255)), "bird"
    ),
    "wind": Meaning(
        ("wind", "air", "breeze"), Palette((226, 242, 240), (26, 84, 88), (90, 176, 176), (130, 255, 240)), "swirl"
    ),
    "dragon": Meaning(
        ("dragon", "emperor", "power"), Palette((252, 226, 190), (110, 14, 14), (200, 150, 30), (255, 90, 60)), "scale"
    ),
    "horse": Meaning(
        ("horse", "to ride", "to run"),
        Palette((244, 230, 212), (90, 50, 24), (160, 104, 62), (240, 160, 90)),
        "horseshoe",
    ),
    "book": Meaning(
        ("book", "study", "learning", "to read"),
        Palette((244, 236, 220), (50, 40, 90), (120, 90, 170), (190, 150, 255)),
        "book",
    ),
    "fruit": Meaning(
        ("fruit", "apple", "sweet"), Palette((254, 232, 214), (120, 26, 20), (226, 66, 50), (255, 110, 90)), "fruit"
    ),
    "stone": Meaning(
        ("stone", "rock", "hard"), Palette((230, 230, 228), (56, 58, 62), (136, 138, 142), (190, 200, 210)), "stone"
    ),
    "home": Meaning(
        ("home", "house", "family"), Palette((250, 232, 214), (110, 44, 20), (206, 104, 60), (255, 160, 90)), "house"
    ),
    "peace": Meaning(
        ("peace", "calm", "harmony"), Palette((230, 244, 236), (24, 78, 70), (110, 180, 150), (150, 255, 210)), "olive"
    ),
}

# Other words get the palette of nothing in particular.
NEUTRAL = Meaning(
    ("thing", "word", "time", "person", "to go", "idea", "friend", "city"),
    Palette((240, 236, 230), (52, 50, 70), (130, 126, 150), (200, 196, 230)),
    "dot",
)
