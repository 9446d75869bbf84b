"""Errors on the wire."""

from typing import Any

from pydantic import (
    Field,
)

from shared.schemas.base import Schema


class JobError(Schema):
    """Why a job failed."""

    code: str
    title: str
    detail: str
    field: str | None = None


class Problem(Schema):
    """An error (RFC 9457)."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    code: str = Field(description="stable; programs may rely on it")
    field: str | None = Field(default=None, description="the field at fault")
    errors: list[dict[str, Any]] = Field(default_factory=list, description="up to 50 faults, or one a word of a deck")
