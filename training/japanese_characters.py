r"""Add the strokes of Japanese characters to ``shared/writing/data/japanese.sqlite``.

    python -m training.japanese_characters --svgs animCJK/svgsJa --unihan Unihan_IRGSources.txt.bz2

The sources are the folder ``svgsJa`` of animCJK (https://github.com/parsimonhi/animCJK, commit ec5e17c; Arphic Public
License), an SVG for each character, and the file of that name in Debian's package ``unicode-data`` 15.0.0. Run
`training.character_data` before, and `training.japanese_lexicon` in any order.

Only characters are kept that Chinese lacks (働), writes differently (直), or writes in another order (必); a reader of
the database takes the others from the Chinese one.

animCJK does not mark the strokes of the radical. They are found by comparison with the Chinese characters that have the
same radical: of each, its radical's strokes are aligned, in order, with the strokes that they fit best.
"""

import argparse
import re
import sqlite3
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from shared.writing.characters import (
    COMMAND_OR_NUMBER,
    EM,
    PATHS,
    SCHEMA,
    TOP,
    CharacterDatabase,
    Point,
    Stroke,
    encode_character,
)
from shared.writing.language import Language
from training.character_data import read_radicals
from worker.glyphs.glyph import draw_polygons
from worker.glyphs.outlines import flatten

OUTLINE = re.compile(r'<path id="z\d+d\d+" d="([^"]*)"')
MEDIAN = re.compile(r'clip-path="url\(#z\d+c\d+\)" d="([^"]*)"')
ITERATION_MARK = "々"
CHINESE_ONLY = {Language.CHINESE: PATHS[Language.CHINESE]}
IDEOGRAPHS = range(0x4E00, 0xA000)

SIDE = 192  # of the drawings that are compared, pixels
SAME_INK = 0.97  # intersection over union; drawings of one form differ only by rounding
SAME_PLACE = 120  # between the starts or ends of two strokes, in units of the em
SAMPLES = 8  # points along a median, for comparison

Lines = NDArray[np.float64]


def read_strokes(path: Path) -> tuple[Stroke, ...]:
    """Return an SVG's strokes in the coordinates of `shared.writing.characters`, none of them in the radical.

    Raises:
        ValueError: its outlines and middle lines do not correspond.
    """
    text = path.read_text(encoding="utf-8")
    pairs = zip(OUTLINE.findall(text), MEDIAN.findall(text), strict=True)
    return tuple(Stroke(_upwards(outline), _points(median), in_radical=False) for outline, median in pairs)


def _upwards(outline: str) -> str:
    """Return an SVG path with the y axis pointing up."""
    tokens, count = [], 0
    for token in COMMAND_OR_NUMBER.findall(outline):
        if token.isalpha():
            tokens.append(token)
        else:
            value = round(float(token))
            tokens.append(str(TOP - value if count % 2 else value))
            count += 1
    return " ".join(tokens)


def _points(median: str) -> tuple[Point, ...]:
    numbers = [round(float(number)) for number in re.findall(r"-?\d+(?:\.\d+)?", median)]
    return tuple((x, TOP - y) for x, y in zip(numbers[::2], numbers[1::2], strict=True))


def are_written_alike(one: Sequence[Stroke], other: Sequence[Stroke]) -> bool:
    """Return whether two characters have the same form and the same strokes in the same order."""
    if len(one) != len(other):
        return False
    ends = [np.array([[stroke.median[0], stroke.median[-1]] for stroke in strokes]) for strokes in (one, other)]
    if np.abs(ends[0] - ends[1]).max() > SAME_PLACE:
        return False
    first, second = (
        draw_polygons([flatten(stroke.outline) * np.float32(SIDE) for stroke in strokes], SIDE, SIDE) > 127
        for strokes in (one, other)
    )
    return float((first & second).sum() / (first | second).sum()) >= SAME_INK


def sampled(stroke: Stroke) -> Lines:
    """Return equally spaced points (SAMPLES, 2) along a stroke's median, in em."""
    points = np.array(stroke.median, dtype=np.float64)
    lengths = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(points, axis=0).T))])
    wanted = np.linspace(0, lengths[-1], SAMPLES)
    return np.stack([np.interp(wanted, lengths, points[:, axis]) for axis in (0, 1)], axis=1) / EM


def best_fit(strokes: Lines, forms: Lines) -> frozenset[int]:
    """Return which strokes fit one of a radical's forms best, stroke by stroke in order.

    Args:
        strokes: of a character, (count, SAMPLES, 2).
        forms: of a radical of `wanted` strokes, (forms, wanted, SAMPLES, 2); `wanted` is at most `count`.
    """
    distance = np.abs(forms[:, :, None] - strokes).mean((3, 4))
    wanted, count = distance.shape[1:]
    # cost[:, i, j]: of the radical's first i strokes among the character's first j.
    cost = np.full((len(forms), wanted + 1, count + 1), np.inf)
    cost[:, 0] = 0.0
    for i in range(1, wanted + 1):
        for j in range(i, count + 1):
            cost[:, i, j] = np.minimum(cost[:, i, j - 1], cost[:, i - 1, j - 1] + distance[:, i - 1, j - 1])
    best = cost[cost[:, -1, -1].argmin()]
    chosen, i, j = set(), wanted, count
    while i:
        j -= 1
        if best[i, j + 1] != best[i, j]:
            i -= 1
            chosen.add(j)
    return frozenset(chosen)


