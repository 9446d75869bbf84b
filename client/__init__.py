"""The service from Python: ``from client import WritingClient``, and the command ``writing-service``.

Needs neither Flask nor torch: `pip install 'writing-service[client]'`.
"""

from client.errors import JobCancelled, JobFailed, Unreachable, WaitTimedOut, WritingError
from client.job import Job, Preview, Update
from client.picture import Picture
from client.service_deck import ServiceDeck
from client.writing_client import Outcome, WritingClient

__all__ = [
    "Job",
    "JobCancelled",
    "JobFailed",
    "Outcome",
    "Picture",
    "Preview",
    "ServiceDeck",
    "Unreachable",
    "Update",
    "WaitTimedOut",
    "WritingClient",
    "WritingError",
]
