"""The tensors of a request, and how far its steps are."""

from dataclasses import dataclass
from typing import Protocol

import torch

from worker.engine.prompt_fit import FittedPrompt
from worker.engine.solvers import Schedule
from worker.engine.text import TextEmbedding
from worker.engine.unet import Depths
from worker.engine.union_controlnet import FusedControl


class SamplingParams(Protocol):
    """What the steps must know of a request; `worker.engine.request.DrawRequest` is one."""

    @property
    def guidance_scale(self) -> float:
        """Classifier-free guidance; 1 is none."""

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""

    def is_guided(self, step: int) -> bool:
        """Whether guidance works at a step, counted from 0."""

    def is_controlled(self, step: int) -> bool:
        """Whether the controls work at a step, counted from 0."""

    def reuses_depths(self, step: int) -> bool:
        """Whether a step, counted from 0, takes the deeper levels' features over from the one before."""


@dataclass(frozen=True, eq=False, slots=True)
class Conditions:
    """What steers a picture, as the networks take it. Variations of a picture share it.

    Attributes:
        prompt, negative_prompt: as encoded.
        text: of the prompt.
        negative: of the negative prompt; None without guidance.
        control: the fused controls; None if none steers.
    """

    prompt: FittedPrompt
    negative_prompt: FittedPrompt
    text: TextEmbedding
    negative: TextEmbedding | None
    control: FusedControl | None


@dataclass(eq=False, slots=True)
class RequestState:
    """A picture's tensors. The latents and what follows change with each step, all else is fixed.

    Attributes:
        request: steps, guidance scale and windows.
        conditions: what steers it.
        schedule: the solver laid out.
        generator: noise of ancestral solvers; the initial noise came from it too.
        latents: (1, channels, height / 8, width / 8), float32.
        step: steps done.
        predicted: the picture as the last step foresaw it, like the latents.
        noise: drawn for the present step, so that it is the same should the step be tried again.
        depths: the deeper levels' features for the steps to come, of each branch; None where none will want them.
    """

    request: SamplingParams
    conditions: Conditions
    schedule: Schedule
    generator: torch.Generator
    latents: torch.Tensor
    step: int = 0
    predicted: torch.Tensor | None = None
    noise: torch.Tensor | None = None
    depths: Depths | None = None

    @property
    def timestep(self) -> float:
        """Of the present step."""
        return self.schedule.timesteps[self.step]

    @property
    def coefficients(self) -> tuple[float, ...]:
        """The solver's numbers for the present step."""
        return self.schedule.steps[self.step].as_tuple()

    @property
    def has_noise(self) -> bool:
        """Whether the present step adds noise."""
        return self.schedule.steps[self.step].noise > 0

    def draw_noise(self) -> torch.Tensor:
        """Return the present step's noise, on the host; zeros if it adds none."""
        if self.noise is None:
            shape = self.latents.shape
            self.noise = torch.randn(shape, generator=self.generator) if self.has_noise else torch.zeros(shape)
        return self.noise

    def advance(self, latents: torch.Tensor, predicted: torch.Tensor, depths: Depths | None) -> None:
        """Take a step's results over."""
        self.latents, self.predicted, self.noise = latents, predicted, None
        self.step += 1
        self.depths = depths

    @property
    def is_done(self) -> bool:
        """Whether all steps are done."""
        return self.step == len(self.schedule.timesteps)

    @property
    def branches(self) -> tuple[TextEmbedding, ...]:
        """The texts that the networks see this step: negative and prompt, or the prompt alone."""
        text, negative = self.conditions.text, self.conditions.negative
        return (negative, text) if negative is not None and self.request.is_guided(self.step) else (text,)

    @property
    def reuses_depths(self) -> bool:
        """Whether the present step takes the deeper levels' features over from the one before."""
        return self.request.reuses_depths(self.step)

    @property
    def leaves_depths(self) -> bool:
        """Whether the next step takes the deeper levels' features over from the present one."""
        return self.request.reuses_depths(self.step + 1)

    @property
    def active_control(self) -> FusedControl | None:
        """The controls, if the ControlNet works for it this step."""
        return self.conditions.control if self.request.is_controlled(self.step) else None
