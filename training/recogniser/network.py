"""The recogniser's network: a small convolutional classifier, whose hangul syllables are products of their letters."""

import torch
from torch import Tensor, nn

from training.recogniser.alphabet import FINALS, INITIALS, VOWELS

# Columns of the input that the network sees: a character's advance is seldom longer than its line is high.
SEEN = 64


def _block(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)
    )


class Network(nn.Module):
    """Scores the classes of a picture (n, 3, 48, 96), in the judge's input format.

    The classes are no character, the letters, and any hangul syllable; three more outputs are a syllable's letters.
    """

    def __init__(self, letters: int) -> None:
        super().__init__()
        self.sizes = (letters + 2, INITIALS, VOWELS, FINALS)
        self.body = nn.Sequential(
            _block(3, 24, 2), _block(24, 48, 2), _block(48, 64), _block(64, 112, 2), _block(112, 112),
            _block(112, 160, 2), nn.Conv2d(160, 96, 1, bias=False), nn.BatchNorm2d(96), nn.ReLU(inplace=True),
            nn.Flatten(), nn.Dropout(0.1), nn.Linear(96 * 3 * (SEEN // 16), 320), nn.ReLU(inplace=True),
        )  # fmt: skip
        self.head = nn.Linear(320, sum(self.sizes))

    def forward(self, pictures: Tensor) -> tuple[Tensor, ...]:
        """Return the logits of the classes and of a syllable's initial, vowel and final."""
        return torch.split(self.head(self.body(pictures[..., :SEEN])), list(self.sizes), dim=1)


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
