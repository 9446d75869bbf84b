"""Settings of the models."""

from typing import Annotated, Literal

from pydantic import Field

from shared.schemas import SIDE_LIMITS, Quality
from shared.settings.base import Count, Section
from shared.settings.values import Name


class FastSettings(Section):
    """The shortcuts of `quality: fast`."""

    guidance_end: Annotated[float, Field(gt=0, le=1)]
    cache_interval: Annotated[int, Field(ge=1, le=5)]
    float8: bool


class TurboSettings(Section):
    """The few-step weights of `quality: turbo`."""

    lora: Name
    weight_name: Name
    num_inference_steps: Count
    guidance_scale: Annotated[float, Field(ge=1)]
    timestep_spacing: Literal["linspace", "leading", "trailing"]


class ModelSettings(Section):
    """A checkpoint and the parameters that it works best with."""

    base: Name
    controlnet: Name | None
    vae: Name | None
    dtype: Literal["auto", "float32", "float16", "bfloat16"]
    default_size: Annotated[int, Field(**SIDE_LIMITS)]  # an environment variable is text, so not strict
    num_inference_steps: Count
    guidance_scale: Annotated[float, Field(ge=1)]
    negative_prompt: str | None
    draw_imagery: bool
    solver: Literal["euler", "euler_ancestral", "dpmpp_2m_karras"]
    qualities: tuple[Quality, ...]
    fast: FastSettings
    turbo: TurboSettings | None

    def pace(self, quality: Quality) -> "ModelSettings | TurboSettings":
        """Return where the steps and the guidance of a request that omits them come from."""
        return (self.turbo if quality is Quality.TURBO else None) or self


class ConditioningSettings(Section):
    """The models of the two AI methods, as hub names or local folders; null: the method is unavailable."""

    depth_model: Name | None
    segmentation_model: Name | None
