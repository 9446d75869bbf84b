"""The scale of latents: the networks' differs from the VAE's own by a mean and a factor, as in diffusers' pipelines."""

from typing import Any

import torch


def scale(latents: torch.Tensor, config: Any) -> torch.Tensor:
    """Return latents of the VAE as the networks see them.

    Args:
        latents: (pictures, channels, height, width).
        config: the VAE's configuration.
    """
    mean, deviation = _mean_and_deviation(config, latents.device)
    scaled: torch.Tensor = (latents - mean) * config.scaling_factor / deviation
    return scaled


def unscale(latents: torch.Tensor, config: Any) -> torch.Tensor:
    """Return latents of the networks as the VAE decodes them. Arguments as in `scale`."""
    mean, deviation = _mean_and_deviation(config, latents.device)
    unscaled: torch.Tensor = latents * deviation / config.scaling_factor + mean
    return unscaled


def _mean_and_deviation(config: Any, device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    """Return each channel's mean and standard deviation, (1, channels, 1, 1). Most VAEs give none: 0 and 1."""
    given = (config.latents_mean, config.latents_std)
    mean, deviation = ([0.0], [1.0]) if None in given else given
    return torch.tensor(mean, device=device).view(1, -1, 1, 1), torch.tensor(deviation, device=device).view(1, -1, 1, 1)
