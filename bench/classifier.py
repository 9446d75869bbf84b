"""A small network that recognises a picture's style, trained on procedural pictures.

It judges whether a generated picture has the requested style.
"""

from collections.abc import Sequence

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional
from tqdm import tqdm

from training.embedded_model.data import SceneMaker
from training.embedded_model.pictures import STYLES

SIDE = 64
EPOCHS, BATCH = 14, 64
STYLE_NAMES = tuple(STYLES)


class Classifier(nn.Module):
    """Four convolutions, then a linear layer."""

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for inputs, outputs in ((3, 24), (24, 48), (48, 96), (96, 128)):
            layers += [nn.Conv2d(inputs, outputs, 3, stride=2, padding=1), nn.GroupNorm(8, outputs), nn.SiLU()]
        self.body = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(128, len(STYLE_NAMES)))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return the logits of the styles for images (batch, 3, 64, 64), -1 to 1."""
        logits: torch.Tensor = self.body(images)
        return logits

    @torch.inference_mode()
    def answers(self, pictures: Sequence[NDArray[np.uint8]]) -> list[str]:
        """Return the style recognised in each picture."""
        logits = self(torch.stack([_prepare(picture) for picture in pictures]))
        return [STYLE_NAMES[style] for style in logits.argmax(1).tolist()]


def train_classifier(count: int = 2400, seed: int = 123) -> tuple[Classifier, float]:
    """Return a classifier and its accuracy on unseen procedural pictures, 0 to 1."""
    maker = SceneMaker(seed)
    targets = torch.arange(count) % len(STYLE_NAMES)
    images = torch.stack(
        [_prepare(maker.picture(STYLE_NAMES[style])) for style in tqdm(targets.tolist(), desc="for the classifier")]
    )
    held_out = count // 10
    torch.manual_seed(seed)
    classifier = Classifier()
    steps = EPOCHS * ((count - held_out) // BATCH)
    optimizer = torch.optim.AdamW(classifier.parameters(), 2e-3, weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 2e-3, total_steps=steps)
    for _ in tqdm(range(steps), desc="classifier"):
        rows = held_out + torch.randint(0, count - held_out, (BATCH,))
        loss = functional.cross_entropy(classifier(images[rows]), targets[rows])
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        schedule.step()
    classifier.eval()
    with torch.inference_mode():
        right = (classifier(images[:held_out]).argmax(1) == targets[:held_out]).float().mean().item()
    return classifier, right


def _prepare(picture: NDArray[np.uint8]) -> torch.Tensor:
    small = cv2.resize(picture, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    return torch.from_numpy(small.transpose(2, 0, 1).astype(np.float32) / 127.5 - 1)
