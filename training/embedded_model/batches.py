"""Batches of stored latents and maps, from which the diffusion networks learn."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import IterableDataset

from shared.schemas import CONTROL_TYPES, ControlType
from shared.settings import load_settings
from shared.styles import StyleDefinition
from training.embedded_model.data import SIDE
from training.embedded_model.shards import WHOLE, Crop, Shard

# A batch of crops costs as much as a batch of whole pictures.
CROP_SIDE, CROPS, WHOLES = 256, 16, 4
# Crops start at multiples of this, in pixels: the repeating patterns of the styles (dots, bricks, grain) stay in place.
GRID = 64
# How often a batch has one style's pictures, under the weights that the service gives this style.
OWN_WEIGHTS_SHARE = 0.5
# In the other batches: how often one, two, three and four controls are used.
CONTROL_COUNTS = (0.2, 0.2, 0.2, 0.4)
# The range of control weights. Below WEAK, a map is shifted, further for lower weights, so that the model learns to
# deviate from a weak control. The styles' own weights, 0.2 and above, are not weak: segmentation at 0.3 is to decide a
# motif's colours.
LEAST_WEIGHT, MOST_WEIGHT, WEAK, FARTHEST_SHIFT_PX = 0.05, 1.2, 0.2, 80


@dataclass(frozen=True)
class Batch:
    """The samples of one step, which share their crop, controls and weights.

    Attributes:
        latents: (batch, 16, side / 8, side / 8).
        motifs: the share of each latent's pixels that motifs cover, (batch, 1, side / 8, side / 8).
        maps: one (batch, 3, side, side) for each control.
        controls: the types of the controls, in the order of `CONTROL_TYPES`.
        weights: one for each control.
        prompts: one for each sample.
        crop: the part of the pictures that is used.
    """

    latents: torch.Tensor
    motifs: torch.Tensor
    maps: list[torch.Tensor]
    controls: list[ControlType]
    weights: list[float]
    prompts: list[str]
    crop: Crop

    def to(self, device: torch.device) -> "Batch":
        """Return the batch on a device."""
        maps = [one.to(device) for one in self.maps]
        return replace(self, latents=self.latents.to(device), motifs=self.motifs.to(device), maps=maps)


class ShardStream(IterableDataset[Batch]):
    """Endless batches from stored shards."""

    def __init__(self, folder: Path, seed: int, *, whole: bool) -> None:
        """List the shards.

        Args:
            folder: the folder with the shards.
            seed: the seed of the random order and of the crops.
            whole: whether to use whole pictures instead of crops.

        Raises:
            FileNotFoundError: there are no shards.
        """
        self._paths = sorted(folder.glob("shard-*.npz"))
        if not self._paths:
            raise FileNotFoundError(f"there are no shards in {folder}; `shards` makes them")
        self._seed, self._whole = seed, whole
        self._styles = load_settings({}).styles

    def __iter__(self) -> Iterator[Batch]:
        """Yield batches from the shards in random order, without end."""
        random = np.random.default_rng(self._seed)
        count = WHOLES if self._whole else CROPS
        while True:
            for path in random.permutation(np.array(self._paths, dtype=object)):
                shard = Shard(path)
                for _ in range(len(shard) // count):
                    yield self._batch(shard, count, random)

    def _batch(self, shard: Shard, count: int, random: np.random.Generator) -> Batch:
        candidates, (controls, weights) = choose_samples(shard.styles, self._styles, random)
        indices = random.choice(candidates, count, replace=len(candidates) < count).tolist()
        crop = WHOLE if self._whole else random_crop(random)
        maps = []
        for control, reach in zip(controls, map(shift_reach, weights), strict=True):
            shifts = random.integers(-reach, reach + 1, (len(indices), 2)).tolist()
            pairs = zip(indices, shifts, strict=True)
            maps.append(torch.stack([shard.map(index, control, crop, (down, right)) for index, (down, right) in pairs]))
        latents = torch.stack([shard.latents(index, crop) for index in indices])
        motifs = torch.stack([shard.motifs(index, crop) for index in indices])
        return Batch(latents, motifs, maps, controls, weights, [shard.prompt(index) for index in indices], crop)


def choose_samples(
    present: NDArray[np.str_], styles: Mapping[str, StyleDefinition], random: np.random.Generator
) -> tuple[NDArray[np.intp], tuple[list[ControlType], list[float]]]:
    """Return the samples that a batch may have, and its controls with their weights.

    Half of the batches have one style and its own weights, because that is what the service asks for most.

    Args:
        present: each sample's style, (samples,).
        styles: the service's styles.
        random: the source of randomness.
    """
    if random.random() >= OWN_WEIGHTS_SHARE:
        return np.arange(len(present)), choose_controls(random)
    style = str(random.choice(present))
    own = styles[style].controlnet_weights
    controls = [control for control in CONTROL_TYPES if own.get(control, 0) > 0]
    return np.flatnonzero(present == style), (controls, [own[control] for control in controls])


def choose_controls(random: np.random.Generator) -> tuple[list[ControlType], list[float]]:
    """Return random controls with random weights."""
    used = random.permutation(4)[: random.choice(4, p=CONTROL_COUNTS) + 1]
    controls = [CONTROL_TYPES[i] for i in sorted(used.tolist())]
    return controls, random.uniform(LEAST_WEIGHT, MOST_WEIGHT, len(controls)).tolist()


def shift_reach(weight: float) -> int:
    """Return how far, in pixels, a control's map may be shifted."""
    return int(FARTHEST_SHIFT_PX * max(0.0, 1 - weight / WEAK))


def random_crop(random: np.random.Generator) -> Crop:
    """Return a random crop of 256 x 256 pixels."""
    top, left = (GRID * random.integers(0, (SIDE - CROP_SIDE) // GRID + 1, 2)).tolist()
    return Crop(top, left, CROP_SIDE)
