"""gunicorn's request errors, mapped to the service's own errors."""

from collections.abc import Mapping

from gunicorn.http import errors

from shared.errors import (
    AddressTooLong,
    BadRequest,
    ExpectationFailed,
    HeadersTooLarge,
    ServiceError,
    UnsupportedTransferCoding,
)

# gunicorn's error classes; all other parse errors are `BadRequest`.
ERRORS: Mapping[type[Exception], type[ServiceError]] = {
    errors.LimitRequestLine: AddressTooLong,
    errors.LimitRequestHeaders: HeadersTooLarge,
    errors.ExpectationFailed: ExpectationFailed,
    errors.UnsupportedTransferCoding: UnsupportedTransferCoding,
}
# Faults of the application, although their classes derive from those of client errors.
OWN_FAULTS = (errors.InvalidResponseHeader, errors.InvalidResponseHeaderName, errors.ConfigurationProblem)
LONGEST_TEXT = 300  # the text may quote the request
UNEXPECTED = "an unexpected error occurred; the log has its traceback"
ENCODE = "percent-encode non-ASCII characters in the URL: 学 becomes %E5%AD%A6"


def as_service_error(error: BaseException) -> ServiceError:
    """Return the service's error for one that gunicorn raised."""
    if isinstance(error, ServiceError):
        return error
    if isinstance(error, OWN_FAULTS) or not isinstance(error, errors.ParseException):
        return ServiceError(UNEXPECTED)
    text = str(error)
    if isinstance(error, errors.InvalidRequestLine) and not text.isascii():
        text = ENCODE
    return ERRORS.get(type(error), BadRequest)(text[:LONGEST_TEXT])
