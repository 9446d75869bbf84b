"""Webhooks: durable, signed, retried, and only to allowed hosts. With a real Redis and real receivers."""

import asyncio
import json
import logging
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
import redis
from standardwebhooks.webhooks import Webhook

from shared.errors import SettingsError, WebhookNotAllowed
from shared.queue.keys import Key
from shared.queue.leases import Leases
from shared.queue.store import JobStore
from shared.queue.webhook_outbox import WebhookOutbox
from shared.queue.webhook_targets import Target, is_public, parse_target, resolve
from shared.schemas import GenerationRequest, JobError
from shared.settings import Settings, WebhookSettings, load_settings
from tests.helpers import eventually
from tests.tls import Authority
from worker.background.exchange import connect
from worker.background.periodic import Periodic
from worker.background.webhooks import STOP_S, WebhookSender

SECRET = "whsec_" + "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
CLAIM_S = 0.2
HOST = "127.0.0.1"


class Receiver:
    """Listens, records, and answers with the given statuses, then with 204."""

    def __init__(self) -> None:
        self.received: list[tuple[dict[str, str], bytes]] = []
        self.statuses: list[int] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.received.append((dict(self.headers), body))
                self.send_response(receiver.statuses.pop(0) if receiver.statuses else 204)
                self.send_header("Location", "http://127.0.0.1:1/elsewhere")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook?x=1"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    yield receiver
    receiver.server.shutdown()
    receiver.server.server_close()


@pytest.fixture
def webhooks(settings: Settings) -> WebhookSettings:
    update = {
        "allowed_hosts": ("127.0.0.1",),
        "secret": SECRET,
        "allow_private": True,
        "timeout_s": 5.0,
        "first_pause_s": 0.01,
        "attempts": 3,
    }
    return settings.webhooks.model_copy(update=update)


@pytest.fixture
def sender(client: redis.Redis, store: JobStore, webhooks: WebhookSettings) -> WebhookSender:
    return WebhookSender(WebhookOutbox(client, CLAIM_S), store, webhooks, every_s=1)


@pytest.fixture
def finish(client: redis.Redis, store: JobStore, settings: Settings, receiver: Receiver) -> Callable[[str], None]:
    """End a job that requested a webhook."""

    def end(how: str) -> None:
        store.create("a", GenerationRequest(word="学", webhook_url=receiver.url))
        leases = Leases(client, store, settings.queue, "w")
        if how == "cancelled":
            store.cancel("a")
            return
        lease = leases.take("a")
        assert lease is not None
        if how == "succeeded":
            assert leases.publish(lease, "result", b"{}", 1)
        else:
            assert leases.fail(lease, JobError(code="out_of_memory", title="t", detail="d"))

    return end


def deliver(sender: WebhookSender, host: str = HOST) -> bool:
    """Deliver one webhook that is due to a host."""
    return asyncio.run(sender.deliver_one(host))


@pytest.mark.parametrize("how", ["succeeded", "failed", "cancelled"])
def test_every_end_is_told_once_and_signed(
    sender: WebhookSender, receiver: Receiver, finish: Callable[[str], None], how: str
) -> None:
    finish(how)
    assert deliver(sender)
    assert not deliver(sender)
    ((headers, body),) = receiver.received
    told = Webhook(SECRET).verify(body, headers)
    assert told["type"] == f"job.{how}"
    assert told["data"]["job_id"] == "a"
    assert (told["data"]["error"] or {}).get("code") == ("out_of_memory" if how == "failed" else None)
    assert headers["webhook-id"] == "msg_a"


def test_a_refusal_is_tried_again_with_growing_pauses_and_given_up_in_the_end(
    sender: WebhookSender, receiver: Receiver, finish: Callable[[str], None], client: redis.Redis
) -> None:
    receiver.statuses = [500, 302, 503]
    finish("succeeded")
    deadline = time.monotonic() + 5
    while client.exists(Key.WEBHOOKS + HOST) and time.monotonic() < deadline:
        deliver(sender)
    assert len(receiver.received) == 3, "as many attempts as configured; redirects are not followed"
    assert not client.exists(Key.WEBHOOK_HOSTS, Key.WEBHOOKS + HOST, Key.WEBHOOK_FAILURES)


