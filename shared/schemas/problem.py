"""Errors on the wire."""

from typing import Any, Self

from pydantic import Field

from shared.errors import ServiceError
from shared.schemas.base import Schema


class JobError(Schema):
    """Why a job failed."""

    code: str
    title: str
    detail: str
    field: str | None = None

    @classmethod
    def of(cls, error: ServiceError) -> Self:
        """Return an error as stored in a job's record."""
        return cls(code=error.code, title=error.title, detail=error.detail, field=error.field)


class Problem(Schema):
    """An error (RFC 9457)."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    code: str = Field(description="stable; programs may rely on it")
    field: str | None = Field(default=None, description="the field at fault")
    errors: list[dict[str, Any]] = Field(
        default_factory=list, description="up to 50 faults, or one for each word of a deck"
    )
