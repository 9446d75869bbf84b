"""The choice of a card's profile from ``config/gpu_profiles.yaml``."""

from collections.abc import Mapping

from shared.errors import SettingsError
from shared.settings import GPUProfile

GIB = 1024**3

# A card reports less memory than it is sold with, because ECC and the driver take up to 7 %. An A10G or L4 sold as
# 24 GB reports 22.5 GiB, and an A100 sold as 80 GB reports 79.2 GiB.
NOMINAL_TOLERANCE = 0.93

CPU_PROFILE = "cpu"


def choose_profile(total_memory_gib: float | None, profiles: Mapping[str, GPUProfile]) -> str:
    """Return the name of the largest profile that fits a card with this reported memory.

    Args:
        total_memory_gib: memory as the driver reports it; None if there is no GPU.
        profiles: the profiles by name.

    Raises:
        SettingsError: none fits.
    """
    if total_memory_gib is None:
        fitting = {name: 0.0 for name in profiles if name == CPU_PROFILE}
    else:
        fitting = {
            name: profile.min_memory_gb
            for name, profile in profiles.items()
            if profile.min_memory_gb is not None and total_memory_gib >= profile.min_memory_gb * NOMINAL_TOLERANCE
        }
    if not fitting:
        device = "a machine without a GPU" if total_memory_gib is None else f"a GPU with {total_memory_gib:.1f} GiB"
        raise SettingsError(f"gpu_profiles.yaml: no profile is for {device}")
    return max(fitting, key=lambda name: fitting[name])
