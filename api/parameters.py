"""Parameters shared by several calls."""

from functools import cache
from typing import Annotated, Any

from pydantic import BaseModel, Field


class JobPath(BaseModel):
    """The path parameter of a job."""

    job_id: Annotated[str, Field(description="the id that POST returned")]


class PageQuery(BaseModel):
    """Which part of a list to return."""

    limit: Annotated[int, Field(description="the number of entries per page", ge=1, le=100)] = 20
    cursor: Annotated[str | None, Field(description="`next_cursor` of the previous page", max_length=100)] = None


class ReadingQuery(BaseModel):
    """The encoding and columns of a list, if they are not to be detected."""

    encoding: Annotated[
        str | None,
        Field(description="the list's encoding; default: its Content-Type's charset, or else detected", max_length=40),
    ] = None
    columns: Annotated[
        str | None,
        Field(
            description="such as `word,reading,translation`; `-` leaves a column out; default: detected", max_length=200
        ),
    ] = None


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
