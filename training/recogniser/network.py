"""The recognisers' network: a small convolutional classifier of a character's parts, and the products of these."""

from collections.abc import Iterable, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from training.recogniser.alphabet import FINALS, INITIALS, VOWELS
from training.recogniser.clusters import BASES, SCRIPTS, clusters_with_parts

# Columns of the input that the network sees: a character's advance is seldom longer than its line is high.
SEEN = 64


def _block(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)
    )


class Network(nn.Module):
    """Scores the classes of a picture (n, 3, 48, 96), in the judge's input format; further outputs are parts.

    The first class is no character.
    """

    def __init__(self, sizes: Sequence[int]) -> None:
        super().__init__()
        self.sizes = sizes
        self.body = nn.Sequential(
            _block(3, 24, 2), _block(24, 48, 2), _block(48, 64), _block(64, 112, 2), _block(112, 112),
            _block(112, 160, 2), nn.Conv2d(160, 96, 1, bias=False), nn.BatchNorm2d(96), nn.ReLU(inplace=True),
            nn.Flatten(), nn.Dropout(0.1), nn.Linear(96 * 3 * (SEEN // 16), 320), nn.ReLU(inplace=True),
        )  # fmt: skip
        self.head = nn.Linear(320, sum(self.sizes))

    def forward(self, pictures: Tensor) -> tuple[Tensor, ...]:
        """Return the logits of the classes and of the parts."""
        return torch.split(self.head(self.body(pictures[..., :SEEN])), list(self.sizes), dim=1)


def letter_sizes(letters: int) -> tuple[int, ...]:
    """Return the numbers of classes, which end with any hangul syllable, and of a syllable's letters."""
    return (letters + 2, INITIALS, VOWELS, FINALS)


def cluster_sizes() -> tuple[int, ...]:
    """Return the numbers of classes, which are the bases, and of each script's signs, and of each script's tops."""
    signs, tops = zip(*((len(script.signs), len(script.tops)) for script in SCRIPTS.values()), strict=True)
    return (len(BASES) + 1, *signs, *tops)


class Reader(nn.Module):
    """The network in the form of PP-OCR's recognisers: probabilities (n, columns, characters), here with one column.

    The characters are no character, the letters, and all hangul syllables.
    """

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network

    def forward(self, pictures: Tensor) -> Tensor:
        """Return the probabilities."""
        classes, *letters = (logits.softmax(dim=1) for logits in self.network(pictures))
        initial, vowel, final = letters
        syllables = (initial[:, :, None, None] * vowel[:, None, :, None] * final[:, None, None, :]).flatten(1)
        return torch.cat([classes[:, :-1], classes[:, -1:] * syllables], dim=1)[:, None]


class ClusterReader(nn.Module):
    """The network in the form of PP-OCR's recognisers: the characters are no character and the grapheme clusters.

    What is missing to a sum of 1 is the probability of clusters that are not known.
    """

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network
        parts = clusters_with_parts().values()
        signs, tops = (np.cumsum([0, *sizes]) for sizes in np.split(np.array(network.sizes[1:]), 2))
        self._bases = _index(one.base + 1 for one in parts)
        self._signs = _index(signs[one.script] + one.sign for one in parts)
        self._tops = _index(tops[one.script] + one.top for one in parts)

    def forward(self, pictures: Tensor) -> Tensor:
        """Return the probabilities."""
        bases, *parts = (logits.softmax(dim=1) for logits in self.network(pictures))
        signs, tops = torch.cat(parts[: len(SCRIPTS)], dim=1), torch.cat(parts[len(SCRIPTS) :], dim=1)
        clusters = (
            bases.index_select(1, self._bases) * signs.index_select(1, self._signs) * tops.index_select(1, self._tops)
        )
        return torch.cat([bases[:, :1], clusters], dim=1)[:, None]


def _index(numbers: Iterable[int]) -> Tensor:
    return torch.tensor([int(number) for number in numbers], dtype=torch.int32)
