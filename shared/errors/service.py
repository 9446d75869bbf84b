"""Errors of the service itself. Those with which a job fails are 500: a repeated request would find the failed job."""

from shared.errors.base import ServiceError


class QueueFull(ServiceError):
    """Too many jobs are waiting."""

    code = "queue_full"
    http_status = 429


class TooManyCancelled(ServiceError):
    """This client has cancelled too many jobs before they started."""

    code = "too_many_cancelled"
    http_status = 429


class QueueUnavailable(ServiceError):
    """The queue cannot be reached at the moment."""

    code = "queue_unavailable"
    http_status = 503


class QueueOutOfMemory(ServiceError):
    """The queue has no memory for another job or its result at the moment."""

    code = "queue_out_of_memory"
    http_status = 503


class ResultsUnavailable(ServiceError):
    """The picture store cannot be reached at the moment."""

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
    """The job was abandoned because each process that ran it crashed."""

    code = "poisoned"


class UnreadableRecord(ServiceError):
    """The job's record was written by another version of the service, or is damaged."""

    code = "unreadable_record"


class OutOfMemory(ServiceError):
    """The picture needs more memory than the worker has."""

    code = "out_of_memory"


class DeviceLost(ServiceError):
    """The worker's GPU has stopped computing."""

    code = "device_lost"


class ModelLoadError(ServiceError):
    """A model could not be loaded."""

    code = "model_unavailable"
