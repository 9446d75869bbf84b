"""What to draw, with every default filled in."""

from dataclasses import dataclass

from shared.schemas import (
    ControlType,
    Priority,
    Quality,
)
from shared.settings import ModelSettings
from worker.legibility.control_levels import ControlLevel
from worker.style_definitions import StyleDefinition


@dataclass(frozen=True, slots=True)
class ModelIdentity:
    """The model as results name it, its defaults, and the style that is taken where none is asked for."""

    name: str
    settings: ModelSettings
    default_style: str


@dataclass(frozen=True, slots=True)
class Plan:
    """A request with its defaults filled in.

    `seed` is of the noise of the first picture, `scene_seed` of the scene's layout and of maps drawn by hand.
    `is_seed_free`: the request left the seed to the service, which may try others for a legibility target.
    `variations`: how many pictures an attempt draws.
    `draw_imagery`: the maps hold the motifs, too.
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
        """Return the first picture's seed at a level: each one up begins from other noise, if the request allows it."""
        return self.seed + self.variations * max(0, level.number) if self.is_seed_free else self.seed
