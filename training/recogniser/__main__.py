"""Train the recogniser of letters that PP-OCR's cannot read, and write ``worker/data/letters.onnx``.

    python -m training.recogniser FOLDER --minutes 50
    python -m training.recogniser FOLDER --test      # how often a file's first answer is right, on fonts kept for that

FOLDER contains unpacked npm packages ``@fontsource/…`` (licences: SIL OFL 1.1, Apache 2.0, UFL 1.0). Reading their
fonts needs the package ``brotli``, and writing the network ``onnx``.
"""

import argparse
import unicodedata
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch

from shared.settings import load_settings
from training.recogniser.alphabet import SYLLABLES, jamo, letters
from training.recogniser.faces import Face, read_faces
from training.recogniser.learning import BATCH, Batch, Batches, export, train
from training.recogniser.looks import BLANK_SHARE
from training.recogniser.network import Network, Reader, letter_sizes
from training.recogniser.samples import Samples
from worker.legibility.look_alikes import look_alikes
from worker.legibility.recogniser import Recogniser

OUTPUT = Path("worker/data/letters.onnx")
HANGUL_SHARE = 0.4
TESTED = 1000  # pictures of each script
# Of the hangul, syllables without a final: far more of a text than the 399 of 11,172 that there are.
OPEN_SHARE = 0.4


class LetterBatches(Batches):
    """Endless batches, whose parts are a syllable's letters."""

    def __init__(self, faces: Sequence[Face], known: Sequence[str], seed: int) -> None:
        self._faces, self._known, self._seed = faces, known, seed
        index = {letter: number + 1 for number, letter in enumerate(known)}
        self._accepted = {one: [index[twin] for twin in look_alikes(one) if twin in index] for one in known}

    def __iter__(self) -> Iterator[Batch]:
        worker = torch.utils.data.get_worker_info()
        seed = self._seed + (worker.id if worker else 0)
        random, samples = np.random.default_rng(seed), Samples(self._faces, seed)
        own = [one for one in self._known if one in samples.characters]
        syllables = [one for one in SYLLABLES if one in samples.characters]
        opened = [one for one in syllables if jamo(one)[2] == 0]
        while True:
            pictures = np.zeros((BATCH, 3, 48, 96), np.float32)
            accepted, parts = np.zeros((BATCH, len(self._known) + 2), np.float32), np.full((BATCH, 3), -1)
            for row in range(BATCH):
                kind = random.random()
                if kind < BLANK_SHARE:
                    character, accepted[row, 0] = None, 1
                elif kind < BLANK_SHARE + HANGUL_SHARE:
                    among = opened if random.random() < OPEN_SHARE else syllables
                    character = among[random.integers(len(among))]
                    accepted[row, -1], parts[row] = 1, jamo(character)
                else:
                    character = own[random.integers(len(own))]
                    accepted[row, self._accepted[character]] = 1
                pictures[row] = samples.sample(character)
            yield torch.from_numpy(pictures), torch.from_numpy(accepted), torch.from_numpy(parts)


def test(faces: Sequence[Face], path: Path) -> None:
    """Print by script how often the first answer is right, on pictures that are not spoilt."""
    random, samples, recogniser = np.random.default_rng(5), Samples(faces, 5), Recogniser(path)
    by_script: dict[str, list[str]] = {}
    for character in samples.characters:
        by_script.setdefault(unicodedata.name(character).split()[0], []).append(character)
    for script, characters in by_script.items():
        chosen = [characters[number] for number in random.integers(len(characters), size=TESTED)]
        tops = recogniser.read(np.stack([samples.sample(one, may_spoil=False) for one in chosen])).argmax(axis=2)[:, 0]
        right = sum(top in recogniser.accepted(one) for top, one in zip(tops, chosen, strict=True))
        print(f"{script:10}{right / TESTED:6.1%} of {TESTED}")


def main(folder: Path, minutes: float, to: Path, *, is_test: bool) -> None:
    """Train and export, or test what was exported."""
    known = letters()
    faces = read_faces(folder, load_settings({}).fonts, frozenset([*known, *SYLLABLES]))
    if is_test:
        test([face for face in faces if face.is_for_test], to)
        return
    network = Network(letter_sizes(len(known)))
    batches = LetterBatches([face for face in faces if not face.is_for_test], known, 1)
    train(batches, network, minutes, lambda: export(Reader(network), [*known, *SYLLABLES], to))
    print(to)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--minutes", type=float, default=50)
    parser.add_argument("--test", action="store_true", help="test the file instead")
    parser.add_argument("--to", type=Path, default=OUTPUT)
    arguments = parser.parse_args()
    main(arguments.folder, arguments.minutes, arguments.to, is_test=arguments.test)
