"""The writing service from Python: ``from writing_client import WritingClient``, and the command ``writing``."""

import warnings
from typing import TYPE_CHECKING

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

if TYPE_CHECKING:
    Outcome = RequestOutcome
else:

    def __getattr__(name: str) -> object:
        """Return the class that an old name stands for."""
        if name == "Outcome":
            warnings.warn(
                "writing_client.Outcome is now writing_client.RequestOutcome", DeprecationWarning, stacklevel=2
            )
            return RequestOutcome
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
