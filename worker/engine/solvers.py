"""Solvers as tables of coefficients: a step of any solver is the same linear formula.

    x0  = predict_latents · x + predict_output · out
    x'  = keep · x + drift · (x - x0) / sigma + predicted · x0 + previous · x0 of the step before + noise · n

x are the latents, ``out`` is the network's output and n is fresh noise. The coefficients depend only on the sigmas, so
rows with different step counts, and even different solvers, can step in one batch. Sigmas and timesteps come from
diffusers' schedulers, so they follow the checkpoint's spacing, rescaling and prediction type.

Euler and Euler ancestral follow Karras et al. 2022, in k-diffusion's form. DPM++ 2M follows Lu et al. 2022, midpoint,
with Karras sigmas.
"""

import math
from collections.abc import Callable
from dataclasses import astuple, dataclass
from typing import Any

from diffusers import DPMSolverMultistepScheduler, EulerAncestralDiscreteScheduler, EulerDiscreteScheduler

PREDICTION_TYPES = ("epsilon", "v_prediction", "sample")


@dataclass(frozen=True, slots=True)
class Coefficients:
    """The coefficients of one step of one row; see the module's formula."""

    input_scale: float  # the network's input is x times this
    predict_latents: float
    predict_output: float
    keep: float
    sigma: float = 1.0
    drift: float = 0.0
    predicted: float = 0.0
    previous: float = 0.0
    noise: float = 0.0

    def as_tuple(self) -> tuple[float, ...]:
        """Return the coefficients in order."""
        return astuple(self)


@dataclass(frozen=True)
class Schedule:
    """A solver's coefficients for a number of steps.

    Attributes:
        timesteps: of each step.
        initial_scale: factor of the initial noise.
        steps: coefficients of each step.
    """

    timesteps: tuple[float, ...]
    initial_scale: float
    steps: tuple[Coefficients, ...]


Step = Callable[[list[float], int, str], Coefficients]


def euler(sigmas: list[float], step: int, prediction: str) -> Coefficients:
    """Return Euler's coefficients: a straight line along (x - x0) / sigma."""
    sigma, target = sigmas[step], sigmas[step + 1]
    # Not keep = target / sigma: that is more exact, but where sigma falls from 4,096 (zero terminal SNR), diffusers'
    # rounding error is 2e-5 of the result, and our picture should match its picture.
    return Coefficients(*_exploding(sigma, prediction), keep=1.0, sigma=sigma, drift=target - sigma)


def euler_ancestral(sigmas: list[float], step: int, prediction: str) -> Coefficients:
    """Return the ancestral variant's coefficients: down below the target sigma, then up again with fresh noise."""
    sigma, target = sigmas[step], sigmas[step + 1]
    up = math.sqrt(target**2 * (sigma**2 - target**2) / sigma**2)
    down = math.sqrt(target**2 - up**2)
    return Coefficients(*_exploding(sigma, prediction), keep=1.0, sigma=sigma, drift=down - sigma, noise=up)


def dpmpp_2m(sigmas: list[float], step: int, prediction: str) -> Coefficients:
    """Return DPM++ 2M's coefficients: second order, using the step before; first order at both ends."""
    (alpha, scaled), (alpha_to, scaled_to) = _preserving(sigmas[step]), _preserving(sigmas[step + 1])
    keep = scaled_to / scaled
    # alpha' (1 - e^-h), where e^-h = (sigma' / alpha') / (sigma / alpha)
    gain = alpha_to * (1 - sigmas[step + 1] / sigmas[step])
    if step == 0 or step == len(sigmas) - 2:
        return Coefficients(1.0, *_preserving_prediction(alpha, scaled, prediction), keep=keep, predicted=gain)
    ratio = math.log(sigmas[step - 1] / sigmas[step]) / math.log(sigmas[step] / sigmas[step + 1])
    correction = 0.5 * gain / ratio
    return Coefficients(
        1.0,
        *_preserving_prediction(alpha, scaled, prediction),
        keep=keep,
        predicted=gain + correction,
        previous=-correction,
    )


@dataclass(frozen=True)
class Solver:
    """A solver: diffusers' scheduler with overrides of the checkpoint's configuration, and our step function."""

    name: str
    scheduler: Any
    options: dict[str, Any]
    step: Step

    def schedule(self, config: Any, num_inference_steps: int, **overrides: Any) -> Schedule:
        """Return the solver's schedule.

        Args:
            config: the checkpoint's scheduler configuration.
            num_inference_steps: the number of steps.
            **overrides: replace values of the configuration.

        Raises:
            ValueError, NotImplementedError: the configuration is contradictory or unknown, as its prediction type.
        """
        scheduler = self.scheduler.from_config(config, **self.options, **overrides)
        prediction = scheduler.config.prediction_type
        if prediction not in PREDICTION_TYPES:
            raise ValueError(f"prediction type {prediction!r} is not one of {', '.join(PREDICTION_TYPES)}")
        scheduler.set_timesteps(num_inference_steps)
        *before, last = scheduler.sigmas.tolist()
        # With trailing spacing and 61 steps, diffusers rounds to 62, the last one at the timestep -1.
        sigmas = [*before[:num_inference_steps], last]
        return Schedule(
            tuple(float(timestep) for timestep in scheduler.timesteps[:num_inference_steps]),
            float(scheduler.init_noise_sigma),
            tuple(self.step(sigmas, number, prediction) for number in range(num_inference_steps)),
        )


SOLVERS = {
    "euler": Solver("Euler", EulerDiscreteScheduler, {}, euler),
    "euler_ancestral": Solver("Euler a", EulerAncestralDiscreteScheduler, {}, euler_ancestral),
    "dpmpp_2m_karras": Solver(
        "DPM++ 2M Karras",
        DPMSolverMultistepScheduler,
        {
            "use_karras_sigmas": True,
            "use_exponential_sigmas": False,
            "use_beta_sigmas": False,
            "algorithm_type": "dpmsolver++",
            "solver_order": 2,
            "solver_type": "midpoint",
            "thresholding": False,
            "final_sigmas_type": "zero",
        },
        dpmpp_2m,
    ),
}


def _exploding(sigma: float, prediction: str) -> tuple[float, float, float]:
    """Return input scale and prediction where x = x0 + sigma · noise."""
    scale = 1 / math.sqrt(sigma**2 + 1)
    return {
        "epsilon": (scale, 1.0, -sigma),
        "v_prediction": (scale, scale**2, -sigma * scale),
        "sample": (scale, 0.0, 1.0),
    }[prediction]


def _preserving(sigma: float) -> tuple[float, float]:
    """Return alpha and sigma where x = alpha · x0 + sigma · noise has unit variance."""
    alpha = 1 / math.sqrt(sigma**2 + 1)
    return alpha, sigma * alpha


def _preserving_prediction(alpha: float, sigma: float, prediction: str) -> tuple[float, float]:
    return {
        "epsilon": (1 / alpha, -sigma / alpha),
        "v_prediction": (alpha, -sigma),
        "sample": (0.0, 1.0),
    }[prediction]
