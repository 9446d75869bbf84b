"""Errors of HTTP itself, of authentication and of rate limits."""

from shared.errors.base import ServiceError


class UnsupportedMediaType(ServiceError):
    """The call does not take a body of this media type."""

    code = "unsupported_media_type"
    http_status = 415


class BodyTooLarge(ServiceError):
    """The body is larger than the service accepts."""

    code = "body_too_large"
    http_status = 413


class BadRequest(ServiceError):
    """The request is not valid HTTP."""

    code = "bad_request"
    http_status = 400


class RequestTimeout(ServiceError):
    """The request did not arrive in time."""

    code = "request_timeout"
    http_status = 408


class AddressTooLong(ServiceError):
    """The address is longer than the service accepts."""

    code = "address_too_long"
    http_status = 414


class ExpectationFailed(ServiceError):
    """The service cannot do what the request's Expect header asks for."""

    code = "expectation_failed"
    http_status = 417


class HostNotAllowed(ServiceError):
    """The service does not answer under this host name."""

    code = "host_not_allowed"
    http_status = 421


class HeadersTooLarge(ServiceError):
    """The request has too many headers, or too long ones."""

    code = "headers_too_large"
    http_status = 431


class UnsupportedTransferCoding(ServiceError):
    """The service does not understand the body's Transfer-Encoding."""

    code = "unsupported_transfer_coding"
    http_status = 501


class Unauthorized(ServiceError):
    """The call needs a valid API key."""

    code = "unauthorized"
    http_status = 401


class OperatorOnly(ServiceError):
    """The call needs an operator's API key."""

    code = "operator_only"
    http_status = 403


class RateLimited(ServiceError):
    """This client has sent too many words, lists or packages in a short time."""

    code = "rate_limited"
    http_status = 429


class TooManyListeners(ServiceError):
    """This client listens to as many jobs as it may at a time."""

    code = "too_many_listeners"
    http_status = 429


class NotFound(ServiceError):
    """There is nothing at this address."""

    code = "not_found"
    http_status = 404


class MethodNotAllowed(ServiceError):
    """The address does not support this HTTP method."""

    code = "method_not_allowed"
    http_status = 405
