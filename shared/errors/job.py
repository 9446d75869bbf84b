"""Errors of the current state of a job, a deck or a result."""

from shared.errors.base import ServiceError
from shared.errors.http import NotFound


class JobNotFound(NotFound):
    """No job with this id was submitted, or its record has expired."""

    code = "job_not_found"


class DeckNotFound(NotFound):
    """No deck with this id was made, or its record has expired."""

    code = "deck_not_found"


class DeckWordNotFound(NotFound):
    """The deck has no word with this number."""

    code = "deck_word_not_found"


class DeckExpired(NotFound):
    """The deck was drawn, but some of its pictures are no longer stored; make it again."""

    code = "deck_expired"
    http_status = 410


class ResultExpired(NotFound):
    """The job succeeded, but its pictures are no longer stored."""

    code = "result_expired"
    http_status = 410


class ImageryNotFound(NotFound):
    """There is no motif at this address; the detail lists the nearest ones."""

    code = "imagery_not_found"


class ConditioningNotFound(NotFound):
    """The job made no conditioning image of this type and method."""

    code = "conditioning_not_found"


class VariationNotFound(NotFound):
    """The job made no variation with this number."""

    code = "variation_not_found"


class SampleNotReady(NotFound):
    """The style's sample is not drawn yet."""

    code = "sample_not_ready"


class JobNotFinished(ServiceError):
    """The job has no picture yet."""

    code = "job_not_finished"
    http_status = 409


class JobWithoutPicture(ServiceError):
    """The job failed or was cancelled, so it has no picture."""

    code = "job_without_picture"
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
