"""The base classes of all errors."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar


class ServiceError(Exception):
    """Something went wrong in the service."""

    code: ClassVar[str] = "internal_error"
    http_status: ClassVar[int] = 500
    # If there are several faults: the field, code and message of each.
    errors: Sequence[Mapping[str, Any]] = ()

    def __init__(self, detail: str, *, field: str | None = None, retry_after_s: int | None = None) -> None:
        """Set what happened and, if one field of the request is at fault, its name."""
        super().__init__(detail)
        self.detail = detail
        self.field = field
        self.retry_after_s = retry_after_s

    @property
    def title(self) -> str:
        """The meaning of the error, the same for every occurrence."""
        return (type(self).__doc__ or "").splitlines()[0]

    def to_dict(self) -> dict[str, Any]:
        """Return the error as stored in a job record."""
        return {"code": self.code, "title": self.title, "detail": self.detail, "field": self.field}


class SettingsError(Exception):
    """A setting is missing, unknown or wrong; the process cannot start."""
