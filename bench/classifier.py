"""A small network that names a picture's style and meaning, trained on procedural pictures.

It judges whether a generated picture shows what it was asked for: the style, and the palette or motif of the meaning.
"""

from collections.abc import Sequence

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional
from tqdm import tqdm

from training.embedded_model.data import SampleMaker
from training.embedded_model.meanings import MEANINGS
from training.embedded_model.pictures import STYLES

SIDE = 64
EPOCHS, BATCH = 14, 64

STYLE_NAMES, MEANING_NAMES = tuple(STYLES), tuple(MEANINGS)


class Classifier(nn.Module):
    """Four convolutions, then one linear layer for each question."""

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for inputs, outputs in ((3, 24), (24, 48), (48, 96), (96, 128)):
            layers += [nn.Conv2d(inputs, outputs, 3, stride=2, padding=1), nn.GroupNorm(8, outputs), nn.SiLU()]
        self.body = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.style, self.meaning = nn.Linear(128, len(STYLE_NAMES)), nn.Linear(128, len(MEANING_NAMES))

    def forward(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the logits of style and meaning for images (batch, 3, 64, 64), -1 to 1."""
        features = self.body(images)
        return self.style(features), self.meaning(features)

    @torch.inference_mode()
    def answers(self, pictures: Sequence[NDArray[np.uint8]]) -> list[tuple[str, str]]:
        """Return the style and the meaning that it sees in each picture."""
        styles, meanings = self(torch.stack([_prepare(picture) for picture in pictures]))
        return [
            (STYLE_NAMES[style], MEANING_NAMES[meaning])
            for style, meaning in zip(styles.argmax(1).tolist(), meanings.argmax(1).tolist(), strict=True)
        ]


def train_classifier(count: int = 5000, seed: int = 123) -> tuple[Classifier, float, float]:
    """Return a classifier, and how often it is right on procedural pictures that it has not seen: style, meaning."""
    maker = SampleMaker(seed)
    random = np.random.default_rng(seed)
    labels = np.column_stack([random.integers(0, len(names), count) for names in (STYLE_NAMES, MEANING_NAMES)])
    images = torch.stack(
        [
            _prepare(maker.picture(STYLE_NAMES[style], MEANING_NAMES[meaning]))
            for style, meaning in tqdm(labels.tolist(), desc="pictures for the classifier")
        ]
    )
    targets = torch.from_numpy(labels)
    held_out = count // 10
    torch.manual_seed(seed)
    classifier = Classifier()
    steps = EPOCHS * ((count - held_out) // BATCH)
    optimizer = torch.optim.AdamW(classifier.parameters(), 2e-3, weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 2e-3, total_steps=steps)
    for _ in tqdm(range(steps), desc="classifier"):
        rows = held_out + torch.randint(0, count - held_out, (BATCH,))
        style, meaning = classifier(images[rows])
        loss = functional.cross_entropy(style, targets[rows, 0]) + functional.cross_entropy(meaning, targets[rows, 1])
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        schedule.step()
    classifier.eval()
    with torch.inference_mode():
        seen = [logits.argmax(1) for logits in classifier(images[:held_out])]
    right = [(seen[axis] == targets[:held_out, axis]).float().mean().item() for axis in (0, 1)]
    return classifier, right[0], right[1]


def _prepare(picture: NDArray[np.uint8]) -> torch.Tensor:
    small = cv2.resize(picture, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    return torch.from_numpy(small.transpose(2, 0, 1).astype(np.float32) / 127.5 - 1)
