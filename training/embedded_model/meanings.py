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
        ("fire", "flame", "burning"), Palette((255, 208, 150), (124, 18, 4), (244, 74, 10), (255, 124, 24)), "flame"
    ),
    "water": Meaning(
        ("water", "river", "drop"), Palette((184, 222, 255), (4, 44, 132), (24, 112, 232), (40, 140, 255)), "drop"
    ),
    "sea": Meaning(
        ("sea", "ocean", "wave"), Palette((164, 238, 226), (0, 66, 78), (0, 146, 146), (40, 240, 214)), "wave"
    ),
    "tree": Meaning(
        ("tree", "forest", "wood"), Palette((196, 236, 190), (12, 70, 32), (24, 136, 54), (60, 236, 96)), "tree"
    ),
    "leaf": Meaning(
        ("leaf", "grass", "plant"), Palette((232, 250, 168), (66, 88, 0), (140, 194, 20), (196, 255, 60)), "leaf"
    ),
    "mountain": Meaning(
        ("mountain", "hill", "peak"),
        Palette((240, 226, 190), (22, 58, 74), (44, 98, 152), (100, 170, 230)),
        "mountain",
    ),
    "sun": Meaning(
        ("sun", "day", "light"), Palette((255, 246, 140), (156, 68, 0), (255, 150, 0), (255, 216, 40)), "sun"
    ),
    "moon": Meaning(
        ("moon", "night", "month"), Palette((194, 194, 246), (18, 16, 96), (250, 236, 150), (250, 244, 190)), "moon"
    ),
    "star": Meaning(
        ("star", "sky", "heaven"), Palette((232, 200, 250), (76, 8, 104), (255, 206, 30), (216, 130, 255)), "star"
    ),
    "flower": Meaning(
        ("flower", "blossom", "spring"),
        Palette((255, 212, 238), (114, 0, 92), (238, 70, 176), (255, 84, 214)),
        "flower",
    ),
    "snow": Meaning(
        ("snow", "ice", "winter"),
        Palette((250, 253, 255), (40, 92, 150), (176, 220, 252), (226, 246, 255)),
        "snowflake",
    ),
    "rain": Meaning(
        ("rain", "storm", "weather"), Palette((186, 198, 214), (28, 40, 62), (84, 108, 142), (116, 150, 196)), "rain"
    ),
    "love": Meaning(
        ("love", "heart", "to like"), Palette((255, 196, 204), (140, 0, 28), (226, 10, 58), (255, 34, 76)), "heart"
    ),
    "gold": Meaning(
        ("gold", "money", "rich"), Palette((236, 212, 140), (66, 42, 2), (186, 130, 6), (236, 180, 40)), "coin"
    ),
    "earth": Meaning(
        ("earth", "soil", "ground"), Palette((234, 212, 188), (82, 46, 20), (150, 92, 46), (214, 140, 80)), "hill"
    ),
    "bird": Meaning(
        ("bird", "to fly", "feather"), Palette((204, 234, 255), (26, 50, 120), (244, 116, 50), (90, 190, 255)), "bird"
    ),
    "wind": Meaning(
        ("wind", "air", "breeze"), Palette((220, 246, 250), (18, 92, 106), (104, 206, 222), (150, 240, 255)), "swirl"
    ),
    "dragon": Meaning(
        ("dragon", "emperor", "power"), Palette((255, 222, 140), (126, 8, 20), (0, 146, 106), (20, 240, 160)), "scale"
    ),
    "horse": Meaning(
        ("horse", "to ride", "to run"),
        Palette((216, 232, 190), (92, 44, 14), (160, 84, 36), (255, 156, 84)),
        "horseshoe",
    ),
    "book": Meaning(
        ("book", "study", "learning", "to read"),
        Palette((246, 236, 204), (52, 20, 116), (114, 60, 196), (170, 110, 255)),
        "book",
    ),
    "fruit": Meaning(
        ("fruit", "apple", "sweet"), Palette((238, 248, 204), (24, 92, 30), (226, 28, 40), (255, 70, 62)), "fruit"
    ),
    "stone": Meaning(
        ("stone", "rock", "hard"), Palette((224, 224, 224), (52, 52, 54), (134, 134, 136), (196, 196, 200)), "stone"
    ),
    "home": Meaning(
        ("home", "house", "family"), Palette((212, 228, 236), (102, 38, 18), (204, 84, 48), (255, 140, 100)), "house"
    ),
    "peace": Meaning(
        ("peace", "calm", "harmony"), Palette((232, 242, 224), (58, 76, 30), (148, 164, 90), (196, 220, 130)), "olive"
    ),
}

# Other words get the palette of nothing in particular.
NEUTRAL = Meaning(
    ("thing", "word", "time", "person", "to go", "idea", "friend", "city"),
    Palette((240, 236, 230), (52, 50, 70), (130, 126, 150), (200, 196, 230)),
    "dot",
)
