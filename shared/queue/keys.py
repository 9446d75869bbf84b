"""The keys in Redis: every key that the service, its scripts or kombu use."""

from enum import StrEnum

from shared.schemas import Priority
from shared.settings import NAMESPACE

PREFIX = NAMESPACE + "writing:"


class Key(StrEnum):
    """A key, or what a key begins with if it ends in a colon or a hyphen: then an id follows.

    Lua scripts know each by its name in lower case: `Key.JOB` is `keys.job` there.
    """

    # Jobs
    JOB = PREFIX + "job:"  # hash: a job's record
    JOBS = PREFIX + "jobs:"  # of a client; sorted set: its jobs by sequence
    WAITING = PREFIX + "waiting:"  # of a priority; sorted set: the jobs that wait, by sequence
    SEQUENCE = PREFIX + "sequence"  # number of the newest job
    IDEMPOTENCY = PREFIX + "idempotency:"  # of a digest of a client's key; the job or deck that it made
    DECK = PREFIX + "deck:"  # hash: a deck
    EVENTS = PREFIX + "events:"  # stream: what happened to a job
    PREVIEW = PREFIX + "preview:"  # a running job's latest preview, JPEG in hexadecimal
    # Workers and their leases
    WORKERS = PREFIX + "workers"  # sorted set: the live workers by their last heartbeat
    WORKER = PREFIX + "worker:"  # a worker's state, JSON
    OWNERS = PREFIX + "owners"  # set: the workers that may hold jobs, or messages of jobs
    RUNNING = PREFIX + "running:"  # of a worker; set: the jobs that it runs
    BEAT = PREFIX + "beat:"  # of a worker; a counter that its heartbeat moves
    RECONCILING = PREFIX + "reconciling"  # the worker that compares records with messages for all
    MISSING = PREFIX + "missing"  # set: the jobs that had no message at the last look
    # How jobs ended
    FINISHED = PREFIX + "finished"  # list: the latest ends, "when gap", the newest first
    STATS = PREFIX + "stats"  # hash: status, how many jobs ended so; and sums of their times
    FAILURE_CODES = PREFIX + "failure_codes"  # hash: error code, how many jobs failed by it
    RECENT_FAILURES = PREFIX + "recent_failures"  # list of JSON, the newest first
    HISTOGRAM = PREFIX + "histogram:"  # of a name; hash: "label|bucket", how many values
    # Webhooks
    WEBHOOKS = PREFIX + "webhooks:"  # of a host; sorted set: the jobs to tell of, by when they are due
    WEBHOOK_HOSTS = PREFIX + "webhook_hosts"  # set: the hosts whose list is not empty
    WEBHOOK_FAILURES = PREFIX + "webhook_failures"  # hash: job, failed deliveries so far
    OLD_WEBHOOKS = PREFIX + "webhooks"  # where older versions kept all hosts' webhooks
    # Results
    DOCUMENT = NAMESPACE + "celery-task-meta-"  # of a job; Celery's record of its task
    PICTURE = PREFIX + "picture:"  # of "job:token:number"; PNG
    RESULTS = PREFIX + "results"  # sorted set: the jobs whose results are kept, by when they were published
    RESULT_SIZES = PREFIX + "result_sizes"  # hash: job, "bytes pictures token"
    RESULT_BYTES = PREFIX + "result_bytes"  # the sum of the sizes
    RESULTS_EVICTED = PREFIX + "results_evicted"  # how many results had to make room
    PIXEL_BYTES = PREFIX + "pixel_bytes"  # hash: picture, map; measured PNG bytes a pixel, a running mean
    # kombu's own
    UNACKED = NAMESPACE + "unacked"  # hash: the messages that were delivered and not acknowledged


def job_key(job_id: str) -> str:
    """Return the key of a job's record."""
    return Key.JOB + job_id


def deck_key(deck_id: str) -> str:
    """Return the key of a deck."""
    return Key.DECK + deck_id


def index_key(client: str) -> str:
    """Return the key of the list of a caller's jobs."""
    return Key.JOBS + client


def preview_key(job_id: str, variation: int = 0) -> str:
    """Return the key of a running job's preview, of one of its pictures."""
    return f"{Key.PREVIEW}{job_id}:{variation}" if variation else Key.PREVIEW + job_id


def waiting_keys(first: Priority = Priority.INTERACTIVE) -> list[str]:
    """Return the keys of the waiting jobs, those of one priority first."""
    return [Key.WAITING + priority for priority in sorted(Priority, key=lambda priority: priority is not first)]


def queue_key(priority: Priority) -> str:
    """Return kombu's key of a queue, a list of messages."""
    return NAMESPACE + priority
