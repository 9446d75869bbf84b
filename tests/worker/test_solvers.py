"""Schedules: as many steps as requested, from any checkpoint's scheduler configuration."""

from itertools import product
from typing import Any

import pytest

from worker.engine.solvers import SOLVERS

SDXL = {
    "num_train_timesteps": 1000,
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "prediction_type": "epsilon",
    "steps_offset": 1,
}
ZERO_TERMINAL_SNR = {**SDXL, "prediction_type": "v_prediction", "rescale_betas_zero_snr": True}
SPACINGS = ("leading", "trailing", "linspace")


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize(("config", "spacing"), product((SDXL, ZERO_TERMINAL_SNR), SPACINGS))
def test_a_schedule_has_the_requested_steps(config: dict[str, Any], spacing: str, solver: str) -> None:
    """Diffusers rounds 61 steps of trailing spacing to 62."""
    for count in range(1, 101):
        schedule = SOLVERS[solver].schedule({**config, "timestep_spacing": spacing}, count)
        assert len(schedule.timesteps) == len(schedule.steps) == count
        assert min(schedule.timesteps) >= 0
