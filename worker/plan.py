"""What to draw, with every default filled in."""

from dataclasses import dataclass

from shared.schemas import (
    ControlType,
    Priority,
    Quality,
)
from shared.settings import ModelSettings
from shared.styles import StyleDefinition
from worker.legibility.control_levels import ControlLevel


@dataclass(frozen=True, slots=True)
class ModelIdentity:
    """The model's name in results, its defaults, and the default style."""

    name: str
    settings: ModelSettings
    default_style: str


@dataclass(frozen=True, slots=True)
class Plan:
    """A request with its defaults filled in.

    `seed` belongs to the noise of the first picture, `scene_seed` to the scene's layout and the hand-drawn maps.
    `is_seed_free`: the request did not set a seed, so the service may try others for a legibility target.
    `variations`: the number of pictures in an attempt.
    `draw_imagery`: whether the maps include the motifs.
    """

    word: str
    style_name: str
    style: StyleDefinition
    seed: int
    scene_seed: int
    is_seed_free: bool
    variations: int
    width: int
    height: int
    num_inference_steps: int
    guidance_scale: float
    guidance_end: float
    cache_interval: int
    negative_prompt: str
    weights: dict[ControlType, float]
    draw_imagery: bool
    priority: Priority
    quality: Quality

    def seed_at(self, level: ControlLevel) -> int:
        """Return the first picture's seed at a level.

        If the request allows it, each level above 0 starts from different noise.
        """
        return self.seed + self.variations * max(0, level.number) if self.is_seed_free else self.seed
