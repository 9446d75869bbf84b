"""The errors that callers of the service can meet, each with a stable code.

One class per meaning; its docstring's first sentence is the problem's title. `code` never changes, `http_status` is
what the API answers with, and a failed job carries the same code.
"""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar


class ServiceError(Exception):
    """Something went wrong in the service."""

    code: ClassVar[str] = "internal_error"
    http_status: ClassVar[int] = 500
    # Every fault, where there are several: field, code and message of each.
    errors: Sequence[Mapping[str, Any]] = ()

    def __init__(self, detail: str, *, field: str | None = None, retry_after_s: int | None = None) -> None:
        """Say what happened and, where one field of the request is at fault, which."""
        super().__init__(detail)
        self.detail = detail
        self.field = field
        self.retry_after_s = retry_after_s

    @property
    def title(self) -> str:
        """The meaning of the error, the same for every occurrence."""
        return (type(self).__doc__ or "").splitlines()[0]

    def to_dict(self) -> dict[str, Any]:
        """Return the error as a job record carries it."""
        return {"code": self.code, "title": self.title, "detail": self.detail, "field": self.field}


class InvalidRequest(ServiceError):
    """The request is not valid."""

    code = "invalid_request"
    http_status = 422


class InvalidWord(InvalidRequest):
    """The word is empty, too long, or holds something that cannot be written."""

    code = "invalid_word"


class UnsupportedCharacter(InvalidRequest):
    """The word holds a character that neither the stroke data nor a font can draw."""

    code = "unsupported_character"


class TranslationRequired(InvalidRequest):
    """The lexicon does not know the word, so the request has to say what it means, in English."""

    code = "translation_required"


class UnknownReading(InvalidRequest):
    """The word is not read so; the detail lists its readings."""

    code = "unknown_reading"


class InvalidImagery(InvalidRequest):
    """Imagery is "auto", "none", or a list of one to three different motifs."""

    code = "invalid_imagery"


class UnknownImagery(InvalidRequest):
    """There is no motif of that name; the detail lists the nearest ones."""

    code = "unknown_imagery"


class UnknownStyle(InvalidRequest):
    """There is no style of that name."""

    code = "unknown_style"


class MethodUnavailable(InvalidRequest):
    """A conditioning method cannot run in this deployment."""

    code = "method_unavailable"


class PromptTooLong(InvalidRequest):
    """The text is longer than the model's text encoders can read."""

    code = "prompt_too_long"


class QualityUnavailable(InvalidRequest):
    """No such quality is offered for the model in use."""

    code = "quality_unavailable"


class Blocked(InvalidRequest):
    """This deployment does not draw that."""

    code = "blocked"


class WebhookNotAllowed(InvalidRequest):
    """Webhooks may not go there."""

    code = "webhook_not_allowed"


class MalformedJson(InvalidRequest):
    """The body is not a JSON object."""

    code = "malformed_json"


class UnreadableList(InvalidRequest):
    """Nobody can tell which words the list holds."""

    code = "unreadable_list"


class BadLine(InvalidRequest):
    """This line of the list gives no word."""

    code = "bad_line"


class NoDrawableWord(InvalidRequest):
    """The list holds no word that can be drawn."""

    code = "no_drawable_word"


class DeckTooLarge(InvalidRequest):
    """The deck has more words than this deployment takes at once."""

    code = "deck_too_large"


class InvalidCursor(InvalidRequest):
    """The cursor is none that this list has given."""

    code = "invalid_cursor"


class UnsupportedMediaType(ServiceError):
    """The body is not declared as application/json."""

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
    """The service is not reached by this host name."""

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
    """This client has sent too many jobs in a short time."""

    code = "rate_limited"
    http_status = 429


class NotFound(ServiceError):
    """There is nothing at this address."""

    code = "not_found"
    http_status = 404


class MethodNotAllowed(ServiceError):
    """The address does not answer to this HTTP method."""

    code = "method_not_allowed"
    http_status = 405


class JobNotFound(NotFound):
    """No job with this id was submitted, or its record has expired."""

    code = "job_not_found"


class DeckNotFound(NotFound):
    """No deck with this id was made, or its record has expired."""

    code = "deck_not_found"


class DeckExpired(NotFound):
    """The deck was drawn, but some of its pictures are no longer kept; make it again."""

    code = "deck_expired"
    http_status = 410


class ResultExpired(NotFound):
    """The job succeeded, but its pictures are no longer kept."""

    code = "result_expired"
    http_status = 410


class ImageryNotFound(NotFound):
    """There is no motif at this address; the detail lists the nearest ones."""

    code = "imagery_not_found"


class ConditioningNotFound(NotFound):
    """The job made no conditioning image of this type and method."""

    code = "conditioning_not_found"


class VariationNotFound(NotFound):
    """The job made no variation of this number."""

    code = "variation_not_found"


class SampleNotReady(NotFound):
    """The style's sample is not drawn yet."""

    code = "sample_not_ready"


class JobNotFinished(ServiceError):
    """The job has no picture yet."""

    code = "job_not_finished"
    http_status = 409


class DeckNotFinished(ServiceError):
    """The deck is still being drawn."""

    code = "deck_not_finished"
    http_status = 409


class DeckWithoutPictures(ServiceError):
    """No word of the deck has a picture."""

    code = "deck_without_pictures"
    http_status = 409


class JobCancelled(ServiceError):
    """The job was cancelled."""

    code = "cancelled"
    http_status = 409


class IdempotencyConflict(ServiceError):
    """The Idempotency-Key was used before with a different request."""

    code = "idempotency_conflict"
    http_status = 409


class QueueFull(ServiceError):
    """Too many jobs are waiting."""

    code = "queue_full"
    http_status = 429


class QueueUnavailable(ServiceError):
    """The queue cannot be reached at the moment."""

    code = "queue_unavailable"
    http_status = 503


class ResultsUnavailable(ServiceError):
    """The store of the pictures cannot be reached at the moment."""

    code = "results_unavailable"
    http_status = 503


class NotReady(ServiceError):
    """No worker is ready to generate pictures."""

    code = "not_ready"
    http_status = 503


class GenerationFailed(ServiceError):
    """The picture could not be made because of an error in the worker."""

    code = "generation_failed"


class Poisoned(ServiceError):
    """The job was given up: each process that ran it died."""

    code = "poisoned"


class UnreadableRecord(ServiceError):
    """The job's record was written by another version of the service, or is damaged."""

    code = "unreadable_record"


class OutOfMemory(ServiceError):
    """The picture needs more memory than the worker has."""

    code = "out_of_memory"
    http_status = 503


class DeviceLost(ServiceError):
    """The worker's GPU has stopped computing."""

    code = "device_lost"
    http_status = 503


class ModelLoadError(ServiceError):
    """A model could not be loaded."""

    code = "model_unavailable"
    http_status = 503


class SettingsError(Exception):
    """A setting is missing, unknown or wrong; the process cannot start."""


def _subclasses(cls: type[ServiceError]) -> list[type[ServiceError]]:
    return [cls, *(found for child in cls.__subclasses__() for found in _subclasses(child))]


ERRORS_BY_CODE: dict[str, type[ServiceError]] = {error.code: error for error in _subclasses(ServiceError)}
