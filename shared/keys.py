"""The names of the keys in Redis that several modules share."""

import os

from shared.schemas import Priority

# `redis.prefix`: before every key of ours, of Celery's and of the rate limit's. It is read here, once, as the scripts'
# texts are put together: a process has one for all of its life. `shared.settings` checks it.
NAMESPACE = os.environ.get("WRITING_REDIS__PREFIX", "")
PREFIX = NAMESPACE + "writing:"


def job_key(job_id: str) -> str:
    """Return the key of a job's record."""
    return f"{PREFIX}job:{job_id}"


def deck_key(deck_id: str) -> str:
    """Return the key of a deck."""
    return f"{PREFIX}deck:{deck_id}"


def index_key(client: str) -> str:
    """Return the key of the list of a caller's jobs."""
    return f"{PREFIX}jobs:{client}"


def preview_key(job_id: str, variation: int = 0) -> str:
    """Return the key of a running job's preview, of one of its pictures."""
    return f"{PREFIX}preview:{job_id}:{variation}" if variation else f"{PREFIX}preview:{job_id}"


def waiting_keys(first: Priority = Priority.INTERACTIVE) -> list[str]:
    """Return the keys of the waiting jobs, those of one priority first."""
    return [f"{PREFIX}waiting:{priority}" for priority in sorted(Priority, key=lambda priority: priority is not first)]
