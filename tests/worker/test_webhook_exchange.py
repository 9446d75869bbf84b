"""One delivery: its deadline, its addresses, its certificate, and answers of all kinds. Real receivers."""

import asyncio
import logging
import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis

from shared.queue.keys import Key
from shared.queue.leases import Leases
from shared.queue.store import JobStore
from shared.queue.webhook_outbox import WebhookOutbox
from shared.schemas import GenerationRequest
from shared.settings import Settings, WebhookSettings
from tests.helpers import eventually, taken
from tests.tls import Authority
from tests.worker.receivers import HOST, RawReceiver, Receiver, deliver
from worker.background.exchange import connect, verifying_context
from worker.background.notifications import Notifications
from worker.background.webhooks import SENDERS_PER_HOST, SLOW_SENDERS_PER_HOST, STOP_S, WebhookSender


def drip(connection: socket.socket) -> None:
    """Answer endlessly, one byte at a time, each within the timeout of a single read."""
    text = b"HTTP/1.1 200 OK\r\nX-Slow: "
    for number in range(10_000):
        connection.sendall(text[number : number + 1] or b"x")
        time.sleep(0.05)


def stay_silent(connection: socket.socket) -> None:
    while connection.recv(1024):
        pass


def answer_with(head: bytes) -> Callable[[socket.socket], None]:
    return lambda connection: connection.sendall(head)


@pytest.fixture
def end_job(client: redis.Redis, store: JobStore, settings: Settings) -> Callable[[str, str], None]:
    """Let a job that requested a webhook succeed."""

    def end(job_id: str, url: str) -> None:
        store.create(job_id, GenerationRequest(word="学", webhook_url=url))
        leases = Leases(client, store, settings.queue, "w")
        lease = taken(leases, job_id)
        assert leases.publish(lease, f"result of {job_id}", b"{}", 1)

    return end


@pytest.fixture
def quick(webhooks: WebhookSettings) -> WebhookSettings:
    """A short deadline, and host names that resolve to this machine."""
    return webhooks.model_copy(
        update={"timeout_s": 0.5, "first_pause_s": 60, "allowed_hosts": (HOST, "localhost", "127.0.0.2")}
    )


@pytest.fixture
def hasty(client: redis.Redis, notifications: Notifications, quick: WebhookSettings) -> WebhookSender:
    return WebhookSender(WebhookOutbox(client, 60), notifications, quick, every_s=1)


