"""Train the recogniser of letters that PP-OCR's cannot read, and write ``worker/data/letters.onnx``.

    python -m training.recogniser FOLDER --minutes 50
    python -m training.recogniser FOLDER --test      # how often a file's first answer is right, on fonts kept for that

FOLDER contains unpacked npm packages ``@fontsource/…`` (licences: SIL OFL 1.1, Apache 2.0, UFL 1.0). Reading their
fonts needs the package ``brotli``, and writing the network ``onnx``.
"""

import argparse
import time
import unicodedata
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import onnx
import torch
from torch import Tensor
from tqdm import tqdm

from shared.settings import load_settings
from training.recogniser.alphabet import SYLLABLES, jamo, letters
from training.recogniser.faces import Face, read_faces
from training.recogniser.network import Network, Reader
from training.recogniser.samples import BLANK_SHARE, Samples
from worker.legibility.look_alikes import look_alikes
from worker.legibility.recogniser import Recogniser

OUTPUT = Path("worker/data/letters.onnx")
BATCH, RATE = 128, 2e-3
HANGUL_SHARE = 0.4
TESTED = 1000  # pictures of each script
# Of the hangul, syllables without a final: far more of a text than the 399 of 11,172 that there are.
OPEN_SHARE = 0.4


class Batches(torch.utils.data.IterableDataset[tuple[Tensor, Tensor, Tensor]]):
    """Endless batches: pictures, the accepted classes of each (0 or 1), and a syllable's letters (-1: no syllable)."""

    def __init__(self, faces: Sequence[Face], known: Sequence[str], seed: int) -> None:
        self._faces, self._known, self._seed = faces, known, seed
        index = {letter: number + 1 for number, letter in enumerate(known)}
        self._accepted = {one: [index[twin] for twin in look_alikes(one) if twin in index] for one in known}

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
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


def loss_of(outputs: tuple[Tensor, ...], accepted: Tensor, parts: Tensor) -> Tensor:
    """Return minus the log of the probability of what is accepted, with a syllable's letters."""
    classes, *heads = outputs
    loss = -(classes.log_softmax(dim=1) + accepted.log()).logsumexp(dim=1).mean()
    for head, part in zip(heads, parts.unbind(dim=1), strict=True):
        loss = loss + torch.nn.functional.cross_entropy(head, part, ignore_index=-1, reduction="sum") / len(parts)
    return loss


def train(batches: Batches, network: Network, minutes: float) -> None:
    """Train for a time; the learning rate falls to zero within it."""
    optimizer = torch.optim.AdamW(network.parameters(), lr=RATE, weight_decay=1e-2)
    source = iter(torch.utils.data.DataLoader(batches, batch_size=None, num_workers=2, prefetch_factor=4))
    started, shown = time.monotonic(), 8.0
    with tqdm(total=round(60 * minutes), unit="s", desc="training") as bar:
        while (share := (time.monotonic() - started) / (60 * minutes)) < 1:
            for group in optimizer.param_groups:
                group["lr"] = RATE * min(1, 50 * share + 0.02) * (0.5 + 0.5 * np.cos(np.pi * share))
            pictures, accepted, parts = next(source)
            with torch.autocast("cpu", torch.bfloat16):
                outputs = network(pictures.to(memory_format=torch.channels_last))
            loss = loss_of(tuple(output.float() for output in outputs), accepted, parts)
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(network.parameters(), 5.0)
            optimizer.step()
            shown += 0.02 * (loss.item() - shown)
            bar.set_postfix(loss=f"{shown:.3f}", refresh=False)
            bar.update(round(time.monotonic() - started) - bar.n)


def export(network: Network, known: Sequence[str], path: Path) -> None:
    """Write the network in the format of PP-OCR's recognisers, with its characters in the metadata."""
    reader = Reader(network).eval()
    dynamic = {"x": {0: "n"}, "y": {0: "n"}}
    torch.onnx.export(
        reader, (torch.zeros(1, 3, 48, 96),), str(path), input_names=["x"], output_names=["y"], dynamic_axes=dynamic,
        opset_version=17, dynamo=False,
    )  # fmt: skip
    model = onnx.load(path)
    onnx.helper.set_model_props(model, {"character": "\n".join([*known, *SYLLABLES])})
    onnx.save(model, path)


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
    network = Network(len(known))
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    train(Batches([face for face in faces if not face.is_for_test], known, 1), network, minutes)
    export(network, known, to)
    print(to)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--minutes", type=float, default=50)
    parser.add_argument("--test", action="store_true", help="test the file instead")
    parser.add_argument("--to", type=Path, default=OUTPUT)
    arguments = parser.parse_args()
    main(arguments.folder, arguments.minutes, arguments.to, is_test=arguments.test)