def test_a_receiver_that_is_away_hears_later(
    sender: WebhookSender, receiver: Receiver, finish: Callable[[str], None], client: redis.Redis
) -> None:
    receiver.server.server_close()
    finish("succeeded")
    assert deliver(sender)
    assert client.zcard(Key.WEBHOOKS + HOST) == 1


def test_a_sender_that_dies_leaves_the_webhook_due_again(
    sender: WebhookSender, receiver: Receiver, finish: Callable[[str], None], client: redis.Redis
) -> None:
    finish("succeeded")
    assert WebhookOutbox(client, CLAIM_S).claim(HOST) is not None  # then its worker dies
    assert not deliver(sender)
    time.sleep(CLAIM_S)
    assert deliver(sender)
    assert len(receiver.received) == 1


@pytest.mark.parametrize(
    "url",
    ["http://hooks.example/x", "ftp://hooks.example/x", "https://evil.example/x", "https://user:pw@hooks.example/",
     "https://hooks.example.evil.example/", "https://", "not a url", "https://[broken", "https://hooks.example:port/"],
)  # fmt: skip
def test_webhooks_go_to_allowed_https_hosts_alone(settings: Settings, url: str) -> None:
    allowed = settings.webhooks.model_copy(update={"allowed_hosts": ("hooks.example",)})
    with pytest.raises(WebhookNotAllowed):
        parse_target(url, allowed)
    target = parse_target("https://hooks.example/a/b?c=d", allowed)
    assert (target.host, target.port, target.path) == ("hooks.example", 443, "/a/b?c=d")


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "10.1.2.3", "192.168.0.1", "169.254.169.254", "::1", "fe80::1%eth0", "100.64.0.1"]
)
def test_a_name_that_leads_into_a_private_network_is_refused_at_delivery(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    """A single private address among public ones is enough."""
    allowed = settings.webhooks.model_copy(update={"allowed_hosts": ("hooks.example",)})
    entries = [(0, 0, 0, "", ("93.184.215.14", 443)), (0, 0, 0, "", (address, 443))]
    monkeypatch.setattr("socket.getaddrinfo", lambda *_args, **_kwargs: entries)
    with pytest.raises(WebhookNotAllowed, match="not a public address"):
        resolve(parse_target("https://hooks.example/", allowed), allowed)
    monkeypatch.setattr("socket.getaddrinfo", lambda *_args, **_kwargs: entries[:1])
    assert resolve(parse_target("https://hooks.example/", allowed), allowed) == ["93.184.215.14"]


def test_the_payload_is_json_of_text(sender: WebhookSender, receiver: Receiver, finish: Callable[[str], None]) -> None:
    finish("succeeded")
    deliver(sender)
    assert json.loads(receiver.received[0][1])["data"]["word"] == "学"


class RawReceiver:
    """Answers each connection by a function, which may be slow."""

    def __init__(self, answer: Callable[[socket.socket], None], host: str = HOST) -> None:
        self.requests: list[bytes] = []
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.listener = socket.create_server((host, 0), family=family)
        self.port = self.listener.getsockname()[1]
        self._answer = answer
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._talk, args=(connection,), daemon=True).start()

    def _talk(self, connection: socket.socket) -> None:
        try:
            with connection:
                self.requests.append(whole_request(connection))
                self._answer(connection)
        except OSError:
            pass  # the sender has hung up


def whole_request(connection: socket.socket) -> bytes:
    """Read a request to its end."""
    text = b""
    while not text.endswith(b"}"):
        text += connection.recv(65536)
    return text


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
        lease = leases.take(job_id)
        assert lease is not None
        assert leases.publish(lease, f"result of {job_id}", b"{}", 1)

    return end


@pytest.fixture
def quick(webhooks: WebhookSettings) -> WebhookSettings:
    """A short deadline, and host names that resolve to this machine."""
    return webhooks.model_copy(
        update={"timeout_s": 0.5, "first_pause_s": 60, "allowed_hosts": (HOST, "localhost", "127.0.0.2")}
    )


