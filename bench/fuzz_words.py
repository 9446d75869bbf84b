"""Draw words of all of Unicode, by every method, in a process that may crash. ``make fuzz``.

    python -m bench.fuzz_words [--words 20000] [--seed 1]

Half of the words consist of arbitrary code points, as a careless or hostile caller might send them. The other half
consist of letters and marks that the shipped fonts have, with at most three marks on a letter. Each word goes through
everything: normal form, coverage, a scene with up to three motifs, the twelve conditioning methods (the two AI methods
with tiny models), the judge. It must be drawn, or refused with one of the service's errors. Anything else is a finding:
another exception, or a process that dies.

The words are drawn in a child process, which records each word before drawing it. If the process dies, the parent
records the word and continues after it in a new process. Exit code 1 means that there were findings.
"""

import argparse
import json
import random
import signal
import subprocess
import sys
import tempfile
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from tqdm import tqdm

from bench.report import table, write
from shared.errors import ServiceError
from shared.settings import load_settings
from shared.writing.characters import CharacterDatabase
from shared.writing.fonts import FontCoverage, read_fonts
from shared.writing.imagery import Imagery
from shared.writing.motif import MAX_MOTIFS
from shared.writing.words import normalise_word
from tests.conditioning_models import save_models
from worker.conditioning import Brush, Conditioning, make_conditionings
from worker.glyphs import GlyphRenderer
from worker.legibility.judge import LegibilityJudge
from worker.scene import compose

# Half of the smallest size that the API accepts, so that regions vanish sooner.
SIDE = 128
DRAWN = "drawn"
CODE_POINTS = [
    code for code in range(0x110000) if unicodedata.category(chr(code)) not in {"Cn", "Cs", "Co"} or code % 4096 == 0
]


def words(seed: int, fonts: Sequence[FontCoverage]) -> Iterator[str]:
    """Yield words endlessly, the same ones for the same seed."""
    chance = random.Random(seed)
    letters, marks = ([_of(font, kinds) for font in fonts] for kinds in ("LN", "M"))
    while True:
        yield "".join(chr(chance.choice(CODE_POINTS)) for _ in range(chance.randint(1, 8)))
        font = chance.randrange(len(fonts))
        yield "".join(
            chance.choice(letters[font]) + "".join(chance.choices(marks[font] or [""], k=chance.randint(0, 3)))
            for _ in range(chance.randint(1, 5))
        )


def _of(font: FontCoverage, kinds: str) -> list[str]:
    return sorted(character for character in font.advances if unicodedata.category(character)[0] in kinds)


class FuzzTarget:
    """Everything that a word goes through."""

    def __init__(self, folder: Path) -> None:
        settings = load_settings({})
        self.fonts = read_fonts(settings.fonts)
        self._renderer = GlyphRenderer(CharacterDatabase(), self.fonts)
        self._conditionings: tuple[Conditioning, ...] = make_conditionings(save_models(folder))
        self._imagery = Imagery()
        self._judge = LegibilityJudge()

    def draw(self, word: str) -> str:
        """Draw a word; return "drawn", the code of the error that refused it, or another failure."""
        chance = random.Random(word)
        names = chance.sample(self._imagery.names, chance.randint(0, MAX_MOTIFS))
        try:
            scene = compose(
                self._renderer, normalise_word(word), SIDE, SIDE, [self._imagery.motif(name) for name in names], seed=1
            )
            for kind in self._conditionings:
                for method in kind.available_methods:
                    kind.generate(scene, method, Brush(seed=1))
                    json.dumps(kind.notes(scene, method))
            self._judge.judge(Image.fromarray(scene.page), scene.glyph)
        except ServiceError as error:
            return error.code
        except Exception as error:  # noqa: BLE001  # what this looks for
            return f"{type(error).__name__}: {error}"
        return DRAWN if np.any(scene.glyph.mask) else "no ink"


def child(journal: Path, seed: int, start: int, count: int) -> None:
    """Draw the words of a seed from a given number on; write each number before drawing, and the outcome after."""
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder, journal.open("a", buffering=1) as lines:
        target = FuzzTarget(Path(folder))
        for number, word in zip(range(count), words(seed, target.fonts), strict=False):
            if number >= start:
                lines.write(f"{number}\t")
                lines.flush()  # on disk before anything can crash
                lines.write(json.dumps([word, target.draw(word)]) + "\n")


def run(
    seed: int, count: int, journal: Path, module: str = "bench.fuzz_words"
) -> tuple[Counter[str], list[tuple[str, str]]]:
    """Draw the words in as many processes as necessary; return the counts of outcomes, and the crashes."""
    crashes: list[tuple[str, str]] = []
    start = 0
    everything = words(seed, read_fonts(load_settings({}).fonts))
    with tqdm(total=count, unit="word") as bar:
        while start < count:
            command = [sys.executable, "-m", module, "--child", str(journal)]
            process = subprocess.Popen([*command, "--seed", str(seed), "--from", str(start), "--words", str(count)])
            while process.poll() is None:
                try:
                    process.wait(1)
                except subprocess.TimeoutExpired:
                    bar.update(_begun(journal) - bar.n)
            begun = _begun(journal)
            if process.returncode == 0:
                break
            if begun == start:
                raise RuntimeError(f"the child exited with {process.returncode} before it had drawn a word")
            name = signal.Signals(-process.returncode).name if process.returncode < 0 else str(process.returncode)
            crashes.append((next(word for number, word in enumerate(everything) if number == begun - 1), name))
            everything = words(seed, read_fonts(load_settings({}).fonts))
            start = begun
            with journal.open("a") as lines:
                lines.write("\n")
    ends = [json.loads(line.split("\t", 1)[1])[1] for line in journal.read_text().splitlines() if line.endswith("]")]
    return Counter(ends), crashes


def _begun(journal: Path) -> int:
    lines = journal.read_text().splitlines() if journal.exists() else []
    return int(lines[-1].split("\t")[0]) + 1 if lines and lines[-1] else 0


def main() -> int:
    """Run; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--words", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--from", type=int, default=0, dest="start", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        child(arguments.child, arguments.seed, arguments.start, arguments.words)
        return 0
    with tempfile.TemporaryDirectory() as folder:
        ends, crashes = run(arguments.seed, arguments.words, Path(folder) / "journal")
    rows = [*ends.most_common(), *((f"crash by {name}: {word!a}", 1) for word, name in crashes)]
    command = f"python -m bench.fuzz_words --words {arguments.words} --seed {arguments.seed}"
    write("fuzz_words", command, table(("outcome", "words"), rows))
    known = {DRAWN, *(code for code in ends if " " not in code and ":" not in code)}
    return int(bool(crashes) or bool(ends.keys() - known))


if __name__ == "__main__":
    sys.exit(main())
