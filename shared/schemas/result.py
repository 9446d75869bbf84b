"""A finished picture."""

import operator

from pydantic import (
    Field,
)

from shared.schemas.base import Schema
from shared.schemas.metadata import AnyLegibility, AnyMetadata


class Variation(Schema):
    """One of several pictures of the same scene."""

    generated_image_base64: str
    seed: int
    legibility: AnyLegibility
    kept: bool = Field(description="whether it is the most legible one, which the result's own fields contain")


class AIGenerationResult(Schema):
    """A finished picture. Images are PNG in base64."""

    success: bool
    generated_image_base64: str
    conditioning_images_base64: dict[str, dict[str, str]] = Field(
        description="images by type and method; empty if `include_conditioning` was false"
    )
    prompt_used: str
    generation_metadata: AnyMetadata
    variations: tuple[Variation, ...] = Field(
        default=(),
        exclude_if=operator.not_,
        description="all pictures in the order of their seeds; omitted if there is only one",
    )


class VariationLink(Schema):
    """The address of one of several pictures of the same scene."""

    image: str = Field(description="its URL")
    seed: int
    legibility: AnyLegibility
    kept: bool = Field(description="whether it is the most legible one, which the result's own fields contain")


class ResultLinks(Schema):
    """The addresses of a finished picture: the response to `?result=links`."""

    success: bool
    image_url: str
    conditioning_urls: dict[str, dict[str, str]] = Field(description="URLs by type and method")
    prompt_used: str
    generation_metadata: AnyMetadata
    variations: tuple[VariationLink, ...] = Field(
        default=(), exclude_if=operator.not_, description="as in the full result"
    )