@pytest.fixture
def hasty(client: redis.Redis, store: JobStore, quick: WebhookSettings) -> WebhookSender:
    return WebhookSender(WebhookOutbox(client, 60), store, quick, every_s=1)


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


def test_slow_hosts_hold_up_no_other_and_no_end(
    client: redis.Redis,
    store: JobStore,
    quick: WebhookSettings,
    end_job: Callable[[str, str], None],
    receiver: Receiver,
) -> None:
    """Many webhooks to slow hosts are due before one to a fast host."""
    patient = quick.model_copy(update={"timeout_s": 600})
    slow = {"localhost": RawReceiver(drip), "127.0.0.2": RawReceiver(stay_silent, "127.0.0.2")}
    for host, one in slow.items():
        for number in range(20):
            end_job(f"{host} {number}", f"http://{host}:{one.port}/")
    end_job("quick", receiver.url)
    sender = WebhookSender(WebhookOutbox(client, 3600), store, patient, every_s=0.1)
    sender.start()
    eventually(lambda: receiver.received and all(one.requests for one in slow.values()))
    assert {len(one.requests) for one in slow.values()} == {1}, "each host has one delivery at a time"
    sender.stop()
    assert not sender._thread.is_alive(), f"ends within {STOP_S} s, whatever the deadline"
    outbox = WebhookOutbox(client, 60)
    for host in slow:
        claimed = {claim.job_id for _ in range(20) if (claim := outbox.claim(host))}
        assert len(claimed) == 20, "deliveries in progress are due again at once, for another worker"
    assert client.hlen(Key.WEBHOOK_FAILURES) == 0


def test_the_receiver_that_wants_nothing_more_gets_nothing_more(
    sender: WebhookSender, receiver: Receiver, finish: Callable[[str], None], client: redis.Redis
) -> None:
    receiver.statuses = [410]
    finish("succeeded")
    assert deliver(sender)
    assert not client.exists(Key.WEBHOOK_HOSTS, Key.WEBHOOKS + HOST, Key.WEBHOOK_FAILURES)
    assert not deliver(sender)
    assert len(receiver.received) == 1


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


@pytest.mark.parametrize(
    ("target", "authority"),
    [(Target("https", "hooks.example", 443, "/"), "hooks.example"),
     (Target("http", "hooks.example", 80, "/"), "hooks.example"),
     (Target("https", "hooks.example", 8443, "/"), "hooks.example:8443"),
     (Target("https", "hooks.example", 80, "/"), "hooks.example:80"),
     (Target("https", "2606:2800::1", 443, "/"), "[2606:2800::1]"),
     (Target("https", "2606:2800::1", 444, "/"), "[2606:2800::1]:444")],
)  # fmt: skip
def test_the_host_header_has_the_port_where_it_is_not_the_scheme_s_own(target: Target, authority: str) -> None:
    assert target.authority == authority


