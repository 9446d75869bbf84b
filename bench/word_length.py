"""How long words may be to be read: in print, in their maps alone, and in the embedded model's pictures.

    python -m bench.word_length
    python -m bench.word_length --side 1024 --maps-only     # SDXL's size, without pictures

The words are in Latin letters. A letter is read if the judge's first
answer is right, and a word if all its letters are that the judge can read in print. The model draws each word once,
with a motif beside it, and goes through the styles. Maps are read without motifs.
"""

import argparse
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image
from tqdm import tqdm

from bench.embedded_model import SEED, Bench, Case, share
from bench.report import table, write
from shared.schemas.metadata import CharacterReading
from shared.settings import load_settings
from worker.glyphs import Glyph

# fmt: off
WORDS = {
    "5 to 8": ("school", "Wasser", "maison", "camino", "kirjasto", "chocolat", "hermoso", "Freund"),
    "9 to 12": (
        "chocolate", "Erdbeeren", "printemps", "supermercado", "refrigerator", "Regenschirm", "puutarhuri",
        "biblioteca",
    ),
    "13 to 16": (
        "acknowledgement", "Sehenswürdigkeit", "responsabilité", "desconocimiento", "Weihnachtsmann", "understanding",
        "extraordinaire", "puolustusvoimat",
    ),
    "17 to 20": (
        "to be or not to be", "Krankenversicherung", "internationalisation", "constitucionalidad", "Lebensversicherung",
        "professionnalisation", "responsabilizaciones", "matkapuhelinlaskutus",
    ),
    "21 to 24": (
        "the early bird gets it", "Rechtsschutzversicherung", "electroencephalograph", "institutionnalisation",
        "contrarrevolucionarios", "Haftpflichtversicherung", "Verkehrsinfrastruktur", "huippusuorituskykyinen",
    ),
}
# fmt: on
MAPS = ("depth", "scribble", "canny")


@dataclass(frozen=True)
class Measured:
    """A group's glyphs, and their letters as read in print, in each map, and in the pictures."""

    glyphs: Sequence[Glyph]
    maps: dict[str, list[Sequence[CharacterReading]]]
    pictures: list[Sequence[CharacterReading]]

    def row(self) -> list[str]:
        """Return the group's cells."""
        em = statistics.median(glyph.characters[0].box.em for glyph in self.glyphs)
        in_pictures = [_words(self.pictures), _letters(self.pictures)] if self.pictures else []
        return [f"{em:.0f}", *map(_words, self.maps.values()), *in_pictures]


def measure(bench: Bench, words: Sequence[str], side: int, *, maps_only: bool) -> Measured:
    """Draw the words and read them."""
    glyphs = [bench.glyphs.render(word, side, side) for word in words]
    maps: dict[str, list[Sequence[CharacterReading]]] = {
        "print": [bench.judge.judge(Image.fromarray(255 - glyph.ink), glyph).characters for glyph in glyphs],
        **{name: [_map_read(bench, glyph, name) for glyph in glyphs] for name in MAPS},
    }
    drawn = () if maps_only else words
    return Measured(glyphs, maps, [_picture_read(bench, number, word, side) for number, word in enumerate(drawn)])


def _map_read(bench: Bench, glyph: Glyph, name: str) -> Sequence[CharacterReading]:
    (conditioning,) = (one for one in bench.conditionings if one.control_type == name)
    return bench.judge.judge(conditioning.generate(glyph), glyph).characters


def _picture_read(bench: Bench, number: int, word: str, side: int) -> Sequence[CharacterReading]:
    styles, motifs = list(bench.settings.styles), bench.imagery.names
    motif = motifs[int(bench.random.integers(len(motifs)))]
    case = Case(word, styles[number % len(styles)], motif, {"width": side, "height": side})
    characters = bench.draw(case)["legibility"]["characters"]
    return [CharacterReading.model_validate(one) for one in characters]


def _words(found: Sequence[Sequence[CharacterReading]]) -> str:
    return share(all(one.is_top for one in letters if one.score is not None) for letters in found)


def _letters(found: Sequence[Sequence[CharacterReading]]) -> str:
    return share(one.is_top for letters in found for one in letters if one.score is not None)


def main(side: int, *, maps_only: bool) -> None:
    """Measure and write the report."""
    bench = Bench(load_settings(), SEED)
    rows = [[length, *measure(bench, words, side, maps_only=maps_only).row()] for length, words in tqdm(WORDS.items())]
    header = ["characters", "em, px", "print", *MAPS, *([] if maps_only else ["pictures", "letters in pictures"])]
    command = f"python -m bench.word_length --side {side}{' --maps-only' * maps_only}"
    write(f"word_length_{side}", command, table(header, rows))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--side", type=int, default=512, help="the pictures' side in pixels")
    parser.add_argument("--maps-only", action="store_true", help="draw no pictures")
    arguments = parser.parse_args()
    main(arguments.side, maps_only=arguments.maps_only)
