"""Settings of the models."""

from typing import Annotated, Literal

from pydantic import Field

from shared.schemas import SIDE_LIMITS, Quality
from shared.settings.base import Count, Section
from shared.settings.values import Name


class FastSettings(Section):
    """The shortcuts of `quality: fast`.

    Attributes:
        guidance_end: share of the steps after which guidance stops, which halves the work of the remaining steps.
        cache_interval: every n-th step is computed in full, and the steps between only by the UNet's outermost level;
            1: every step in full.
        float8: compute linear layers in 8 bits if the card supports it; a second set of their weights is then held.
    """

    guidance_end: Annotated[float, Field(gt=0, le=1)]
    cache_interval: Annotated[int, Field(ge=1, le=5)]
    float8: bool


class TurboSettings(Section):
    """The few-step weights of `quality: turbo`.

    Attributes:
        lora: hub name or folder of a LoRA for the UNet.
        weight_name: its weight file.
        num_inference_steps, guidance_scale: the values it was distilled for; a request's own values override them.
        timestep_spacing: the spacing it was distilled for.
    """

    lora: Name
    weight_name: Name
    num_inference_steps: Count
    guidance_scale: Annotated[float, Field(ge=1)]
    timestep_spacing: Literal["linspace", "leading", "trailing"]


class ModelSettings(Section):
    """A checkpoint and the parameters that it works best with.

    Attributes:
        draw_imagery: whether the maps contain motifs if a request does not say.
    """

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
