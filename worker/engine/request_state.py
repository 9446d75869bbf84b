"""A request's tensors, and the number of steps done."""

from dataclasses import dataclass

import torch

from worker.engine.prompt_fit import FittedPrompt
from worker.engine.request import DrawRequest
from worker.engine.solvers import Schedule
from worker.engine.text import TextEmbedding
from worker.engine.unet import StepCache
from worker.engine.union_controlnet import FusedControl


@dataclass(frozen=True, eq=False, slots=True)
class Conditions:
    """What steers a picture, in the networks' format. A request's variations share it.

    Attributes:
        prompt, negative_prompt: as encoded.
        text: embedding of the prompt.
        negative: embedding of the negative prompt; None without guidance.
        control: the fused controls; None if none steers.
    """

    prompt: FittedPrompt
    negative_prompt: FittedPrompt
    text: TextEmbedding
    negative: TextEmbedding | None
    control: FusedControl | None


@dataclass(eq=False, slots=True)
class RequestState:
    """A picture's tensors. The attributes from `latents` on change with each step; the others are fixed.

    Attributes:
        request: steps, guidance scale, and the windows of guidance and controls.
        conditions: what steers it.
        schedule: the solver's schedule.
        generator: source of the initial noise and of the noise of ancestral solvers.
        latents: (1, channels, height / 8, width / 8), float32.
        step: steps done.
        predicted: the last step's prediction of the picture, in the shape of the latents.
        noise: drawn for the current step, so that a retry of the step uses the same noise.
        cache: the deeper levels' features for the coming steps, by branch; None if no step will use them.
    """

    request: DrawRequest
    conditions: Conditions
    schedule: Schedule
    generator: torch.Generator
    latents: torch.Tensor
    step: int = 0
    predicted: torch.Tensor | None = None
    noise: torch.Tensor | None = None
    cache: StepCache | None = None

    @property
    def timestep(self) -> float:
        """The current step's timestep."""
        return self.schedule.timesteps[self.step]

    @property
    def coefficients(self) -> tuple[float, ...]:
        """The solver's coefficients for the current step."""
        return self.schedule.steps[self.step].as_tuple()

    @property
    def has_noise(self) -> bool:
        """Whether the current step adds noise."""
        return self.schedule.steps[self.step].noise > 0

    def draw_noise(self) -> torch.Tensor:
        """Return the current step's noise, on the host; zeros if it adds none."""
        if self.noise is None:
            shape = self.latents.shape
            self.noise = torch.randn(shape, generator=self.generator) if self.has_noise else torch.zeros(shape)
        return self.noise

    def advance(self, latents: torch.Tensor, predicted: torch.Tensor, cache: StepCache | None) -> None:
        """Apply a step's results."""
        self.latents, self.predicted, self.noise = latents, predicted, None
        self.step += 1
        self.cache = cache

    @property
    def is_done(self) -> bool:
        """Whether all steps are done."""
        return self.step == len(self.schedule.timesteps)

    @property
    def branches(self) -> tuple[TextEmbedding, ...]:
        """The texts that the networks see in this step: negative and prompt, or the prompt alone."""
        text, negative = self.conditions.text, self.conditions.negative
        return (negative, text) if negative is not None and self.request.is_guided(self.step) else (text,)

    @property
    def uses_cache(self) -> bool:
        """Whether the current step reuses the deeper levels' features of the step before."""
        return self.request.uses_cache(self.step)

    @property
    def fills_cache(self) -> bool:
        """Whether the next step reuses the deeper levels' features of the current one."""
        return self.request.uses_cache(self.step + 1)

    @property
    def active_control(self) -> FusedControl | None:
        """The controls if the ControlNet is active in this step, else None."""
        return self.conditions.control if self.request.is_controlled(self.step) else None
