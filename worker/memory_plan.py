"""What fits into a GPU's memory.

Computed for SDXL's configuration in fp16 at 1024². On an H200, the measured peak was within 13 % of the prediction, in
which recordings were not included yet (docs/reference/performance.md).
"""

from collections.abc import Iterable
from itertools import chain

from torch import nn

from shared.gpu_profiles import GIB
from shared.settings import GPUProfile

STEP_GIB = 0.42  # a guided step of one picture with PyTorch's attention
PICTURE_GIB = 1.6  # including library workspaces and fragmentation
VAE_DECODE_GIB = 1.5  # of a whole picture, with a VAE in 16 bits
RESERVE_GIB = 0.6  # kernels loaded later, and library handles
# Recorded steps of one to four rows: inputs and outputs of each, and the intermediate results that they share.
RECORDED_STEPS_GIB = 0.2 + 2 * STEP_GIB
RECORDED_CACHES_GIB = 1.6  # of `fast`, whose steps keep features for later ones, or read them
# 8-bit twins raise throughput. They are worth their memory if this many pictures still fit beside them.
PICTURES_BESIDE_TWINS = 4


def weights_gib(parts: Iterable[nn.Module]) -> float:
    """Return the size of the parts' weights. Shared weights count once."""
    tensors = chain.from_iterable(chain(part.parameters(), part.buffers()) for part in parts)
    different = {id(tensor): tensor for tensor in tensors}
    return sum(tensor.numel() * tensor.element_size() for tensor in different.values()) / GIB


def decode_gib(vae: nn.Module) -> float:
    """Return the memory of a decode: twice as much with a VAE in float32."""
    return VAE_DECODE_GIB * next(vae.parameters()).element_size() / 2


def must_offload(free_gib: float, whole_gib: float, decode_gib: float = VAE_DECODE_GIB) -> bool:
    """Return whether a pipeline of this size leaves too little free memory to draw one picture."""
    return free_gib < whole_gib + needed_gib(1, decode_gib)


def can_hold_twins(free_gib: float, twins_gib: float, profile: GPUProfile, decode_gib: float = VAE_DECODE_GIB) -> bool:
    """Return whether 8-bit twins leave enough of the free memory for a batch."""
    pictures = min(profile.batch_max, PICTURES_BESIDE_TWINS)
    return free_gib >= twins_gib + needed_gib(pictures, decode_gib) + recordings_gib(profile)


def batch_limit(free_gib: float, profile: GPUProfile, decode_gib: float = VAE_DECODE_GIB) -> int:
    """Return how many pictures fit into the memory left by all weights, within the profile's range."""
    fitting = int((free_gib - needed_gib(0, decode_gib) - recordings_gib(profile)) / PICTURE_GIB)
    return max(profile.batch_min, min(fitting, profile.batch_max))


def needed_gib(pictures: int, decode_gib: float = VAE_DECODE_GIB) -> float:
    """Return the memory that this many pictures need in addition to the weights."""
    return decode_gib + RESERVE_GIB + pictures * PICTURE_GIB


def recordings_gib(profile: GPUProfile, *, uses_cache: bool = True) -> float:
    """Return the memory of recorded steps, if the profile enables them; ``uses_cache``: also of those of `fast`."""
    return (RECORDED_STEPS_GIB + RECORDED_CACHES_GIB * uses_cache) if profile.cuda_graphs else 0.0


def predicted_peak_gib(
    weights_gib: float, pictures: int, recordings_gib: float = 0.0, decode_gib: float = VAE_DECODE_GIB
) -> float:
    """Return PyTorch's expected peak: weights, recordings, a step with this many pictures, and a concurrent decode."""
    return weights_gib + recordings_gib + pictures * STEP_GIB + decode_gib
