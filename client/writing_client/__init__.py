"""The writing service from Python: ``from writing_client import WritingClient``, and the command ``writing``."""

from writing_client.batch import RequestOutcome
from writing_client.errors import (
    JobCancelled,
    JobFailed,
    UnexpectedAnswer,
    Unreachable,
    WaitTimedOut,
    WritingError,
    WrongInput,
)
from writing_client.job import Job, Preview, Update
from writing_client.models import GenerationRequest, Priority, Quality
from writing_client.picture import Picture
from writing_client.service_deck import ServiceDeck
from writing_client.version import __version__ as __version__
from writing_client.writing_client import WritingClient

__all__ = [
    "GenerationRequest",
    "Job",
    "JobCancelled",
    "JobFailed",
    "Picture",
    "Preview",
    "Priority",
    "Quality",
    "RequestOutcome",
    "ServiceDeck",
    "UnexpectedAnswer",
    "Unreachable",
    "Update",
    "WaitTimedOut",
    "WritingClient",
    "WritingError",
    "WrongInput",
]