class Radicals:
    """The radicals' strokes in Chinese characters."""

    def __init__(self, database: CharacterDatabase) -> None:
        # By radical and number of strokes: the characters and the forms.
        self._names: dict[tuple[int, int], list[str]] = defaultdict(list)
        self._forms: dict[tuple[int, int], list[Lines]] = defaultdict(list)
        for name in tqdm(database.characters(), desc="radicals", unit="char"):
            character = database.character(name)
            form = [sampled(stroke) for stroke in character.strokes if stroke.in_radical] if character else []
            if character is not None and character.radical is not None and form:
                self._names[character.radical, len(form)].append(name)
                self._forms[character.radical, len(form)].append(np.array(form))

    def mark(
        self, strokes: tuple[Stroke, ...], number: int | None, residual: int, *, besides: str = ""
    ) -> tuple[Stroke, ...]:
        """Return strokes with those of the radical marked; none if no Chinese character has the radical in that size.

        Args:
            strokes: a character's strokes.
            number: its radical; None marks nothing.
            residual: how many strokes do not belong to the radical.
            besides: a character that is not compared with, for checking the method.
        """
        if number is None:
            return strokes
        if residual <= 0:  # Unihan may count more strokes in the radical
            return tuple(replace(stroke, in_radical=True) for stroke in strokes)
        key = number, len(strokes) - residual
        forms = [form for name, form in zip(self._names[key], self._forms[key], strict=True) if name != besides]
        if not forms:
            return strokes
        chosen = best_fit(np.array([sampled(stroke) for stroke in strokes]), np.array(forms))
        return tuple(replace(stroke, in_radical=index in chosen) for index, stroke in enumerate(strokes))


def check(database: CharacterDatabase, radicals: Radicals, numbers: Mapping[str, tuple[int, int]]) -> float:
    """Return the share of Chinese characters (every twentieth) whose marks the method finds from the others."""
    found = []
    for name in tqdm(database.characters()[::20], desc="check", unit="char"):
        character = database.character(name)
        if character is not None and name in numbers and any(stroke.in_radical for stroke in character.strokes):
            marked = radicals.mark(character.strokes, *numbers[name], besides=name)
            found.append(marked == character.strokes)
    return sum(found) / len(found)


def read_characters(
    folder: Path, chinese: CharacterDatabase, radicals: Radicals, numbers: Mapping[str, tuple[int, int]]
) -> Iterator[tuple[int, int | None, bytes]]:
    """Yield each character that Chinese lacks or writes differently: code point, radical number, encoded strokes."""
    for path in tqdm(sorted(folder.glob("*.svg"), key=lambda path: int(path.stem)), desc="characters", unit="char"):
        name = chr(int(path.stem))
        if ord(name) not in IDEOGRAPHS and name != ITERATION_MARK:
            continue
        strokes, known = read_strokes(path), chinese.character(name)
        if known is not None and are_written_alike(strokes, known.strokes):
            continue
        number, residual = numbers.get(name, (None, 0))
        yield ord(name), number, encode_character(radicals.mark(strokes, number, residual))


def build(svgs: Path, unihan: Path, output: Path) -> None:
    """Rewrite the table of characters; leave the file's other tables unchanged.

    Raises:
        FileNotFoundError: a source is missing; the table stays.
    """
    if not any(svgs.glob("*.svg")):
        raise FileNotFoundError(f"there are no characters in {svgs}")
    chinese, numbers = CharacterDatabase(Language.CHINESE, CHINESE_ONLY), read_radicals(unihan)
    radicals = Radicals(chinese)
    print(f"radicals found among known ones: {check(chinese, radicals, numbers):.1%}")
    rows = list(read_characters(svgs, chinese, radicals, numbers))
    with sqlite3.connect(output) as connection:
        connection.executescript(f"DROP TABLE IF EXISTS characters; {SCHEMA}")
        connection.executemany("INSERT INTO characters VALUES (?, ?, ?)", rows)
    with sqlite3.connect(output) as connection:
        connection.execute("VACUUM")
    print(f"{output}: {len(rows)} characters, {output.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--svgs", type=Path, required=True, help="animCJK's folder svgsJa")
    parser.add_argument("--unihan", type=Path, required=True, help="Unihan_IRGSources.txt.bz2")
    parser.add_argument("--output", type=Path, default=PATHS[Language.JAPANESE])
    arguments = parser.parse_args()
    build(arguments.svgs, arguments.unihan, arguments.output)
