"""A finished picture."""

import operator
from typing import Any

from pydantic import (
    Field,
)

from shared.schemas.base import Schema


class Variation(Schema):
    """One of several pictures of the same scene."""

    generated_image_base64: str
    seed: int
    legibility: dict[str, Any] = Field(description="as in the result's metadata")
    kept: bool = Field(description="whether it is the most legible, which the result's own fields hold")


class AIGenerationResult(Schema):
    """A finished picture. Images are PNG in base64."""

    success: bool
    generated_image_base64: str
    conditioning_images_base64: dict[str, dict[str, str]] = Field(
        description="type to method to image; empty if `include_conditioning` was false"
    )
    prompt_used: str
    generation_metadata: dict[str, Any] = Field(
        description="seed, model, parameters as used, `timings_ms` by stage and `generation_time_ms` in all"
    )
    variations: tuple[Variation, ...] = Field(
        default=(), exclude_if=operator.not_, description="all pictures in the order of their seeds; left out for one"
    )


class VariationLink(Schema):
    """The address of one of several pictures of the same scene."""

    image: str = Field(description="its address")
    seed: int
    legibility: dict[str, Any] = Field(description="as in the result's metadata")
    kept: bool = Field(description="whether it is the most legible, which the result's own fields hold")


class ResultLinks(Schema):
    """The addresses of a finished picture: the response to `?result=links`."""

    success: bool
    image_url: str
    conditioning_urls: dict[str, dict[str, str]] = Field(description="type to method to address")
    prompt_used: str
    generation_metadata: dict[str, Any] = Field(description="as in the whole result")
    variations: tuple[VariationLink, ...] = Field(
        default=(), exclude_if=operator.not_, description="as in the whole result"
    )
