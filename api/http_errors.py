"""What gunicorn finds wrong with a request, as the service's own errors."""

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

# What gunicorn finds wrong, by its class; the rest of its kind is `BadRequest`.
ERRORS: Mapping[type[Exception], type[ServiceError]] = {
    errors.LimitRequestLine: AddressTooLong,
    errors.LimitRequestHeaders: HeadersTooLarge,
    errors.ExpectationFailed: ExpectationFailed,
    errors.UnsupportedTransferCoding: UnsupportedTransferCoding,
}
# The application's faults, though they descend from the client's.
OWN_FAULTS = (errors.InvalidResponseHeader, errors.InvalidResponseHeaderName, errors.ConfigurationProblem)
LONGEST_TEXT = 300  # it may quote the request
ENCODE = "percent-encode what is not ASCII in the address: 学 is %E5%AD%A6"


def as_service_error(error: BaseException) -> ServiceError:
    """Return what is told of an error that gunicorn raised."""
    if isinstance(error, ServiceError):
        return error
    if isinstance(error, OWN_FAULTS) or not isinstance(error, errors.ParseException):
        return ServiceError("an unexpected error; the log has its trace")
    text = str(error)
    if isinstance(error, errors.InvalidRequestLine) and not text.isascii():
        text = ENCODE
    return ERRORS.get(type(error), BadRequest)(text[:LONGEST_TEXT])
