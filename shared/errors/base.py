"""The base classes of all errors."""

from collections.abc import Mapping, Sequence
from typing import Any


class ServiceError(Exception):
    """Something went wrong in the service."""

    code: str = "internal_error"
    http_status: int = 500

    def __init__(
        self,
        detail: str,
        *,
        field: str | None = None,
        retry_after_s: int | None = None,
        code: str | None = None,
        errors: Sequence[Mapping[str, Any]] = (),
    ) -> None:
        """Set what happened.

        Args:
            detail: what happened.
            field: the field of the request that is at fault.
            retry_after_s: seconds to wait before trying again, if that may help.
            code: a more precise code than that of the class.
            errors: if there are several faults, the field, code and message of each.
        """
        super().__init__(detail)
        self.detail = detail
        self.field = field
        self.retry_after_s = retry_after_s
        self.code = code or self.code
        self.errors = errors

    @property
    def title(self) -> str:
        """The meaning of the error, the same for every occurrence."""
        return (type(self).__doc__ or "").splitlines()[0]


class SettingsError(Exception):
    """A setting is missing, unknown or wrong; the process cannot start."""
