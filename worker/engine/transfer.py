"""Transfers from the host to the device."""

import torch


def send(tensor: torch.Tensor, device: torch.device) -> torch.Tensor:
    """Return a copy of a host tensor on the device, without synchronising.

    A copy from memory that is not pinned would wait for all the work that the device has been given.
    """
    return (tensor.pin_memory() if device.type == "cuda" else tensor).to(device, non_blocking=True)
