"""Every Redis key that the service, its scripts or kombu use."""

from enum import StrEnum

from shared.queue.client_queues import QUEUES
from shared.settings import NAMESPACE

PREFIX = NAMESPACE + "writing:"


class Key(StrEnum):
    """A key, or the prefix of a key if it ends in a colon or a hyphen; an id then follows.

    Lua scripts refer to each key by its name in lower case: `Key.JOB` is `keys.job` there.
    """

    # Jobs
    JOB = PREFIX + "job:"  # hash: a job's record
    JOBS = PREFIX + "jobs:"  # of a client; sorted set: its jobs by sequence number
    CANCELLED = PREFIX + "cancelled:"  # of a client; sorted set: what it cancelled before it started, by expiry
    WAITING = PREFIX + "waiting:"  # of a queue; sorted set: the waiting jobs by sequence number
    LOAD = PREFIX + "load"  # hash: what waiting and running jobs take up, of all and of each client; expires soon
    SEQUENCE = PREFIX + "sequence"  # sequence number of the newest job
    IDEMPOTENCY = PREFIX + "idempotency:"  # of a digest of a client's key; the job or deck that it created
    DECK = PREFIX + "deck:"  # hash: a deck
    DECKS = PREFIX + "decks:"  # of a client; sorted set: its decks by sequence number
    EVENTS = PREFIX + "events:"  # stream: what happened to a job
    PREVIEW = PREFIX + "preview:"  # a running job's latest preview, JPEG in hexadecimal
    # Workers and their leases
    WORKERS = PREFIX + "workers"  # sorted set: the live workers by their last heartbeat
    WORKER = PREFIX + "worker:"  # a worker's state, JSON
    OWNERS = PREFIX + "owners"  # set: the workers that may hold jobs, or messages of jobs
    RUNNING = PREFIX + "running:"  # of a worker; set: the jobs that it runs
    BEAT = PREFIX + "beat:"  # of a worker; a counter that its heartbeat increments
    RECONCILING = PREFIX + "reconciling"  # the worker that compares records with messages on behalf of all
    MISSING = PREFIX + "missing"  # set: the jobs that had no message at the last check
    # How jobs ended
    FINISHED = PREFIX + "finished"  # list: the latest ends, "time gap", newest first
    STATS = PREFIX + "stats"  # hash: status to how many jobs ended with it; and sums of their times
    FAILURE_CODES = PREFIX + "failure_codes"  # hash: error code to how many jobs failed with it
    RECENT_FAILURES = PREFIX + "recent_failures"  # list of JSON, newest first
    HISTOGRAM = PREFIX + "histogram:"  # of a name; hash: "label|bucket" to the number of values
    # Webhooks
    WEBHOOKS = PREFIX + "webhooks:"  # of a client to a host; sorted set: the jobs and decks to report, by due time
    WEBHOOK_LISTS = PREFIX + "webhook_hosts"  # set: the names of the lists that are not empty
    WEBHOOK_FAILURES = PREFIX + "webhook_failures"  # hash: job or deck to failed deliveries so far
    # Results
    DOCUMENT = NAMESPACE + "celery-task-meta-"  # of a job; Celery's record of its task
    PICTURE = PREFIX + "picture:"  # of "job:token:number"; PNG
    RESULTS = PREFIX + "results"  # sorted set: the jobs whose results are kept, by publication time
    RESULT_SIZES = PREFIX + "result_sizes"  # hash: job to "bytes pictures token"
    RESULT_BYTES = PREFIX + "result_bytes"  # the sum of the sizes
    RESULTS_EVICTED = PREFIX + "results_evicted"  # how many results were evicted
    SWEEPING = PREFIX + "sweeping"  # the worker that deletes expired pictures from the object store on behalf of all
    PIXEL_BYTES = PREFIX + "pixel_bytes"  # hash: "picture" and "map"; running means of measured PNG bytes per pixel
    # The transport of messages
    TRIAL = PREFIX + "trial"  # written to learn whether Redis can be written to; expires at once
    UNACKED = NAMESPACE + "unacked"  # kombu's own hash: the messages that were delivered but not acknowledged


def job_key(job_id: str) -> str:
    """Return the key of a job's record."""
    return Key.JOB + job_id


def deck_key(deck_id: str) -> str:
    """Return the key of a deck."""
    return Key.DECK + deck_id


def preview_key(job_id: str, variation: int = 0) -> str:
    """Return the key of the preview of one of a running job's pictures."""
    return f"{Key.PREVIEW}{job_id}:{variation}" if variation else Key.PREVIEW + job_id


def waiting_key(queue: str) -> str:
    """Return the key of a queue's waiting jobs."""
    return Key.WAITING + queue


def waiting_keys() -> list[str]:
    """Return the keys of all waiting jobs, in the order of `QUEUES`."""
    return list(map(waiting_key, QUEUES))


def queue_key(queue: str) -> str:
    """Return kombu's key of a queue, a list of messages."""
    return NAMESPACE + queue
