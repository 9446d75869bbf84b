"""What the engine is asked for, what it answers, and a job's run state between the two."""

from collections.abc import Hashable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from enum import Enum, auto
from functools import cached_property

import numpy as np
import torch
from PIL import Image

from shared.schemas import ControlType, Priority, Quality
from worker.engine.prompt_fit import FittedPrompt
from worker.engine.request_state import Conditions
from worker.progress import ProgressSink


@dataclass(frozen=True, kw_only=True)
class DrawRequest:
    """A picture to draw.

    Attributes:
        prompt: what it shows, in English.
        control_images: control type to RGB image; all of one size, which is the picture's. At least one.
        weights: control type to strength, 0 to 2; a type that is left out has 1, one with 0 does not steer.
        essential: a part of the prompt that is never left out where the whole is too long.
        negative_prompt: what it should not look like; empty: nothing said.
        num_inference_steps: denoising steps.
        guidance_scale: classifier-free guidance (Ho and Salimans 2022); 1 is none.
        guidance_end: share of the steps after which guidance stops (Kynkäänniemi et al. 2024); 1: never.
        control_guidance_end: share of the steps after which the controls let go; 1: never.
        cache_interval: every so many steps the networks compute in full; the steps between take the deeper levels'
            features, and what the ControlNet said, over from the step before; 1: every step in full.
        seed: the same seed gives the same picture on the same device; that of the first where there are several.
        priority: bulk jobs leave interactive ones the way.
        quality: which networks draw it.
    """

    prompt: str
    control_images: Mapping[ControlType, Image.Image]
    weights: Mapping[ControlType, float] = field(default_factory=dict)
    essential: str = ""
    negative_prompt: str = ""
    num_inference_steps: int = 30
    guidance_scale: float = 6.0
    guidance_end: float = 1.0
    control_guidance_end: float = 1.0
    cache_interval: int = 1
    seed: int = 0
    priority: Priority = Priority.INTERACTIVE
    quality: Quality = Quality.EXACT

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return next(iter(self.control_images.values())).size

    @property
    def steering(self) -> dict[ControlType, float]:
        """The controls that steer, with their weights."""
        return {kind: weight for kind in self.control_images if (weight := float(self.weights.get(kind, 1.0))) > 0}

    @cached_property
    def control_tensors(self) -> dict[ControlType, torch.Tensor]:
        """The images that steer, (1, 3, height, width), uint8, in memory that a GPU can read while it computes.

        Made by whoever asks first: the engine's thread has steps to take.
        """
        return {kind: _tensor(self.control_images[kind]) for kind in self.steering}

    def is_guided(self, step: int) -> bool:
        """Whether guidance works at a step, counted from 0."""
        return self.guidance_scale > 1 and step / self.num_inference_steps < self.guidance_end

    def is_controlled(self, step: int) -> bool:
        """Whether the controls work at a step, counted from 0; as in diffusers, a step that begins inside counts."""
        return bool(self.steering) and (step + 1) / self.num_inference_steps <= self.control_guidance_end

    def reuses_depths(self, step: int) -> bool:
        """Whether a step, counted from 0, takes over what the one before found; never where the controls let go."""
        return step % self.cache_interval != 0 and self.is_controlled(step) == self.is_controlled(step - 1)


def _tensor(image: Image.Image) -> torch.Tensor:
    pixels = torch.from_numpy(np.array(image.convert("RGB"))).permute(2, 0, 1)[None].contiguous()
    return pixels.pin_memory() if torch.cuda.is_available() else pixels


@dataclass(frozen=True, slots=True)
class Drawing:
    """A finished picture.

    Attributes:
        image: RGB.
        batch_size_max: the most jobs that shared a step with it, itself among them.
        prompt, negative_prompt: as the text encoders read them.
    """

    image: Image.Image
    batch_size_max: int
    prompt: FittedPrompt = field(default_factory=FittedPrompt)
    negative_prompt: FittedPrompt = field(default_factory=FittedPrompt)


class JobState(Enum):
    """Where a job stands in the engine."""

    WAITING = auto()
    RUNNING = auto()
    DECODING = auto()
    ENDED = auto()


@dataclass(eq=False, slots=True)
class Shared:
    """What the variations of one request have in common.

    Attributes:
        conditions: what steers them; made with the first that is admitted, None until then.
    """

    conditions: Conditions | None = None


@dataclass(eq=False, slots=True)
class EngineJob:
    """A picture of a request on its way, with its run state.

    Attributes:
        request: what to draw.
        progress: told of stages, steps and previews; asked whether to stop.
        variation: which of the request's pictures, from 0.
        shared: what it has in common with the others.
        group: jobs of one group can share a step: those of one size and the same networks.
        cost: how many pictures of the model's own size it weighs as.
        answer: the picture, or why there is none.
        state: where it stands.
        batch_size_max: the most jobs that shared a step with it.
        prompt, negative_prompt: as the text encoders read them.
    """

    request: DrawRequest
    progress: ProgressSink
    variation: int = 0
    shared: Shared = field(default_factory=Shared)
    group: Hashable = None
    cost: int = 1
    answer: Future[Drawing] = field(default_factory=Future)
    state: JobState = JobState.WAITING
    batch_size_max: int = 0
    prompt: FittedPrompt = field(default_factory=FittedPrompt)
    negative_prompt: FittedPrompt = field(default_factory=FittedPrompt)

    @property
    def priority(self) -> Priority:
        """Which queue it waits in."""
        return self.request.priority

    def succeed(self, image: Image.Image) -> None:
        """End with a picture."""
        self._end()
        self.answer.set_result(Drawing(image, self.batch_size_max, self.prompt, self.negative_prompt))

    def fail(self, error: BaseException) -> None:
        """End with an error."""
        self._end()
        self.answer.set_exception(error)

    def _end(self) -> None:
        if self.state is JobState.ENDED:
            raise RuntimeError("a job ends once")
        self.state = JobState.ENDED
