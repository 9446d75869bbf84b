"""Train the recogniser of Arabic, Thai and Devanagari, and write ``worker/data/clusters.onnx``.

    python -m training.recogniser.cluster_training FOLDER --draw 16000 --seed 1    # several times, with other seeds
    python -m training.recogniser.cluster_training FOLDER --pictures 600 --seed 2    # the same
    python -m training.recogniser.cluster_training FOLDER --minutes 50
    python -m training.recogniser.cluster_training FOLDER --minutes 50 --start worker/data/clusters.onnx    # go on
    python -m training.recogniser.cluster_training FOLDER --average 1.onnx 2.onnx    # their weights' mean
    python -m training.recogniser.cluster_training FOLDER --test    # how often the first answer is right

FOLDER contains unpacked npm packages ``@fontsource/…`` (licence: SIL OFL 1.1), and gets the drawn letters. Reading the
fonts needs the package ``brotli``, and writing the network ``onnx``. The test uses fonts that are kept for it.
``--pictures`` draws words by the embedded model.
"""

import argparse
from collections.abc import Iterator
from functools import partial
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from shared.settings import load_settings
from training.recogniser.clusters import BASES, SCRIPTS, Parts, clusters_with_parts
from training.recogniser.drawn import DrawnWords
from training.recogniser.learning import (
    BATCH,
    DRAWN_SHARE,
    Batch,
    Batches,
    average,
    export,
    layers_of,
    start_from,
    train,
)
from training.recogniser.looks import BLANK_SHARE, Looks, Picture
from training.recogniser.network import ClusterReader, Network, cluster_sizes
from training.recogniser.words import Cut, Cuts, Words, draw, load, read_word_faces
from worker.legibility.judge import LETTERS
from worker.legibility.look_alikes import look_alikes
from worker.legibility.recogniser import Recogniser

OUTPUT = Path("worker/data/clusters.onnx")
TESTED = 1000  # pictures of each script


class CutBatches(Batches):
    """Endless batches of drawn letters, whose parts are a cluster's sign and top in its script."""

    def __init__(self, cuts: Cuts, seed: int, drawn: Cuts | None = None) -> None:
        """Set the cuts of print, and those of drawn pictures, if there are any."""
        self._cuts, self._seed, self._drawn = cuts, seed, drawn
        self._parts = clusters_with_parts()
        index = {base: number + 1 for number, base in enumerate(BASES)}
        self._ends, self._drawn_ends = self._summed_shares(cuts), self._summed_shares(drawn) if drawn else np.ones(0)
        self._accepted = [[index[twin] for twin in look_alikes(base) if twin in index] for base in BASES]

    def __iter__(self) -> Iterator[Batch]:
        worker = torch.utils.data.get_worker_info()
        random = np.random.default_rng(self._seed + (worker.id if worker else 0))
        looks = Looks(random)
        while True:
            pictures = np.zeros((BATCH, 3, 48, 96), np.float32)
            accepted, parts = np.zeros((BATCH, len(BASES) + 1), np.float32), np.full((BATCH, 2 * len(SCRIPTS)), -1)
            for row in range(BATCH):
                if random.random() < BLANK_SHARE:
                    pictures[row], accepted[row, 0] = looks.picture(None), 1
                    continue
                cluster, pictures[row] = self._one(random, looks)
                of_cluster = self._parts[cluster]
                accepted[row, self._accepted[of_cluster.base]] = 1
                parts[row] = _targets(of_cluster)
            yield torch.from_numpy(pictures), torch.from_numpy(accepted), torch.from_numpy(parts)

    def _one(self, random: np.random.Generator, looks: Looks) -> tuple[str, Picture]:
        """Return a cluster and its picture."""
        if self._drawn and random.random() < DRAWN_SHARE:
            number = int(np.searchsorted(self._drawn_ends, random.random()))
            return self._drawn.clusters[number], looks.of_drawn(self._drawn[number])
        number = int(np.searchsorted(self._ends, random.random()))
        return self._cuts.clusters[number], looks.picture(_ink(self._cuts[number]))

    def _summed_shares(self, cuts: Cuts) -> NDArray[np.float64]:
        """Return for each cut the sum of its own and all earlier cuts' shares of the batches."""
        # A base of which there are four times as many cuts is seen twice as often.
        bases = [self._parts[cluster].base for cluster in cuts.clusters]
        sums = np.cumsum(np.bincount(bases, minlength=len(BASES))[bases] ** -0.5)
        return np.asarray(sums / sums[-1])


def _ink(cut: Cut) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    return cut.astype(np.float32) / np.float32(255)


def _targets(parts: Parts) -> list[int]:
    """Return the sign and the top, each in its script's place."""
    targets = [-1] * (2 * len(SCRIPTS))
    targets[parts.script], targets[len(SCRIPTS) + parts.script] = parts.sign, parts.top
    return targets


def test(words: Words, path: Path) -> None:
    """Print by script how often the first answer is right, on pictures that are not spoilt."""
    looks, recogniser = Looks(np.random.default_rng(5)), Recogniser(path)
    for script in SCRIPTS:
        found = list(islice((cut for _ in iter(int, 1) for cut in words.cuts(script)), TESTED))
        pictures = np.stack([looks.picture(_ink(cut), may_spoil=False) for _, cut in found])
        tops = recogniser.read(pictures).argmax(axis=2)[:, 0]
        right = sum(top in recogniser.accepted(cluster) for top, (cluster, _) in zip(tops, found, strict=True))
        print(f"{script:12}{right / TESTED:6.1%} of {TESTED}")


def own_words(words: Words) -> Iterator[tuple[str, frozenset[str]]]:
    """Yield words in the service's own fonts, each with the clusters that are known."""
    while True:
        face, word = words.word()
        yield word, face.clusters


def learn(folder: Path, seed: int, minutes: float, start: Path, to: Path) -> None:
    """Train on what was drawn, and export."""
    network, drawn = Network(cluster_sizes()), sorted(folder.glob("drawn-*.npz"))
    batches = CutBatches(load(sorted(folder.glob("cuts-*.npz"))), seed, load(drawn) if drawn else None)
    start_from(layers_of(start), network, next(iter(batches))[0])
    train(batches, network, minutes, lambda: export(ClusterReader(network), [*clusters_with_parts()], to))
    print(to)


def main() -> None:
    """Draw, train or test."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--draw", type=int, default=0, help="words to draw; no training")
    parser.add_argument("--pictures", type=int, default=0, help="words to draw by the embedded model; no training")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=50)
    parser.add_argument("--start", type=Path, default=LETTERS, help="the recogniser from which to start")
    parser.add_argument("--average", type=Path, nargs="+", help="recognisers to average; no training")
    parser.add_argument("--test", action="store_true", help="test the file instead")
    parser.add_argument("--to", type=Path, default=OUTPUT)
    options = parser.parse_args()
    settings = load_settings({})
    faces = partial(read_word_faces, options.folder, settings.fonts)
    if options.average:
        average(options.average, options.to)
    elif options.test:
        test(Words([face for face in faces() if face.is_for_test], options.seed), options.to)
    elif options.draw:
        words = Words([face for face in faces() if not face.is_for_test], options.seed)
        draw(words, options.draw, options.folder / f"cuts-{options.seed}.npz")
    elif options.pictures:
        words = Words([face for face in faces() if face.is_own], options.seed)
        source = DrawnWords(own_words(words), settings, options.seed)
        draw(source, options.pictures, options.folder / f"drawn-{options.seed}.npz")
    else:
        learn(options.folder, options.seed, options.minutes, options.start, options.to)


if __name__ == "__main__":
    main()
