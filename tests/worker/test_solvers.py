"""Schedules: as many steps as requested, from any checkpoint's scheduler configuration."""

import json
from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import EulerDiscreteScheduler

from worker.engine.solvers import PREDICTION_TYPES, SOLVERS

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


@pytest.mark.parametrize(
    "counts", [(1, 2, 3, 20, 50, 61, 100), pytest.param(range(1, 101), marks=pytest.mark.slow)], ids=["some", "all"]
)
@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize(("config", "spacing"), product((SDXL, ZERO_TERMINAL_SNR), SPACINGS))
def test_a_schedule_has_the_requested_steps(
    config: dict[str, Any], spacing: str, solver: str, counts: Sequence[int]
) -> None:
    """Diffusers rounds 61 steps of trailing spacing to 62."""
    for count in counts:
        schedule = SOLVERS[solver].schedule({**config, "timestep_spacing": spacing}, count)
        assert len(schedule.timesteps) == len(schedule.steps) == count
        assert min(schedule.timesteps) >= 0


@pytest.mark.parametrize("zero_terminal_snr", [False, True])
@pytest.mark.parametrize(
    ("solver", "prediction"),
    # Diffusers' Euler ancestral knows no prediction of the sample itself.
    [pair for pair in product(SOLVERS, PREDICTION_TYPES) if pair != ("euler_ancestral", "sample")],
)
def test_the_table_s_formula_is_the_stock_schedulers_step(
    solver: str, prediction: str, zero_terminal_snr: bool
) -> None:
    """For every kind of prediction, with outputs that are random, as no network's are."""
    config = {**SDXL, "prediction_type": prediction, "rescale_betas_zero_snr": zero_terminal_snr}
    ours = SOLVERS[solver]
    schedule, stock = ours.schedule(config, 6), ours.scheduler.from_config(config, **ours.options)
    stock.set_timesteps(6)
    assert schedule.initial_scale == stock.init_noise_sigma
    start, *outputs = torch.randn(7, 4, generator=torch.Generator().manual_seed(1))
    x = expected = start * schedule.initial_scale
    # Both round x, which may be 4,096 times as large as the input of the network, to float32.
    atol = 1e-4 + 2 * torch.finfo(torch.float32).eps * schedule.initial_scale
    previous = torch.zeros(4)
    ancestral = solver == "euler_ancestral"
    for number, (step, timestep, output) in enumerate(zip(schedule.steps, stock.timesteps, outputs, strict=True)):
        torch.testing.assert_close(
            step.input_scale * x, stock.scale_model_input(expected, timestep), rtol=1e-4, atol=atol
        )
        noise = {"generator": torch.Generator().manual_seed(number)} if ancestral else {}
        expected = stock.step(output, timestep, expected, return_dict=False, **noise)[0]
        x0 = step.predict_latents * x + step.predict_output * output
        x = step.keep * x + step.drift * (x - x0) / step.sigma + step.predicted * x0 + step.previous * previous
        x = x + step.noise * torch.randn(4, generator=torch.Generator().manual_seed(number))
        torch.testing.assert_close(x, expected, rtol=1e-3, atol=1e-3)
        previous = x0


def test_overrides_hold_where_the_checkpoint_names_no_spacing(tmp_path: Path) -> None:
    """Diffusers then marks its own default as one that another scheduler may replace by its own."""
    EulerDiscreteScheduler(**SDXL).save_pretrained(tmp_path)
    saved = tmp_path / "scheduler_config.json"
    config = json.loads(saved.read_text())
    del config["timestep_spacing"]
    saved.write_text(json.dumps(config))
    loaded = EulerDiscreteScheduler.from_pretrained(tmp_path).config
    schedule = SOLVERS["euler"].schedule(loaded, 4, timestep_spacing="trailing")
    assert schedule.timesteps == (999, 749, 499, 249)


@pytest.mark.parametrize(
    "option",
    [
        {"use_beta_sigmas": True},
        {"use_exponential_sigmas": True},
        {"use_karras_sigmas": True},
        {"thresholding": True},
        {"solver_type": "heun"},
        {"algorithm_type": "sde-dpmsolver++"},
        {"final_sigmas_type": "sigma_min"},
    ],
)
def test_dpmpp_2m_is_itself_whatever_the_checkpoint_was_sampled_with(option: dict[str, Any]) -> None:
    solver = SOLVERS["dpmpp_2m_karras"]
    assert solver.schedule({**SDXL, **option}, 8) == solver.schedule(SDXL, 8)
    stock = solver.scheduler.from_config({**SDXL, **option}, **solver.options).config
    assert not any((stock.thresholding, stock.use_beta_sigmas, stock.use_exponential_sigmas))
    assert (stock.algorithm_type, stock.solver_type) == ("dpmsolver++", "midpoint")