def test_addresses_come_in_the_system_s_order_with_the_families_in_turn(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    allowed = settings.webhooks.model_copy(update={"allowed_hosts": ("hooks.example",)})
    found = ["2606:2800::2", "2606:2800::1", "2606:2800::2", "93.184.215.14", "93.184.215.13", "93.184.215.12"]
    monkeypatch.setattr("socket.getaddrinfo", lambda *_a, **_k: [(0, 0, 0, "", (one, 443)) for one in found])
    assert resolve(parse_target("https://hooks.example/", allowed), allowed) == [
        "2606:2800::2", "93.184.215.14", "2606:2800::1", "93.184.215.13", "93.184.215.12",
    ]  # fmt: skip


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


@pytest.mark.parametrize(
    "address",
    ["::ffff:10.0.0.1", "64:ff9b::a00:1", "2002:7f00:1::", "224.0.0.1", "ff02::1", "0.0.0.0", "::", "255.255.255.255",  # noqa: S104
     "fc00::1", "192.0.2.1", "198.18.0.1"],
)  # fmt: skip
def test_what_leads_inside_in_other_clothes_is_not_public(address: str) -> None:
    assert not is_public(address)
    assert is_public("93.184.215.14")
    assert is_public("2606:2800:21f::1")


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Authority:
    """A CA that the sender trusts."""
    authority = Authority(tmp_path)
    trusting = ssl.create_default_context(cafile=str(authority.file))
    monkeypatch.setattr("worker.background.exchange._verifying_context", lambda: trusting)
    return authority


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


def test_a_record_that_cannot_be_read_does_not_stay_due(
    sender: WebhookSender, finish: Callable[[str], None], client: redis.Redis
) -> None:
    finish("succeeded")
    client.hset("writing:job:a", "request", "{")
    assert deliver(sender)
    assert not client.exists(Key.WEBHOOK_HOSTS, Key.WEBHOOKS + HOST)


def test_what_an_older_version_has_left_is_delivered(
    sender: WebhookSender, receiver: Receiver, finish: Callable[[str], None], client: redis.Redis
) -> None:
    finish("succeeded")
    client.delete(Key.WEBHOOK_HOSTS, Key.WEBHOOKS + HOST)
    client.hset("writing:job:a", "webhook", 1)
    client.zadd("writing:webhooks", {"a": time.time()})
    (host,) = WebhookOutbox(client, CLAIM_S).hosts()
    assert deliver(sender, host)
    assert len(receiver.received) == 1
    assert not client.exists("writing:webhooks", Key.WEBHOOK_HOSTS)


@pytest.mark.parametrize(
    ("settings_of", "message"),
    [({"ALLOWED_HOSTS": '["hooks.example"]'}, r"webhooks\.secret"),
     ({"ALLOWED_HOSTS": '["hooks.example"]', "SECRET": "null"}, r"webhooks\.secret"),
     ({"ALLOWED_HOSTS": '["hooks.example"]', "SECRET": ""}, "24 to 64 bytes"),
     ({"ALLOWED_HOSTS": '["hooks.example"]', "SECRET": "whsec_c2hvcnQ="}, "24 to 64 bytes"),
     ({"SECRET": "whsec_no base64 at all, but long enough"}, "24 to 64 bytes"),
     ({"ALLOWED_HOSTS": '["https://hooks.example"]', "SECRET": SECRET}, "not a host name"),
     ({"ALLOWED_HOSTS": '["hooks.example:443"]', "SECRET": SECRET}, "not a host name"),
     ({"ALLOWED_HOSTS": '["*.example"]', "SECRET": SECRET}, "not a host name"),
     ({"ALLOWED_HOSTS": '[""]', "SECRET": SECRET}, "not a host name")],
)  # fmt: skip
def test_settings_that_could_never_deliver_stop_the_start(settings_of: dict[str, str], message: str) -> None:
    environment = {f"WRITING_WEBHOOKS__{key}": value for key, value in settings_of.items()}
    with pytest.raises(SettingsError, match=message) as caught:
        load_settings(environment)
    assert "no base64 at all" not in str(caught.value)


def test_allowed_hosts_are_compared_as_names_are() -> None:
    environment = {"ALLOWED_HOSTS": '["Hooks.Example.", "bücher.example", "[2606:2800:0::1]"]', "SECRET": SECRET}
    settings = load_settings({f"WRITING_WEBHOOKS__{key}": value for key, value in environment.items()}).webhooks
    assert settings.allowed_hosts == ("hooks.example", "xn--bcher-kva.example", "2606:2800::1")
    assert parse_target("https://HOOKS.example./", settings).host == "hooks.example"
    assert parse_target("https://bücher.example/", settings).host == "xn--bcher-kva.example"
    assert parse_target("https://[2606:2800::1]:8443/", settings).authority == "[2606:2800::1]:8443"


def test_a_periodic_thread_that_hangs_does_not_hold_the_process(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("worker.background.periodic.STOP_S", 0.1)
    release = threading.Event()
    hanging = Periodic("sweep", 1, lambda: release.wait(60) and None)
    hanging.start()
    hanging.stop()
    assert "sweep did not end" in caplog.text
    release.set()