@pytest.mark.parametrize("behave", [drip, stay_silent])
def test_a_delivery_has_one_deadline_however_the_receiver_behaves(
    client: redis.Redis,
    hasty: WebhookSender,
    end_job: Callable[[str, str], None],
    behave: Callable[[socket.socket], None],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    slow = RawReceiver(behave)
    end_job("a", f"http://{HOST}:{slow.port}/")
    assert deliver(hasty)
    assert "no response within 0.5 s" in caplog.text
    assert client.hget(Key.WEBHOOK_FAILURES, "a") == "1"
    assert len(slow.requests) == 1


def test_a_name_server_that_does_not_answer_counts_too(
    client: redis.Redis,
    hasty: WebhookSender,
    end_job: Callable[[str, str], None],
    receiver: Receiver,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answer = threading.Event()
    monkeypatch.setattr("worker.background.webhooks.resolve", lambda *_: answer.wait(60) and [HOST])
    end_job("a", receiver.url)
    assert deliver(hasty)
    assert client.hget(Key.WEBHOOK_FAILURES, "a") == "1"
    answer.set()


@pytest.fixture
def patient(client: redis.Redis, notifications: Notifications, quick: WebhookSettings) -> WebhookSender:
    settings = quick.model_copy(update={"timeout_s": 600})
    return WebhookSender(WebhookOutbox(client, 3600), notifications, settings, every_s=0.1)


def test_slow_hosts_hold_up_no_other_and_no_end(
    client: redis.Redis,
    patient: WebhookSender,
    end_job: Callable[[str, str], None],
    receiver: Receiver,
) -> None:
    """Many webhooks to slow hosts are due before one to a fast host."""
    slow = {"localhost": RawReceiver(drip), "127.0.0.2": RawReceiver(stay_silent, "127.0.0.2")}
    for host, one in slow.items():
        for number in range(20):
            end_job(f"{host} {number}", f"http://{host}:{one.port}/")
    end_job("quick", receiver.url)
    patient.start()
    eventually(lambda: receiver.received and all(one.requests for one in slow.values()))
    assert {len(one.requests) for one in slow.values()} == {1}, "each host has one delivery at a time"
    patient.stop()
    assert not patient._thread.is_alive(), f"ends within {STOP_S} s, whatever the deadline"
    outbox = WebhookOutbox(client, 60)
    for host in slow:
        claimed = {claim.subject for _ in range(20) if (claim := outbox.claim(host))}
        assert len(claimed) == 20, "deliveries in progress are due again at once, for another worker"
    assert client.hlen(Key.WEBHOOK_FAILURES) == 0


def test_a_client_waits_for_no_other_client_of_the_host(
    patient: WebhookSender, store: JobStore, receiver: Receiver
) -> None:
    """Many webhooks of one client to a slow receiver are due before one of another client to the same host."""
    slow = RawReceiver(stay_silent)
    urls = [("eve", f"http://{HOST}:{slow.port}/")] * 5 + [("alice", receiver.url)]
    for owner, url in urls:
        end_with_webhook(store, owner, url)
    patient.start()
    eventually(lambda: receiver.received and slow.requests)
    assert len(slow.requests) == 1, "each client has one delivery at a time"
    patient.stop()


def test_slow_clients_leave_a_place_to_the_others_of_their_host(
    patient: WebhookSender,
    store: JobStore,
    receiver: Receiver,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As many as a host has places for, each with several webhooks; the second of each is never answered."""
    monkeypatch.setattr("worker.background.webhooks.SLOW_S", 0.05)
    answered = threading.Semaphore(SENDERS_PER_HOST)

    def answer_late(connection: socket.socket) -> None:
        if not answered.acquire(blocking=False):
            stay_silent(connection)
        time.sleep(0.1)
        connection.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")

    slow = RawReceiver(answer_late)
    owners = [f"slow {number}" for number in range(SENDERS_PER_HOST)]
    for owner in owners * 3:
        end_with_webhook(store, owner, f"http://{HOST}:{slow.port}/")
    patient.start()
    eventually(lambda: len(slow.requests) == SENDERS_PER_HOST + SLOW_SENDERS_PER_HOST)
    end_with_webhook(store, "quick", receiver.url)
    eventually(lambda: receiver.received)
    assert len(slow.requests) == SENDERS_PER_HOST + SLOW_SENDERS_PER_HOST
    patient.stop()


def end_with_webhook(store: JobStore, owner: str, url: str) -> None:
    job_id = str(uuid.uuid4())
    store.create(job_id, GenerationRequest(word="学", webhook_url=url), client=owner)
    store.cancel(job_id)


@pytest.mark.parametrize(
    ("head", "is_received"),
    [(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n", True),
     (b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\nx", True), (b"HTTP/1.0 200 OK\r\n\r\n", True),
     (b"HTTP/1.1 301 Moved\r\nLocation: http://127.0.0.1:1/\r\n\r\n", False), (b"", False), (b"220 smtp\r\n", False),
     (b"HTTP/1.1 200 OK\r\nX: " + b"x" * 200_000, False)],
)  # fmt: skip
def test_answers_of_all_kinds(
    client: redis.Redis, hasty: WebhookSender, end_job: Callable[[str, str], None], head: bytes, is_received: bool
) -> None:
    odd = RawReceiver(answer_with(head))
    end_job("a", f"http://{HOST}:{odd.port}/")
    assert deliver(hasty)
    assert client.exists(Key.WEBHOOKS + HOST) == (not is_received)
    assert client.hexists(Key.WEBHOOK_FAILURES, "a") == (not is_received)


def test_the_request_names_host_and_port_and_an_encoded_path(
    hasty: WebhookSender, end_job: Callable[[str, str], None]
) -> None:
    plain = RawReceiver(answer_with(b"HTTP/1.1 204 No Content\r\n\r\n"))
    end_job("a", f"http://LOCALHOST:{plain.port}/höök a?x=%20é#part")
    assert deliver(hasty, "localhost")
    (request,) = plain.requests
    assert request.startswith(b"POST /h%C3%B6%C3%B6k%20a?x=%20%C3%A9 HTTP/1.1\r\n")
    assert f"Host: localhost:{plain.port}\r\n".encode() in request


def test_every_address_is_tried(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    """One refuses, one is silent (its connection queue is full), and the last one answers."""
    port = receiver.server.server_port
    with socket.create_server(("127.0.0.3", port), backlog=0) as silent:
        filling = [socket.socket() for _ in range(3)]
        for one in filling:
            one.setblocking(False)
            one.connect_ex(("127.0.0.3", port))
        connection = asyncio.run(connect(["127.0.0.2", "127.0.0.3", HOST], port))
        assert connection.getpeername() == (HOST, port)
        for one in (connection, *filling):
            one.close()
        assert silent.fileno() > 0
    with pytest.raises(OSError, match=r"127\.0\.0\.2.*; .*127\.0\.0\.3"):
        asyncio.run(connect(["127.0.0.2", "127.0.0.3"], port))


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Authority]:
    """A private CA that this machine trusts."""
    authority = Authority(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    verifying_context.cache_clear()
    yield authority
    verifying_context.cache_clear()


@pytest.mark.parametrize("name", ["localhost", "other.example"])
def test_the_certificate_has_to_be_the_host_s(
    client: redis.Redis, hasty: WebhookSender, end_job: Callable[[str, str], None], authority: Authority, name: str
) -> None:
    context = authority.server_context(name)

    def answer(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")

    class Encrypted(RawReceiver):
        def _talk(self, connection: socket.socket) -> None:
            try:
                super()._talk(context.wrap_socket(connection, server_side=True))
            except OSError:
                connection.close()

    secure = Encrypted(answer)
    end_job("a", f"https://localhost:{secure.port}/")
    assert deliver(hasty, "localhost")
    assert client.hexists(Key.WEBHOOK_FAILURES, "a") == (name != "localhost")
    assert len(secure.requests) == (1 if name == "localhost" else 0)
