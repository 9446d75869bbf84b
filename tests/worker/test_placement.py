"""Offloaded parts are copied to the device when needed; their originals stay where they are."""

import pytest
import torch
from torch import nn

from worker.engine.placement import Placement

CPU = torch.device("cpu")  # lending copies here too, so that the test can observe it


def places(part: nn.Module) -> dict[str, int]:
    return {name: tensor.data_ptr() for name, tensor in part.state_dict().items()}


@pytest.mark.parametrize("is_inference", [True, False])
def test_an_offloaded_part_is_lent_and_never_copied_back(is_inference: bool) -> None:
    part = nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4)).eval()
    own, x = places(part), torch.ones(2, 4)
    expected = part(x)
    placement = Placement(CPU, offload=True)
    with torch.inference_mode(is_inference):
        for _ in range(2):
            with placement.borrow(part):
                assert set(places(part).values()).isdisjoint(own.values())
                assert torch.equal(part(x), expected)
            assert places(part) == own
    assert torch.equal(part(x), expected)


def test_whatever_happens_while_it_is_lent_the_original_comes_back() -> None:
    part = nn.Linear(4, 4)
    own = places(part)
    with pytest.raises(RuntimeError, match="shapes"), Placement(CPU, offload=True).borrow(part):
        part(torch.ones(2, 5))
    assert places(part) == own


def test_a_part_that_lives_on_the_device_stays_there() -> None:
    part = nn.Linear(4, 4)
    own = places(part)
    with Placement(CPU).borrow(part):
        assert places(part) == own
