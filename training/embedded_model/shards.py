"""Stored training samples: latents, prompts, and maps as PNG bytes, a few hundred per file."""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from diffusers import AutoencoderKL
from numpy.typing import NDArray
from torch.nn import functional
from tqdm import tqdm

from shared.schemas import CONTROL_TYPES, ControlType
from training.embedded_model.data import SIDE, Image, Sample, SceneMaker, to_tensor
from training.embedded_model.vae import encode
from worker.conditioning.segmentation import WORD_COLOURS

SHARD_SIZE = 250
# Pictures encoded in one batch.
ENCODED = 4
# Pixels per latent, along one side.
PIXELS = 8


@dataclass(frozen=True, slots=True)
class Crop:
    """A square part of a picture, in pixels; all values are multiples of 8."""

    top: int = 0
    left: int = 0
    side: int = SIDE


WHOLE = Crop()


def store_shards(folder: Path, vae: AutoencoderKL, count: int, device: torch.device) -> None:
    """Draw, encode and store samples until there are ``count`` shards; resume after an interruption."""
    for number in tqdm(range(count), desc="shards"):
        path = folder / f"shard-{number:05}.npz"
        if path.is_file():
            continue
        maker = SceneMaker(seed=1_000_003 * number + 17)
        samples = [maker.sample() for _ in tqdm(range(SHARD_SIZE), desc="pictures", leave=False)]
        latents = [_encode(vae, samples[start : start + ENCODED], device) for start in range(0, len(samples), ENCODED)]
        save_shard(path, samples, np.concatenate(latents))


def _encode(vae: AutoencoderKL, samples: list[Sample], device: torch.device) -> NDArray[np.float16]:
    images = torch.stack([to_tensor(sample.picture) for sample in samples]).to(device)
    latents: NDArray[np.float16] = encode(vae, images).cpu().numpy().astype(np.float16)
    return latents


def save_shard(path: Path, samples: list[Sample], latents: NDArray[np.float16]) -> None:
    """Write samples as arrays; the maps' PNG bytes are concatenated."""
    arrays: dict[str, NDArray[np.generic]] = {
        "latents": latents,
        "prompts": np.array([sample.prompt for sample in samples]),
        "styles": np.array([sample.style for sample in samples]),
    }
    for control_type in CONTROL_TYPES:
        pngs = [cv2.imencode(".png", sample.maps[control_type][:, :, ::-1])[1] for sample in samples]
        arrays[control_type] = np.concatenate(pngs)
        arrays[f"{control_type}_ends"] = np.cumsum([len(png) for png in pngs])
    temporary = path.with_name(f"part-of-{path.name}")  # numpy wants .npz at the end, and it must not look like a shard
    np.savez(temporary, **arrays)  # type: ignore[arg-type]
    temporary.rename(path)  # atomic: a shard is complete or absent


class Shard:
    """A stored shard in memory."""

    def __init__(self, path: Path) -> None:
        """Read a shard."""
        with np.load(path, allow_pickle=False) as stored:
            self._arrays = dict(stored)

    def __len__(self) -> int:
        """Return the number of samples."""
        return len(self._arrays["latents"])

    def latents(self, index: int, crop: Crop = WHOLE) -> torch.Tensor:
        """Return a picture's latents (16, side / 8, side / 8)."""
        top, left, side = (value // PIXELS for value in (crop.top, crop.left, crop.side))
        part = self._arrays["latents"][index][:, top : top + side, left : left + side]
        return torch.from_numpy(part.astype(np.float32))

    @property
    def styles(self) -> NDArray[np.str_]:
        """Each picture's style, (samples,)."""
        styles: NDArray[np.str_] = self._arrays["styles"]
        return styles

    def prompt(self, index: int) -> str:
        """Return a picture's prompt."""
        return str(self._arrays["prompts"][index])

    def map(
        self, index: int, control_type: ControlType, crop: Crop = WHOLE, shift: tuple[int, int] = (0, 0)
    ) -> torch.Tensor:
        """Return a map as (3, side, side), 0 to 1, shifted by a number of pixels (down, right)."""
        ends = self._arrays[f"{control_type}_ends"]
        start = int(ends[index - 1]) if index else 0
        png: Image = self._arrays[control_type][start : int(ends[index])]
        image = np.asarray(cv2.imdecode(png, cv2.IMREAD_COLOR_RGB))
        if any(shift):
            image = np.roll(image, shift, (0, 1))
        part = image[crop.top : crop.top + crop.side, crop.left : crop.left + crop.side]
        return torch.from_numpy(np.ascontiguousarray(part.transpose(2, 0, 1))).float() / 255

    def motifs(self, index: int, crop: Crop = WHOLE) -> torch.Tensor:
        """Return where a picture's motifs are: the covered share of each latent's pixels (1, side / 8, side / 8)."""
        colours = (self.map(index, "segmentation", crop) * 255).round().to(torch.uint8)
        return motif_share(colours[None])[0]


def motif_share(segmentations: torch.Tensor) -> torch.Tensor:
    """Return the share of each latent's pixels that motifs cover, (batch, 1, side / 8, side / 8).

    ``segmentations`` are maps (batch, 3, side, side), uint8: black is the ground, and the word has colours of its own.
    """
    is_motif = segmentations.any(1, keepdim=True)
    for colour in WORD_COLOURS:
        word = torch.tensor(colour, dtype=torch.uint8, device=segmentations.device)[:, None, None]
        is_motif &= (segmentations != word).any(1, keepdim=True)
    return functional.avg_pool2d(is_motif.float(), PIXELS)
