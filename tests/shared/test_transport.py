"""The transport of messages, with a Redis that refuses commands for a while."""

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import pytest
import redis
from celery import Celery
from kombu import Consumer, Queue
from kombu.exceptions import OperationalError
from redis.exceptions import ResponseError

from shared.celery_app import make_celery, send_job
from shared.queue.client_queues import queue_of
from shared.schemas import Priority
from shared.settings import Settings


@contextmanager
def without_its_replica(client: redis.Redis) -> Iterator[None]:
    client.config_set("min-replicas-to-write", 1)
    try:
        yield
    finally:
        client.config_set("min-replicas-to-write", 0)


@contextmanager
def as_a_replica(client: redis.Redis) -> Iterator[None]:
    client.replicaof("127.0.0.1", 1)
    try:
        yield
    finally:
        client.replicaof("NO", "ONE")


@contextmanager
def as_a_replica_without_data(client: redis.Redis) -> Iterator[None]:
    client.config_set("replica-serve-stale-data", "no")
    try:
        with as_a_replica(client):
            yield
    finally:
        client.config_set("replica-serve-stale-data", "yes")


@contextmanager
def full(client: redis.Redis) -> Iterator[None]:
    client.config_set("maxmemory", 1)
    try:
        yield
    finally:
        client.config_set("maxmemory", 0)


Refusing = Callable[[redis.Redis], AbstractContextManager[None]]
REFUSE_READING = (without_its_replica, as_a_replica, as_a_replica_without_data)


@pytest.mark.parametrize("refusing", REFUSE_READING)
def test_a_queue_that_cannot_be_read_for_a_while_counts_as_a_lost_connection(
    settings: Settings, client: redis.Redis, refusing: Refusing
) -> None:
    """Any other error would end the worker."""
    app = make_celery(settings)
    send_job(app, "a", "bulk")
    with app.connection() as connection:
        channel = connection.default_channel
        with refusing(client), pytest.raises(connection.connection_errors):
            channel.basic_get("bulk")
        assert channel.basic_get("bulk").properties["correlation_id"] == "a"


def test_a_worker_that_waits_for_a_message_loses_its_connection_in_a_failover(
    settings: Settings, client: redis.Redis
) -> None:
    with make_celery(settings).connection() as connection, Consumer(connection, [Queue("bulk")]):
        failover = threading.Timer(0.5, client.replicaof, ["127.0.0.1", 1])
        failover.start()
        try:
            with pytest.raises(connection.connection_errors):
                connection.drain_events(timeout=30)
        finally:
            failover.join()
            client.replicaof("NO", "ONE")


@pytest.mark.parametrize("refusing", [*REFUSE_READING, full])
def test_a_redis_that_cannot_be_written_to_refuses_connections(
    settings: Settings, client: redis.Redis, refusing: Refusing
) -> None:
    """So Celery pauses before it tries again, instead of reconnecting at once for ever."""
    app = make_celery(settings)
    with refusing(client), app.connection() as connection, pytest.raises(OperationalError, match="refuses"):
        connection.ensure_connection(max_retries=1, interval_start=0)
    with app.connection() as connection:
        connection.ensure_connection(max_retries=1)


@pytest.mark.parametrize("refusing", [*REFUSE_READING, full])
def test_a_message_that_cannot_be_acknowledged_for_a_while_takes_no_place_and_is_delivered_again(
    settings: Settings, client: redis.Redis, refusing: Refusing
) -> None:
    """A worker whose places were all taken would never read again, and never notice, since it does not read."""
    app = make_celery(settings)
    send_job(app, "a", "bulk")
    with app.connection() as connection:
        channel = connection.default_channel
        channel.basic_qos(prefetch_count=1)
        message = channel.basic_get("bulk")
        assert not channel.qos.can_consume()
        with refusing(client), pytest.raises(connection.connection_errors):
            message.ack()
        assert channel.qos.can_consume()
        client.zincrby("unacked_index", -settings.queue.visibility_timeout_s, message.delivery_tag)
        channel.qos.restore_visible()
        assert channel.basic_get("bulk").properties["correlation_id"] == "a"


@pytest.mark.parametrize("refusing", [*REFUSE_READING, full])
def test_a_message_that_cannot_be_sent_for_a_while_is_told(
    settings: Settings, client: redis.Redis, refusing: Refusing
) -> None:
    app = make_celery(settings)
    with refusing(client), pytest.raises(OperationalError):
        send_job(app, "a", "bulk", retry=False)
    send_job(app, "a", "bulk")
    assert client.llen("bulk") == 1


def test_a_client_does_not_wait_for_all_messages_of_another(settings: Settings, client: redis.Redis) -> None:
    """As a Celery worker reads them: the queues are told one by one, and one message is read at a time."""
    app, read = make_celery(settings), []
    many, few = (queue_of(Priority.BULK, name) for name in ("alice", "carol"))
    for number in range(6):
        send_job(app, f"many {number}", many)
    for number in range(2):
        send_job(app, f"few {number}", few)

    def note(_body: object, message: Any) -> None:
        read.append(message.properties["correlation_id"])
        message.ack()

    with app.connection() as connection, Consumer(connection, list(app.amqp.queues.values())) as consumer:
        consumer.register_callback(note)
        consumer.qos(prefetch_count=1)
        for _ in range(8):
            connection.drain_events(timeout=10)
    assert [job for job in read if job.startswith("many")] == [f"many {number}" for number in range(6)]
    assert {"few 0", "few 1"} <= set(read[:4])


def read_all(app: Celery) -> list[str]:
    """Return the jobs in the order in which a worker gets them."""
    with app.connection() as connection:
        channel, read = connection.default_channel, []
        while (message := channel.basic_get("bulk", no_ack=True)) is not None:
            read.append(message.properties["correlation_id"])
    return read


def test_a_job_that_waits_again_is_read_before_those_that_came_later(settings: Settings) -> None:
    app = make_celery(settings)
    for job in "abc":
        send_job(app, job, "bulk")
    with app.connection() as connection:
        connection.default_channel.basic_get("bulk").ack()
    send_job(app, "a", "bulk", goes_first=True)
    assert read_all(app) == ["a", "b", "c"]


def test_a_message_that_a_task_rejects_is_read_first(settings: Settings) -> None:
    """As by a worker that shuts down."""
    app = make_celery(settings)
    for job in "abc":
        send_job(app, job, "bulk")
    with app.connection() as connection:
        connection.default_channel.basic_get("bulk").requeue()
    assert read_all(app) == ["a", "b", "c"]


def test_any_other_refusal_is_an_error(settings: Settings) -> None:
    with make_celery(settings).connection() as connection:
        channel = connection.default_channel
        channel.client.set("text", "")
        with pytest.raises(ResponseError, match="WRONGTYPE"):
            channel.client.lpop("text")
