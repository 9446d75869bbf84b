"""Train the recogniser of Arabic, Thai and Devanagari, and write ``worker/data/clusters.onnx``.

    python -m training.recogniser.cluster_training FOLDER --draw 16000 --seed 1    # several times, with other seeds
    python -m training.recogniser.cluster_training FOLDER --minutes 50
    python -m training.recogniser.cluster_training FOLDER --test    # how often the first answer is right

FOLDER contains unpacked npm packages ``@fontsource/…`` (licence: SIL OFL 1.1), and gets the drawn letters. Reading the
fonts needs the package ``brotli``, and writing the network ``onnx``. The test uses fonts that are kept for it.
"""

import argparse
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np
import torch

from shared.settings import load_settings
from training.recogniser.clusters import BASES, SCRIPTS, Parts, clusters_with_parts
from training.recogniser.learning import BATCH, Batch, Batches, export, layers_of, start_from, train
from training.recogniser.looks import BLANK_SHARE, Looks
from training.recogniser.network import ClusterReader, Network, cluster_sizes
from training.recogniser.words import Cut, Cuts, Words, gather, load, read_word_faces
from worker.legibility.judge import LETTERS
from worker.legibility.look_alikes import look_alikes
from worker.legibility.recogniser import Recogniser

OUTPUT = Path("worker/data/clusters.onnx")
TESTED = 1000  # pictures of each script


class CutBatches(Batches):
    """Endless batches of drawn letters, whose parts are a cluster's sign and top in its script."""

    def __init__(self, cuts: Cuts, seed: int) -> None:
        self._cuts, self._seed = cuts, seed
        self._parts = clusters_with_parts()
        index = {base: number + 1 for number, base in enumerate(BASES)}
        # A base of which there are four times as many cuts is seen twice as often.
        bases = [self._parts[cluster].base for cluster in cuts.clusters]
        shares = np.bincount(bases, minlength=len(BASES))[bases] ** -0.5
        self._shares = shares / shares.sum()
        self._accepted = [[index[twin] for twin in look_alikes(base) if twin in index] for base in BASES]

    def __iter__(self) -> Iterator[Batch]:
        worker = torch.utils.data.get_worker_info()
        random = np.random.default_rng(self._seed + (worker.id if worker else 0))
        looks = Looks(random)
        while True:
            pictures = np.zeros((BATCH, 3, 48, 96), np.float32)
            accepted, parts = np.zeros((BATCH, len(BASES) + 1), np.float32), np.full((BATCH, 2 * len(SCRIPTS)), -1)
            for row, number in enumerate(random.choice(len(self._shares), BATCH, p=self._shares)):
                if random.random() < BLANK_SHARE:
                    pictures[row], accepted[row, 0] = looks.picture(None), 1
                    continue
                of_cluster = self._parts[self._cuts.clusters[number]]
                pictures[row] = looks.picture(_ink(self._cuts[number]))
                accepted[row, self._accepted[of_cluster.base]] = 1
                parts[row] = _targets(of_cluster)
            yield torch.from_numpy(pictures), torch.from_numpy(accepted), torch.from_numpy(parts)


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


def main(folder: Path, words: int, seed: int, minutes: float, to: Path, *, is_test: bool) -> None:
    """Draw, train and export, or test what was exported."""
    if words or is_test:
        faces = [face for face in read_word_faces(folder, load_settings({}).fonts) if face.is_for_test == is_test]
        source = Words(faces, seed)
        if is_test:
            test(source, to)
        else:
            gather(cut for _ in range(words) for cut in source.cuts()).save(folder / f"cuts-{seed}.npz")
        return
    network = Network(cluster_sizes())
    cuts = load(sorted(folder.glob("cuts-*.npz")))
    batches = CutBatches(cuts, seed)
    start_from(layers_of(LETTERS), network, next(iter(batches))[0])
    train(batches, network, minutes, lambda: export(ClusterReader(network), [*clusters_with_parts()], to))
    print(to)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--draw", type=int, default=0, help="words to draw; no training")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=50)
    parser.add_argument("--test", action="store_true", help="test the file instead")
    parser.add_argument("--to", type=Path, default=OUTPUT)
    arguments = parser.parse_args()
    main(arguments.folder, arguments.draw, arguments.seed, arguments.minutes, arguments.to, is_test=arguments.test)
