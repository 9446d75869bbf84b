"""Everything that a step must know beside its rows' tensors, brought to the device at once.

A list as an index, or a number read back, would make the host wait for the device, so that the device then waits for
the host. Here all numbers and indices of a step travel in one transfer from pinned memory, which nobody waits for.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, pairwise

import torch

from worker.engine.request_state import RequestState


@dataclass(frozen=True, slots=True)
class StepPlan:
    """The numbers of a step, on the device. A row has one branch or, under guidance, two: negative and prompt.

    Attributes:
        coefficients: (10, rows, 1, 1, 1), guidance scale and the solver's numbers.
        timesteps: (branches,).
        size: (2,), height and width in pixels.
        owners: (branches,), the row of each branch.
        first, last: (rows,), the branch of a row's negative prompt and of its prompt; without guidance the same.
        served: the branches that the ControlNet works for.
    """

    coefficients: torch.Tensor
    timesteps: torch.Tensor
    size: torch.Tensor
    owners: torch.Tensor
    first: torch.Tensor
    last: torch.Tensor
    served: torch.Tensor

    @classmethod
    def of(cls, rows: Sequence["RequestState"], device: torch.device) -> "StepPlan":
        """Lay a step out."""
        owners = [index for index, row in enumerate(rows) for _ in row.branches]
        served = [branch for branch, owner in enumerate(owners) if rows[owner].active_control is not None]
        width, height = rows[0].request.size
        parts: list[Sequence[float]] = [
            list(chain.from_iterable((row.request.guidance_scale, *row.coefficients) for row in rows)),
            [rows[owner].timestep for owner in owners],
            [height, width],
            owners,
            [owners.index(index) for index in range(len(rows))],
            [branch for branch, (owner, following) in enumerate(pairwise([*owners, -1])) if owner != following],
            served,
        ]
        packed = send(torch.tensor(list(chain.from_iterable(parts)), dtype=torch.float32), device)
        coefficients, timesteps, size, *indices = torch.split(packed, [len(part) for part in parts])
        return cls(
            coefficients.view(len(rows), -1).T[:, :, None, None, None],
            timesteps.clone(),  # a graph would be compiled for the place that a view has in its storage
            size,
            *(index.long() for index in indices),
        )


def send(tensor: torch.Tensor, device: torch.device) -> torch.Tensor:
    """Return a tensor of the host on the device, without waiting for either."""
    return (tensor.pin_memory() if device.type == "cuda" else tensor).to(device, non_blocking=True)
