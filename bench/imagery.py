"""The time to open the imagery and to look it up. ``python -m bench.imagery``

The words are every 50th of the lexicon, with the sense that steers. Each is looked up for the first time.
"""

import argparse
import statistics
import time
from collections.abc import Callable

from bench.report import machine
from shared.writing.characters import CharacterDatabase
from shared.writing.imagery import DATABASE_PATH, Imagery


def main() -> None:
    """Print the table."""
    openings = [_ms(Imagery) for _ in range(20)]
    imagery, database = Imagery(), CharacterDatabase()
    senses = [(word, senses[0].gloss) for word in list(database.words())[::50] if (senses := database.senses(word))]
    lookups = sorted(_ms(imagery.for_word, *sense) for sense in senses)
    pictures = sorted(_ms(imagery.motif, name) for name in imagery.names)
    known = sum(bool(imagery.for_word(*sense)) for sense in senses)
    print(machine())
    print(f"{DATABASE_PATH.name}: {DATABASE_PATH.stat().st_size / 1e6:.2f} MB, {len(imagery.names)} motifs")
    print(f"opening: {statistics.median(openings):.1f} ms")
    print(f"a word's motifs: {_spread(lookups)} ({len(senses)} words, {known} with imagery)")
    print(f"a motif's picture: {_spread(pictures)}")


def _ms(call: Callable[..., object], *arguments: str) -> float:
    started = time.perf_counter()
    call(*arguments)
    return (time.perf_counter() - started) * 1000


def _spread(times: list[float]) -> str:
    return f"median {statistics.median(times):.2f} ms, 99 % {times[int(0.99 * len(times))]:.2f} ms"


if __name__ == "__main__":
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    main()
