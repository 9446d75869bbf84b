"""Train the recogniser of letters that PP-OCR's cannot read, and write ``worker/data/letters.onnx``.

    python -m training.recogniser FOLDER --pictures 400 --seed 1     # draws words by the embedded model; several times
    python -m training.recogniser FOLDER --minutes 50
    python -m training.recogniser FOLDER --minutes 25 --start worker/data/letters.onnx    # go on
    python -m training.recogniser FOLDER --test      # how often a file's first answer is right, on fonts kept for that

FOLDER contains unpacked npm packages ``@fontsource/…`` (licences: SIL OFL 1.1, Apache 2.0, UFL 1.0). Reading their
fonts needs the package ``brotli``, and writing the network ``onnx``.
"""

import argparse
import unicodedata
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import torch

from shared.settings import load_settings
from shared.writing.unicode_script import script
from training.recogniser.alphabet import SYLLABLES, jamo, letters
from training.recogniser.drawn import DrawnWords
from training.recogniser.faces import Face, read_faces
from training.recogniser.learning import BATCH, DRAWN_SHARE, Batch, Batches, export, layers_of, start_from, train
from training.recogniser.looks import BLANK_SHARE
from training.recogniser.network import Network, Reader, letter_sizes
from training.recogniser.samples import Samples
from training.recogniser.words import LONGEST, Cuts, draw, load
from worker.legibility.look_alikes import look_alikes
from worker.legibility.recogniser import Recogniser

OUTPUT = Path("worker/data/letters.onnx")
HANGUL_SHARE = 0.4
TESTED = 1000  # pictures of each script
# Of the hangul, syllables without a final: far more of a text than the 399 of 11,172 that there are.
OPEN_SHARE = 0.4


class LetterBatches(Batches):
    """Endless batches, whose parts are a syllable's letters."""

    def __init__(self, faces: Sequence[Face], known: Sequence[str], seed: int, drawn: Cuts | None = None) -> None:
        """Set the faces, the letters, and the cuts of drawn pictures, if there are any."""
        self._faces, self._known, self._seed, self._drawn = faces, known, seed, drawn
        index = {letter: number + 1 for number, letter in enumerate(known)}
        self._accepted = {one: [index[twin] for twin in look_alikes(one) if twin in index] for one in known}

    def __iter__(self) -> Iterator[Batch]:
        worker = torch.utils.data.get_worker_info()
        seed = self._seed + (worker.id if worker else 0)
        random, samples = np.random.default_rng(seed), Samples(self._faces, seed)
        choose = partial(self._character, random, *self._printed(samples))
        while True:
            pictures = np.zeros((BATCH, 3, 48, 96), np.float32)
            accepted, parts = np.zeros((BATCH, len(self._known) + 2), np.float32), np.full((BATCH, 3), -1)
            for row in range(BATCH):
                character: str | None
                if self._drawn and random.random() < DRAWN_SHARE:
                    number = int(random.integers(len(self._drawn.clusters)))
                    character, pictures[row] = self._drawn.clusters[number], samples.looks.of_drawn(self._drawn[number])
                else:
                    character = choose()
                    pictures[row] = samples.sample(character)
                if character is None:
                    accepted[row, 0] = 1
                elif character in self._accepted:
                    accepted[row, self._accepted[character]] = 1
                else:
                    accepted[row, -1], parts[row] = 1, jamo(character)
            yield torch.from_numpy(pictures), torch.from_numpy(accepted), torch.from_numpy(parts)

    def _printed(self, samples: Samples) -> tuple[list[str], list[str], list[str]]:
        """Return the letters, the syllables and the syllables without a final that there are in print."""
        syllables = [one for one in SYLLABLES if one in samples.characters]
        opened = [one for one in syllables if jamo(one)[2] == 0]
        return [one for one in self._known if one in samples.characters], syllables, opened

    @staticmethod
    def _character(
        random: np.random.Generator, own: Sequence[str], syllables: Sequence[str], opened: Sequence[str]
    ) -> str | None:
        """Return a character to print; None is a picture without one."""
        kind = random.random()
        if kind < BLANK_SHARE:
            return None
        among = own
        if kind < BLANK_SHARE + HANGUL_SHARE:
            among = opened if random.random() < OPEN_SHARE else syllables
        return among[int(random.integers(len(among)))]


def own_words(faces: Sequence[Face], seed: int) -> Iterator[tuple[str, frozenset[str]]]:
    """Yield random words in the service's own fonts, each of one script, with the characters that are known."""
    random = np.random.default_rng(seed)
    known = frozenset(character for face in faces if face.is_own for character in face.characters)
    by_script: dict[str, list[str]] = {}
    for character in sorted(known):
        by_script.setdefault(script(character), []).append(character)
    while True:
        among = list(by_script.values())[random.integers(len(by_script))]
        yield "".join(random.choice(among, random.integers(1, LONGEST + 1))), known


def test(faces: Sequence[Face], path: Path) -> None:
    """Print by script how often the first answer is right, on pictures that are not spoilt."""
    random, samples, recogniser = np.random.default_rng(5), Samples(faces, 5), Recogniser(path)
    by_script: dict[str, list[str]] = {}
    for character in samples.characters:
        by_script.setdefault(unicodedata.name(character).split()[0], []).append(character)
    for name, characters in by_script.items():
        chosen = [characters[number] for number in random.integers(len(characters), size=TESTED)]
        tops = recogniser.read(np.stack([samples.sample(one, may_spoil=False) for one in chosen])).argmax(axis=2)[:, 0]
        right = sum(top in recogniser.accepted(one) for top, one in zip(tops, chosen, strict=True))
        print(f"{name:10}{right / TESTED:6.1%} of {TESTED}")


def learn(faces: Sequence[Face], folder: Path, minutes: float, start: Path | None, to: Path) -> None:
    """Train on print and on what was drawn, and export."""
    known, drawn = letters(), sorted(folder.glob("drawn-*.npz"))
    network = Network(letter_sizes(len(known)))
    batches = LetterBatches(faces, known, 1, load(drawn) if drawn else None)
    if start:
        start_from(layers_of(start), network, next(iter(batches))[0])
    train(batches, network, minutes, lambda: export(Reader(network), [*known, *SYLLABLES], to))
    print(to)


def main() -> None:
    """Draw, train or test."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--pictures", type=int, default=0, help="words to draw by the embedded model; no training")
    parser.add_argument("--seed", type=int, default=1, help="of the pictures")
    parser.add_argument("--minutes", type=float, default=50)
    parser.add_argument("--start", type=Path, help="the recogniser from which to go on")
    parser.add_argument("--test", action="store_true", help="test the file instead")
    parser.add_argument("--to", type=Path, default=OUTPUT)
    options = parser.parse_args()
    settings = load_settings({})
    faces = read_faces(options.folder, settings.fonts, frozenset([*letters(), *SYLLABLES]))
    if options.test:
        test([face for face in faces if face.is_for_test], options.to)
    elif options.pictures:
        source = DrawnWords(own_words(faces, options.seed), settings, options.seed)
        draw(source, options.pictures, options.folder / f"drawn-{options.seed}.npz")
    else:
        trained = [face for face in faces if not face.is_for_test]
        learn(trained, options.folder, options.minutes, options.start, options.to)


if __name__ == "__main__":
    main()
