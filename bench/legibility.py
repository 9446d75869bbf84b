"""The reliability of the OCR judge's score: how often its first answer is right, by score, on degraded pictures.

    python -m bench.legibility [--characters 400]           # Han
    python -m bench.legibility --letters                    # other alphabets and hangul, which our own recogniser reads
    python -m bench.legibility --clusters                   # Arabic, Thai and Devanagari

Printed characters are blurred, faded, buried in noise or covered by clutter. The pictures are grouped by their
character's score, and the share of right first answers is counted for each group.
"""

import argparse
import statistics
import time

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from tqdm import tqdm

from bench.report import table, write
from shared.errors import InvalidWord
from shared.schemas.metadata import CharacterReading
from shared.settings import load_settings
from shared.writing.characters import CharacterDatabase
from shared.writing.fonts import read_fonts
from shared.writing.words import check_coverage
from training.recogniser.alphabet import SYLLABLES
from training.recogniser.alphabet import letters as letters_of_alphabets
from training.recogniser.clusters import SCRIPTS, clusters_with_parts
from worker.glyphs import Glyph, GlyphRenderer
from worker.legibility.judge import LegibilityJudge

SIDE = 192
FONTS = read_fonts(load_settings({}).fonts)
BANDS = ((0, 0.1), (0.1, 0.3), (0.3, 0.5), (0.5, 0.7), (0.7, 0.9), (0.9, 0.97), (0.97, 1.001))


def degrade(glyph: Glyph, random: np.random.Generator) -> Image.Image:
    """Return the glyph in random colours, blurred, faded, noisy or cluttered by a random amount."""
    ink_colour, paper_colour = random.integers(0, 256, (2, 3))
    coverage = (glyph.ink / 255)[:, :, None] * random.uniform(0.2, 1)
    picture = paper_colour * (1 - coverage) + ink_colour * coverage
    blurred = cv2.GaussianBlur(picture, (0, 0), random.uniform(0.1, 9))
    cluttered = _clutter(np.asarray(blurred, np.float64), random)
    noisy = cluttered + random.normal(0, random.uniform(0, 60), cluttered.shape)
    return Image.fromarray(np.clip(noisy, 0, 255).astype(np.uint8))


def _clutter(picture: NDArray[np.float64], random: np.random.Generator) -> NDArray[np.float64]:
    """Draw up to eight random blots over the picture."""
    for _ in range(random.integers(0, 9)):
        centre = tuple(int(value) for value in random.integers(0, SIDE, 2))
        colour = tuple(float(value) for value in random.integers(0, 256, 3))
        picture = np.ascontiguousarray(picture)
        cv2.circle(picture, centre, int(random.integers(4, 28)), colour, -1)
    return picture


def han(random: np.random.Generator, count: int, database: CharacterDatabase) -> list[str]:
    """Return random Han characters."""
    return [str(one) for one in random.choice(database.characters(), count)]


def letters(random: np.random.Generator, count: int, database: CharacterDatabase) -> list[str]:
    """Return as many random hangul syllables as letters."""
    drawn = [one for one in letters_of_alphabets() if is_drawn(one, database)]
    return [str(one) for kind in (drawn, SYLLABLES) for one in random.choice(kind, count // 2)]


def clusters(random: np.random.Generator, count: int, _: CharacterDatabase) -> list[str]:
    """Return words of three random clusters of the same script, the scripts in turn."""
    known = clusters_with_parts()
    scripts = [[one for one, parts in known.items() if parts.script == number] for number in range(len(SCRIPTS))]
    return ["".join(random.choice(scripts[turn % len(scripts)], 3)) for turn in range(count // 3)]


# What is read, and the option and the name of the report.
KINDS = {
    "han": (han, "legibility"),
    "letters": (letters, "legibility_letters"),
    "clusters": (clusters, "legibility_clusters"),
}


def is_drawn(character: str, database: CharacterDatabase) -> bool:
    """Return whether the service draws a character alone; Җ, for example, seems to be wrongly decoded text."""
    try:
        check_coverage(character, database, FONTS)
    except InvalidWord:
        return False
    return True


def main(count: int, kind: str) -> None:
    """Measure and write the report."""
    random = np.random.default_rng(5)
    database = CharacterDatabase()
    renderer, judge = GlyphRenderer(database, FONTS), LegibilityJudge()
    choose, name = KINDS[kind]
    found: list[CharacterReading] = []
    times = []
    for word in tqdm(choose(random, count, database), desc="words"):
        glyph = renderer.render(word, SIDE, SIDE)
        for _ in range(4):
            picture = degrade(glyph, random)
            started = time.perf_counter()
            found += (read := judge.judge(picture, glyph).characters)
            times.append((time.perf_counter() - started) / len(read))
    readings = [reading for reading in found if reading.score is not None]
    rows = []
    for low, high in BANDS:
        band = [reading for reading in readings if reading.score is not None and low <= reading.score < high]
        right = sum(reading.is_top for reading in band)
        rows.append([f"{low} to {min(high, 1)}", len(band), f"{100 * right / max(len(band), 1):.0f} %"])
    blind = 1 - len(readings) / len(found)
    body = table(["score", "pictures", "first answer is right"], rows)
    body += (
        f"\n\n{len(found) // 4} characters, four pictures each. The judge is blind to {100 * blind:.0f} % of the "
        f"characters (it cannot read them in print) and says so. {1000 * statistics.median(times):.1f} ms a character "
        "(median), one thread."
    )
    option = "" if kind == "han" else f" --{kind}"
    write(name, f"python -m bench.legibility --characters {count}{option}", body)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--characters", type=int, default=400)
    for option in ("letters", "clusters"):
        parser.add_argument(f"--{option}", action="store_const", dest="kind", const=option, default="han")
    arguments = parser.parse_args()
    main(arguments.characters, arguments.kind)
