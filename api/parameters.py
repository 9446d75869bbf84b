"""Parameters shared by several calls."""

from functools import cache
from typing import Annotated, Any

from pydantic import BaseModel, Field


class JobPath(BaseModel):
    """The path parameter of a job."""

    job_id: Annotated[str, Field(description="the id that POST returned")]


class Headers(BaseModel):
    """Headers of a call."""

    @classmethod
    @cache
    def model_json_schema(cls, *args: Any, **options: Any) -> dict[str, Any]:  # type: ignore[override]  # by the cache
        """Return the cached schema. flask-openapi3 needs it at every request; making it took a third of the time."""
        return super().model_json_schema(*args, **options)


class IdempotencyHeaders(Headers):
    """Headers of a call that creates something."""

    idempotency_key: Annotated[
        str | None,
        Field(alias="Idempotency-Key", description="a repeated POST with the same key creates nothing new"),
    ] = None
