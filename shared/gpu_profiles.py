"""Which profile of ``config/gpu_profiles.yaml`` a card belongs to."""

from collections.abc import Mapping

from shared.settings import GPUProfile

GIB = 1024**3

# A card reports less than the memory it is sold with: ECC and the driver take up to 7 % (an A10G or L4 sold as 24 GB
# reports 22.5 GiB, an A100 sold as 80 GB 79.2 GiB).
NOMINAL_TOLERANCE = 0.93

CPU_PROFILE = "cpu"


def choose_profile(total_memory_gib: float | None, profiles: Mapping[str, GPUProfile]) -> str:
    """Return the name of the largest profile that a card with this reported memory belongs to.

    Args:
        total_memory_gib: as the driver reports it; None where there is no GPU.
        profiles: by name.
    """
    if total_memory_gib is None:
        return CPU_PROFILE
    fitting = {
        name: profile.min_memory_gb
        for name, profile in profiles.items()
        if profile.min_memory_gb is not None and total_memory_gib >= profile.min_memory_gb * NOMINAL_TOLERANCE
    }
    return max(fitting, key=lambda name: fitting[name])
