"""Every error class by its code."""

from shared.errors import http, job, request, service  # noqa: F401  # their classes are found below
from shared.errors.base import ServiceError


def _subclasses(cls: type[ServiceError]) -> list[type[ServiceError]]:
    return [cls, *(found for child in cls.__subclasses__() for found in _subclasses(child))]


ERRORS_BY_CODE: dict[str, type[ServiceError]] = {error.code: error for error in _subclasses(ServiceError)}
