"""Webhooks: durable, signed, retried, and to allowed hosts alone. Real Redis, a real HTTP receiver."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
import redis
from standardwebhooks.webhooks import Webhook

from shared.errors import WebhookNotAllowed
from shared.job_store import JobStore
from shared.leases import Leases
from shared.schemas import GenerationRequest, JobError
from shared.settings import Settings, WebhookSettings
from shared.webhook_outbox import WebhookOutbox
from shared.webhook_targets import parse_target, resolve
from worker.webhooks import WebhookSender

SECRET = "whsec_" + "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
CLAIM_S = 0.2


class Receiver:
    """Listens, remembers, and answers with the statuses it was given, then with 204."""

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
        "first_pause_s": 0.01,
        "attempts": 3,
    }
    return settings.webhooks.model_copy(update=update)


@pytest.fixture
def sender(client: redis.Redis, store: JobStore, webhooks: WebhookSettings) -> WebhookSender:
    return WebhookSender(WebhookOutbox(client, CLAIM_S), store, webhooks, every_s=1)


@pytest.fixture
def finish(client: redis.Redis, store: JobStore, settings: Settings, receiver: Receiver) -> Callable[[str], None]:
    """End a job that asked for a webhook."""

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


@pytest.mark.parametrize("how", ["succeeded", "failed", "cancelled"])
def test_every_end_is_told_once_and_signed(
    sender: WebhookSender, receiver: Receiver, finish: Callable[[str], None], how: str
) -> None:
    finish(how)
    assert sender.deliver_one()
    assert not sender.deliver_one()
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
    while client.zcard("writing:webhooks") and time.monotonic() < deadline:
        sender.deliver_one()
    assert len(receiver.received) == 3, "as many attempts as are set; a redirect is not followed"
    assert not client.exists("writing:webhooks", "writing:webhook_failures")


def test_a_receiver_that_is_away_hears_later(
    sender: WebhookSender, receiver: Receiver, finish: Callable[[str], None], client: redis.Redis
) -> None:
    receiver.server.server_close()
    finish("succeeded")
    assert sender.deliver_one()
    assert client.zcard("writing:webhooks") == 1


def test_a_sender_that_dies_leaves_the_webhook_due_again(
    sender: WebhookSender, receiver: Receiver, finish: Callable[[str], None], client: redis.Redis
) -> None:
    finish("succeeded")
    assert WebhookOutbox(client, CLAIM_S).claim() is not None  # and then its worker dies
    assert not sender.deliver_one()
    time.sleep(CLAIM_S)
    assert sender.deliver_one()
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
    """One private address among public ones is enough."""
    allowed = settings.webhooks.model_copy(update={"allowed_hosts": ("hooks.example",)})
    entries = [(0, 0, 0, "", ("93.184.215.14", 443)), (0, 0, 0, "", (address, 443))]
    monkeypatch.setattr("socket.getaddrinfo", lambda *_args, **_kwargs: entries)
    with pytest.raises(WebhookNotAllowed, match="no public address"):
        resolve(parse_target("https://hooks.example/", allowed), allowed)
    monkeypatch.setattr("socket.getaddrinfo", lambda *_args, **_kwargs: entries[:1])
    assert resolve(parse_target("https://hooks.example/", allowed), allowed) == "93.184.215.14"


def test_the_payload_is_json_of_text(sender: WebhookSender, receiver: Receiver, finish: Callable[[str], None]) -> None:
    finish("succeeded")
    sender.deliver_one()
    assert json.loads(receiver.received[0][1])["data"]["word"] == "学"
