"""Compare the database's radical numbers with independent ones, and its marked radical strokes with their number.

    python -m training.compare_radicals Unihan_IRGSources.txt.bz2 Unihan_RadicalStrokeCounts.txt.bz2

The database's numbers are Unihan's kRSUnicode. They are compared with Adobe's assignment for Japanese fonts
(kRSAdobe_Japan1_6, any of its values) and with that of the Kangxi dictionary (kRSKangXi). The strokes marked by
hanzi-writer-data should make up the character together with Unihan's residual strokes.
"""

import argparse
import bz2
import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path

from shared.writing.characters import CharacterDatabase

LINE = re.compile(r"U\+([0-9A-F]+)\t(kRSUnicode|kRSKangXi|kRSAdobe_Japan1_6)\t(.*)")


def read(paths: Sequence[Path]) -> dict[str, dict[str, list[tuple[int, int]]]]:
    """Return (radical number, residual strokes) by source and character."""
    found: dict[str, dict[str, list[tuple[int, int]]]] = defaultdict(dict)
    for path in paths:
        for line in bz2.decompress(path.read_bytes()).decode().splitlines():
            if match := LINE.match(line):
                code, source, values = match.groups()
                # "39.5", "39'.5", and Adobe's "C+1462+39.3.5": the first and the last number after any plus signs.
                numbers = [re.findall(r"-?\d+", value.split("+")[-1]) for value in values.split()]
                found[source][chr(int(code, 16))] = [(int(number[0]), int(number[-1])) for number in numbers]
    return found


def main(paths: Sequence[Path]) -> None:
    """Print the agreements and the most common disagreements."""
    sources = read(paths)
    database = CharacterDatabase()
    characters = [found for name in database.characters() if (found := database.character(name)) and found.radical]
    for source in ("kRSAdobe_Japan1_6", "kRSKangXi"):
        table = sources[source]
        compared = [character for character in characters if character.character in table]
        differ = [
            character
            for character in compared
            if character.radical not in {number for number, _ in table[character.character]}
        ]
        kinds = Counter((table[c.character][0][0], c.radical) for c in differ).most_common(5)
        print(f"{source}: {1 - len(differ) / len(compared):.4f} of {len(compared)} characters; differ most: {kinds}")
    marked = [c for c in characters if any(stroke.in_radical for stroke in c.strokes)]
    whole = [
        c
        for c in marked
        if any(
            sum(not stroke.in_radical for stroke in c.strokes) == residual
            for _, residual in sources["kRSUnicode"][c.character]
        )
    ]
    print(f"marked strokes + residual = all strokes: {len(whole) / len(marked):.4f} of {len(marked)} characters")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("unihan", type=Path, nargs=2)
    main(parser.parse_args().unihan)
