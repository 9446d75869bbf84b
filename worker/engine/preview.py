"""A rough preview of an unfinished picture, computed by one matrix and without waiting for the device."""

from dataclasses import dataclass

import numpy as np
import torch
from diffusers import AutoencoderKL
from numpy.typing import NDArray
from torch.nn.functional import avg_pool2d

from worker.engine.latents import scale
from worker.engine.placement import Placement

# The preview is fitted to smooth random colour fields: number of pictures, side in pixels, colour cells per side.
FIT_PICTURES, FIT_SIDE, FIT_CELLS = 4, 256, 6


@dataclass(frozen=True, slots=True)
class Preview:
    """A small picture on its way to the host.

    Attributes:
        pixels: (height, width, 3), on the host; in pinned memory if they come from a GPU.
        copied: completes when the pixels have arrived; None if they are already there.
    """

    pixels: torch.Tensor
    copied: torch.cuda.Event | None

    @property
    def is_here(self) -> bool:
        """Whether the pixels can be read."""
        return self.copied is None or bool(self.copied.query())  # type: ignore[no-untyped-call]

    @property
    def picture(self) -> NDArray[np.uint8]:
        """The pixels. Undefined before they have arrived."""
        picture: NDArray[np.uint8] = self.pixels.numpy()
        return picture


@dataclass
class Previewer:
    """Turns latents into a small picture by one matrix: a linear map explains most of a VAE's colours.

    Attributes:
        weights: (3, channels, 1, 1), red, green and blue of a latent.
        bias: (3,).
    """

    weights: torch.Tensor
    bias: torch.Tensor

    @classmethod
    def fitted(cls, vae: AutoencoderKL, placement: Placement) -> "Previewer":
        """Fit the map to this VAE: least squares from latents to the mean colour of their patch."""
        pictures = _smooth_pictures()
        with torch.inference_mode(), placement.borrow(vae):
            latents = vae.encode(pictures.to(placement.device, vae.dtype)).latent_dist.mean.float().cpu()
        latents = scale(latents, vae.config)
        factor = pictures.shape[-1] // latents.shape[-1]
        colours = avg_pool2d(pictures, factor).permute(0, 2, 3, 1).reshape(-1, 3)
        features = latents.permute(0, 2, 3, 1).reshape(-1, latents.shape[1])
        features = torch.cat([features, torch.ones(len(features), 1)], dim=1)
        solution = torch.linalg.lstsq(features, colours).solution.to(placement.device)
        return cls(solution[:-1].T[:, :, None, None], solution[-1])

    @torch.inference_mode()
    def preview(self, latents: torch.Tensor) -> Preview:
        """Start copying latents (1, channels, height, width) to the host as a picture of the same height and width."""
        colours = torch.nn.functional.conv2d(latents, self.weights, self.bias)
        bytes_ = (colours / 2 + 0.5).clamp(0, 1).mul(255).to(torch.uint8)
        # A copy from a GPU goes into memory that PyTorch pins for it.
        pixels = bytes_[0].permute(1, 2, 0).to("cpu", non_blocking=True)
        is_on_gpu = latents.device.type == "cuda"
        return Preview(pixels, torch.cuda.current_stream(latents.device).record_event() if is_on_gpu else None)


def _smooth_pictures() -> torch.Tensor:
    """Return random colour fields, (pictures, 3, side, side), -1 to 1."""
    generator = torch.Generator().manual_seed(0)
    cells = torch.rand(FIT_PICTURES, 3, FIT_CELLS, FIT_CELLS, generator=generator) * 2 - 1
    return torch.nn.functional.interpolate(cells, size=(FIT_SIDE, FIT_SIDE), mode="bilinear")
