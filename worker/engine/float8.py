"""Linear layers in 8-bit floating point, for cards whose tensor cores support it (compute capability 8.9 and up).

Weights are scaled to the format's range once; inputs are scaled at each call, with one scale per row (Micikevicius et
al. 2022). This pays off only in compiled networks: run one by one, the scaling operations read and write an input seven
times.
"""

import copy
from collections.abc import Iterator

import torch
from torch import nn

FORMAT = torch.float8_e4m3fn
LARGEST = torch.finfo(FORMAT).max
# Largest error of products of random rows, relative to the original layer: three mantissa bits leave 3 to 4 %.
LARGEST_ERROR = 0.1
# The matrix units need sides that are multiples of this.
MULTIPLE = 16


class Float8Linear(nn.Module):
    """A linear layer with 8-bit weights and inputs. Sums and outputs keep their precision."""

    weight: torch.Tensor
    scale: torch.Tensor

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        weight, scale = _quantise(linear.weight.detach())
        self.register_buffer("weight", weight)
        self.register_buffer("scale", scale)
        self.bias = linear.bias

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the layer's output for x (..., inputs)."""
        rows = x.reshape(-1, x.shape[-1])
        narrow, scale = _quantise(rows)
        # The kernel supports scaling by row on both sides only with bfloat16 output.
        out = torch._scaled_mm(
            narrow, self.weight.T, scale, self.scale.T, out_dtype=torch.bfloat16, use_fast_accum=True
        ).to(x.dtype)
        out = out if self.bias is None else out + self.bias
        return out.reshape(*x.shape[:-1], -1)


def try_out(device: torch.device) -> None:
    """Compute a product on the device. A compute capability does not tell whether this release of PyTorch can.

    Raises:
        RuntimeError: it cannot, or the product is wrong.
    """
    generator = torch.Generator().manual_seed(0)
    linear = nn.Linear(64, 128).to(device, torch.bfloat16)
    x = torch.randn(32, 64, generator=generator).to(device, torch.bfloat16)
    with torch.inference_mode():
        ours, exact = Float8Linear(linear)(x), linear(x)
    error = float((ours - exact).norm() / exact.norm())
    if not error < LARGEST_ERROR:
        raise RuntimeError(f"a product is off by {error:.0%}")


def float8_bytes(network: nn.Module) -> int:
    """Return the additional memory, in bytes, of a network's 8-bit twin."""
    return sum(child.weight.numel() for _, _, child in _layers(network))


def to_float8(network: nn.Module) -> nn.Module:
    """Return a copy of a network with 8-bit linear layers in its transformer blocks. The rest is shared."""
    shared = {id(parameter): parameter for parameter in network.parameters()}
    twin = copy.deepcopy(network, memo=dict(shared))
    for module, name, linear in list(_layers(twin)):
        setattr(module, name, Float8Linear(linear))
    return twin


def _layers(network: nn.Module) -> Iterator[tuple[nn.Module, str, nn.Linear]]:
    """Yield the linear layers that can be converted, each with its parent module and its name there."""
    for path, module in network.named_modules():
        if "transformer_blocks" not in path:
            continue
        for name, child in module.named_children():
            if isinstance(child, nn.Linear) and not (child.in_features % MULTIPLE or child.out_features % MULTIPLE):
                yield module, name, child


def _quantise(rows: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return rows in 8 bits, and the factor for each row, (count, 1), that restores it."""
    scale = (rows.abs().amax(dim=1, keepdim=True).float() / LARGEST).clamp(min=1e-12)
    return (rows.float() / scale).clamp(-LARGEST, LARGEST).to(FORMAT), scale
