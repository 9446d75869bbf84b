"""Everything that a step needs besides its rows' tensors, copied to the device in one transfer.

Indexing with a list, or reading a number back, would make the host wait for the device, and then the device for the
host. Here all numbers and indices of a step travel in one asynchronous transfer from pinned memory.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, pairwise

import torch

from worker.engine.request_state import RequestState
from worker.engine.transfer import send


@dataclass(frozen=True, slots=True)
class StepPlan:
    """A step's numbers, on the device. A row has one branch or, under guidance, two: negative and prompt.

    Attributes:
        coefficients: (10, rows, 1, 1, 1), the guidance scale and the solver's coefficients.
        timesteps: (branches,).
        size: (2,), height and width in pixels.
        owners: (branches,), the row of each branch.
        first, last: (rows,), the branches of a row's negative prompt and of its prompt; equal without guidance.
        served: the branches in which the ControlNet is active.
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
        """Return the plan of a step for these rows."""
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
            timesteps.clone(),  # a graph would specialise on a view's storage offset
            size,
            *(index.long() for index in indices),
        )
