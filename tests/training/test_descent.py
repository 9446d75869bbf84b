"""What ends a training, what it leaves out, and what it keeps."""

from contextlib import suppress
from pathlib import Path

import pytest
import torch
from torch import nn

from training.embedded_model.checkpoint import TrainingState
from training.embedded_model.descent import Descent, finite, rate


def test_a_step_whose_gradients_are_not_finite_is_left_out() -> None:
    layer = nn.Linear(2, 1)
    descent = Descent(list(layer.parameters()), 0.1, betas=(0.9, 0.99), weight_decay=1e-2)
    before = layer.weight.detach().clone()
    descent.step(layer(torch.tensor([[float("nan"), 1.0]])).sum(), 1.0)
    assert torch.equal(layer.weight, before)
    descent.step(layer(torch.ones(1, 2)).sum(), 1.0)
    assert torch.allclose(layer.weight, before - 0.1, atol=1e-3), "Adam's first step is the learning rate"


@pytest.mark.parametrize(
    ("step", "done", "factor"),
    [(0, 0.0, 1 / 150), (74, 0.1, 0.5), (1000, 0.5, 1.0), (1000, 0.8, 0.5), (1000, 1.0, 0.02)],
)
def test_the_learning_rate_rises_stays_and_falls(step: int, done: float, factor: float) -> None:
    assert rate(step, done, warm_up=150, decay=0.4) == pytest.approx(factor)


def test_a_loss_that_is_not_finite_ends_the_training() -> None:
    assert finite(torch.tensor(0.5), 1) == 0.5
    with pytest.raises(FloatingPointError, match="after step 3"):
        finite(torch.tensor(float("nan")), 3)


def test_a_state_that_an_error_ends_is_not_saved(tmp_path: Path) -> None:
    layer = nn.Linear(1, 1)
    with TrainingState(tmp_path / "state.pt", {"model": layer}) as state:
        state.after_step()
    with suppress(FloatingPointError), TrainingState(tmp_path / "state.pt", {"model": layer}) as state:
        state.after_step()
        raise FloatingPointError
    assert TrainingState(tmp_path / "state.pt", {"model": layer}).step == 1
