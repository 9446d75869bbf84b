"""The engine's requests and answers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import torch
from PIL import Image

from shared.schemas import ControlType, Priority, Quality
from worker.engine.prompt_fit import FittedPrompt


@dataclass(frozen=True, kw_only=True)
class DrawRequest:
    """A picture to draw.

    Attributes:
        prompt: what the picture shows, in English.
        control_images: control type to RGB image, at least one. All have the picture's size.
        weights: control type to strength, 0 to 2. A missing type has 1; a type with 0 does not steer.
        essential: a part of the prompt that is never dropped when the prompt is too long.
        negative_prompt: what the picture should not look like; may be empty.
        num_inference_steps: denoising steps.
        guidance_scale: classifier-free guidance (Ho and Salimans 2022); 1 disables it.
        guidance_end: share of the steps after which guidance stops (Kynkäänniemi et al. 2024); 1: it never stops.
        control_guidance_end: share of the steps after which the controls stop; 1: they never stop.
        cache_interval: the networks compute in full every cache_interval steps. The steps in between reuse the deeper
            levels' features and the ControlNet's residuals from the step before. 1 computes every step in full.
        seed: the same seed gives the same picture on the same device. With several pictures, the first one's seed.
        priority: bulk jobs yield to interactive jobs.
        quality: selects the networks.
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
        """The images that steer, (1, 3, height, width), uint8, in memory that a GPU can copy from while it computes.

        Computed on first use, so that the engine's thread does not have to.
        """
        return {kind: _tensor(self.control_images[kind]) for kind in self.steering}

    def is_guided(self, step: int) -> bool:
        """Whether guidance is active at a step, counted from 0."""
        return self.guidance_scale > 1 and step / self.num_inference_steps < self.guidance_end

    def is_controlled(self, step: int) -> bool:
        """Whether the controls are active at a step, counted from 0.

        As in diffusers, a step counts if it ends inside the window.
        """
        return bool(self.steering) and (step + 1) / self.num_inference_steps <= self.control_guidance_end

    def uses_cache(self, step: int) -> bool:
        """Whether a step, counted from 0, uses the cache of the step before.

        The step at which the controls stop never does.
        """
        return step % self.cache_interval != 0 and self.is_controlled(step) == self.is_controlled(step - 1)


def _tensor(image: Image.Image) -> torch.Tensor:
    pixels = torch.from_numpy(np.array(image.convert("RGB"))).permute(2, 0, 1)[None].contiguous()
    return pixels.pin_memory() if torch.cuda.is_available() else pixels


@dataclass(frozen=True, slots=True)
class Drawing:
    """A finished picture.

    Attributes:
        image: RGB.
        batch_size_max: the largest number of jobs that shared a step with it, itself included.
        prompt, negative_prompt: as read by the text encoders.
    """

    image: Image.Image
    batch_size_max: int
    prompt: FittedPrompt = field(default_factory=FittedPrompt)
    negative_prompt: FittedPrompt = field(default_factory=FittedPrompt)
