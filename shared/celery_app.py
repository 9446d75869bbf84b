"""The Celery application: JSON only, late acknowledgement, one message at a time, expiring results."""

import os
from typing import Any

from celery import Celery
from kombu import Queue

from shared.errors import SettingsError
from shared.queue.client_queues import QUEUES
from shared.queue.order import order_name
from shared.queue.transport import GOES_FIRST, harden_transport
from shared.schemas import Priority
from shared.settings import Settings
from shared.tls import tls_options

GENERATE_TASK = "writing.generate"
WARMUP_COMMAND = "warmup"
# Celery reads these itself, and they override its configuration.
CELERY_ADDRESSES = ("CELERY_BROKER_URL", "CELERY_BROKER_READ_URL", "CELERY_BROKER_WRITE_URL", "CELERY_RESULT_BACKEND")


def make_celery(settings: Settings) -> Celery:
    """Return a separate application (not Celery's global default) for the settings' Redis.

    The API sends tasks through it by name; a worker registers them.

    Raises:
        SettingsError: Celery's own environment variables name another Redis, which would override ours.
    """
    _refuse_other_addresses(settings.redis.url)
    harden_transport()
    app = Celery("writing", set_as_current=False)
    # Named like Celery's own backend, because Celery masks the password only in such an address (Flower shows it).
    app.loader.override_backends = dict.fromkeys(("redis", "rediss"), "shared.queue.results:ResultBackend")
    app.conf.update(_options(settings))
    return app


def _options(settings: Settings) -> dict[str, Any]:
    """Return Celery's configuration."""
    timeouts = {"socket_timeout": settings.redis.timeout_s, "socket_connect_timeout": settings.redis.timeout_s}
    tls = tls_options(settings.redis) or None
    return {
        "broker_url": settings.redis.url,
        "broker_use_ssl": tls,
        "redis_backend_use_ssl": tls,
        "result_backend": settings.redis.url,
        "writing_results_store": settings.results.store,
        # JSON and nothing else, in both directions: a message can never run code.
        "task_serializer": "json",
        "result_serializer": "json",
        "accept_content": ["json"],
        "result_accept_content": ["json"],
        "task_queues": [Queue(queue, routing_key=queue) for queue in QUEUES],
        "task_default_queue": Priority.INTERACTIVE.value,
        # A message is acknowledged only once its job has ended, so it survives a worker crash.
        "task_acks_late": True,
        "task_reject_on_worker_lost": True,
        "worker_prefetch_multiplier": 1,
        "result_expires": settings.queue.result_ttl_s,
        "broker_connection_retry_on_startup": True,
        "broker_connection_max_retries": None,
        "broker_transport_options": {
            **timeouts,
            "visibility_timeout": settings.queue.visibility_timeout_s,
            "priority_steps": [0],  # jobs have a queue for their priority, so no queue needs lists for further ones
            "queue_order_strategy": order_name(settings.queue.bulk_every),
            "global_keyprefix": settings.redis.prefix,
        },
        "result_backend_transport_options": {"global_keyprefix": settings.redis.prefix},
        "redis_socket_timeout": settings.redis.timeout_s,
        "redis_socket_connect_timeout": settings.redis.timeout_s,
        "worker_send_task_events": True,
        "task_send_sent_event": True,
        "worker_hijack_root_logger": False,
        "worker_redirect_stdouts": False,
    }


def _refuse_other_addresses(ours: str) -> None:
    """Refuse Celery variables that would separate messages from records or bypass the TLS settings."""
    for name in CELERY_ADDRESSES:
        if os.environ.get(name) not in {None, "", ours}:
            raise SettingsError(
                f"environment variable {name} would override redis.url; unset it and set WRITING_REDIS__URL instead"
            )


def send_job(
    app: Celery, job_id: str, queue: str, *, shown: str = "", goes_first: bool = False, **options: Any
) -> None:
    """Send the message of a waiting job. A duplicate for the same job is harmless.

    Args:
        app: from `make_celery`.
        job_id: the job's id, which is also the message's id.
        queue: its queue, of `QUEUES`.
        shown: what Flower shows as the task's arguments.
        goes_first: whether it is read before all others of the queue, as the job was before it had to wait again.
        **options: further options of `Celery.send_task`.
    """
    argsrepr = shown or f"({job_id!r},)"
    # Otherwise each sender would subscribe to the result, and retry for twenty seconds while Redis is unreachable.
    options["ignore_result"] = True
    if goes_first:
        options["headers"] = {GOES_FIRST: True}
    app.send_task(GENERATE_TASK, args=[job_id], task_id=job_id, queue=queue, argsrepr=argsrepr, **options)
