"""Linear layers in 8-bit floating point, for cards with tensor cores for it (compute capability 8.9 and up).

Weights are scaled to the format's range once, inputs at each call, a scale for each row (Micikevicius et al. 2022).
"""

import copy

import torch
from torch import nn

FORMAT = torch.float8_e4m3fn
LARGEST = torch.finfo(FORMAT).max
LEAST_CAPABILITY = (8, 9)
# The matrix units take sides that are multiples of this.
MULTIPLE = 16


class Float8Linear(nn.Module):
    """A linear layer whose weights and inputs are 8 bits wide; sums and outputs are not."""

    weight: torch.Tensor
    scale: torch.Tensor

    def __init__(self, linear: nn.Linear) -> None:
        """Take a layer's weights."""
        super().__init__()
        weight, scale = _quantise(linear.weight.detach())
        self.register_buffer("weight", weight)
        self.register_buffer("scale", scale)
        self.bias = linear.bias

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the layer's output for x (..., inputs)."""
        rows = x.reshape(-1, x.shape[-1])
        narrow, scale = _quantise(rows)
        # The kernel scales by row on both sides only into bfloat16.
        out = torch._scaled_mm(narrow, self.weight.T, scale, self.scale.T, out_dtype=torch.bfloat16).to(x.dtype)
        out = out if self.bias is None else out + self.bias
        return out.reshape(*x.shape[:-1], -1)


def is_supported(device: torch.device) -> bool:
    """Return whether the device computes with 8-bit floats."""
    return device.type == "cuda" and torch.cuda.get_device_capability(device) >= LEAST_CAPABILITY


def narrowed(network: nn.Module) -> nn.Module:
    """Return a copy of a network whose transformer blocks' linear layers are 8 bits wide; the rest is shared."""
    shared = {id(parameter): parameter for parameter in network.parameters()}
    twin = copy.deepcopy(network, memo=dict(shared))
    for name, module in list(twin.named_modules()):
        if "transformer_blocks" not in name:
            continue
        for child_name, child in list(module.named_children()):
            if isinstance(child, nn.Linear) and not (child.in_features % MULTIPLE or child.out_features % MULTIPLE):
                setattr(module, child_name, Float8Linear(child))
    return twin


def _quantise(rows: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return rows in 8 bits, and for each row (count, 1) what to multiply it with to have it back."""
    scale = (rows.abs().amax(dim=1, keepdim=True).float() / LARGEST).clamp(min=1e-12)
    return (rows.float() / scale).clamp(-LARGEST, LARGEST).to(FORMAT), scale
