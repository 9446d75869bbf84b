"""The names of the keys in Redis that several modules share."""

from shared.schemas import Priority

PREFIX = "writing:"


def job_key(job_id: str) -> str:
    """Return the key of a job's record."""
    return f"{PREFIX}job:{job_id}"


def preview_key(job_id: str) -> str:
    """Return the key of a running job's preview."""
    return f"{PREFIX}preview:{job_id}"


def waiting_keys(first: Priority = Priority.INTERACTIVE) -> list[str]:
    """Return the keys of the waiting jobs, those of one priority first."""
    return [f"{PREFIX}waiting:{priority}" for priority in sorted(Priority, key=lambda priority: priority is not first)]
