"""Webhooks: durable, signed, retried, and only to allowed hosts. With a real Redis and real receivers."""

import json
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import redis
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from shared.errors import Blocked
from shared.queue.decks import DeckEntry, DeckRecord, DeckStore, NewDeck
from shared.queue.keys import Key
from shared.queue.leases import Leases
from shared.queue.store import JobStore
from shared.queue.webhook_outbox import WebhookOutbox
from shared.queue.webhook_secrets import secret_of
from shared.schemas import GenerationRequest, JobError, Priority
from shared.settings import Settings, WebhookSettings
from tests.helpers import eventually, taken
from tests.worker.conftest import SECRET
from tests.worker.receivers import HOST, OTHER_HOST, Receiver, deliver
from worker.background.notifications import Notifications
from worker.background.webhooks import WebhookSender

CLAIM_S = 0.2
SECRET_OF_HOST = secret_of(HOST, SECRET)


@pytest.fixture
def sender(client: redis.Redis, notifications: Notifications, webhooks: WebhookSettings) -> WebhookSender:
    return WebhookSender(WebhookOutbox(client, CLAIM_S), notifications, webhooks, every_s=1)


@pytest.fixture
def finish(client: redis.Redis, store: JobStore, settings: Settings, receiver: Receiver) -> Callable[[str], None]:
    """End a job that requested a webhook."""

    def end(how: str) -> None:
        store.create("a", GenerationRequest(word="学", webhook_url=receiver.url))
        leases = Leases(client, store, settings.queue, "w")
        if how == "cancelled":
            store.cancel("a")
            return
        lease = taken(leases, "a")
        if how == "succeeded":
            assert leases.publish(lease, "result", b"{}", 1)
        else:
            assert leases.fail(lease, JobError(code="out_of_memory", title="t", detail="d"))

    return end


@pytest.mark.parametrize("how", ["succeeded", "failed", "cancelled"])
def test_every_end_is_told_once_and_signed(
    sender: WebhookSender, receiver: Receiver, finish: Callable[[str], None], store: JobStore, how: str
) -> None:
    finish(how)
    assert deliver(sender)
    assert not deliver(sender)
    ((headers, body),) = receiver.received
    told = Webhook(SECRET_OF_HOST).verify(body, headers)
    assert datetime.fromisoformat(told["timestamp"]).timestamp() == pytest.approx(store.get("a").finished_at, abs=1e-3)
    assert (told["type"], told["data"]["job_id"], told["data"]["status"]) == (f"job.{how}", "a", how)
    assert (told["data"]["error"] or {}).get("code") == ("out_of_memory" if how == "failed" else None)
    assert (headers["webhook-id"], headers["Content-Type"]) == ("msg_a", "application/json")


def test_no_receiver_can_forge_what_another_host_accepts(
    client: redis.Redis, store: JobStore, notifications: Notifications, webhooks: WebhookSettings, receiver: Receiver
) -> None:
    hosts = (HOST, OTHER_HOST)
    sender = WebhookSender(
        WebhookOutbox(client, CLAIM_S),
        notifications,
        webhooks.model_copy(update={"allowed_hosts": hosts}),
        every_s=1,
    )
    with Receiver(OTHER_HOST) as other:
        for job_id, url in (("a", receiver.url), ("b", other.url)):
            store.create(job_id, GenerationRequest(word="学", webhook_url=url))
            store.cancel(job_id)
        assert all(deliver(sender, host) for host in hosts)
    for host, found in zip(hosts, (receiver, other), strict=True):
        ((headers, body),) = found.received
        for signed_by in hosts:
            signer = Webhook(secret_of(signed_by, SECRET))
            if signed_by == host:
                signer.verify(body, headers)
            else:
                with pytest.raises(WebhookVerificationError):
                    signer.verify(body, headers)


def test_a_refusal_is_tried_again_with_growing_pauses_and_given_up_in_the_end(
    sender: WebhookSender, receiver: Receiver, finish: Callable[[str], None], client: redis.Redis
) -> None:
    receiver.statuses = [500, 302, 503]
    finish("succeeded")
    deadline = time.monotonic() + 5
    while client.exists(Key.WEBHOOKS + HOST) and time.monotonic() < deadline:
        deliver(sender)
    assert len(receiver.received) == 3, "as many attempts as configured; redirects are not followed"
    assert not client.exists(Key.WEBHOOK_LISTS, Key.WEBHOOKS + HOST, Key.WEBHOOK_FAILURES)


def test_a_list_is_served_until_its_last_webhook_is_settled(
    sender: WebhookSender, receiver: Receiver, client: redis.Redis, store: JobStore
) -> None:
    receiver.statuses = [500]
    for job_id in "ab":
        store.create(job_id, GenerationRequest(word="学", webhook_url=receiver.url))
        store.cancel(job_id)
    outbox = WebhookOutbox(client, CLAIM_S)
    assert [deliver(sender), deliver(sender)] == [True, True]
    assert outbox.lists() == {HOST}, "the first one is due again"
    eventually(lambda: deliver(sender))
    assert outbox.lists() == set()
    assert [headers["webhook-id"] for headers, _ in receiver.received] == ["msg_a", "msg_b", "msg_a"]


def test_each_pause_is_four_times_the_one_before_by_redis_s_clock(
    client: redis.Redis,
    notifications: Notifications,
    webhooks: WebhookSettings,
    receiver: Receiver,
    finish: Callable[[str], None],
) -> None:
    """This worker's own clock is a day slow."""
    now = time.time()
    settings = webhooks.model_copy(update={"first_pause_s": 1000.0, "attempts": 4})
    sender = WebhookSender(WebhookOutbox(client, CLAIM_S), notifications, settings, every_s=1)
    receiver.statuses = [500] * 4
    finish("succeeded")
    pauses = []
    for _ in range(3):
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr("time.time", lambda: now - 86_400)
            assert deliver(sender)
        pauses.append(client.zscore(Key.WEBHOOKS + HOST, "a") - client.time()[0])
        assert not deliver(sender), "it is not due yet"
        client.zadd(Key.WEBHOOKS + HOST, {"a": now})
    assert pauses == pytest.approx([1000, 4000, 16_000], abs=100)
    assert deliver(sender)
    assert not client.exists(Key.WEBHOOKS + HOST)


def test_each_attempt_is_signed_with_the_time_at_which_it_is_made(
    sender: WebhookSender, receiver: Receiver, finish: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Receivers refuse signatures that are more than five minutes old."""
    receiver.statuses = [500]
    finish("succeeded")
    moments = [datetime.now(UTC) - timedelta(minutes=10), datetime.now(UTC)]
    for moment in moments:
        clock = type("Clock", (datetime,), {"now": classmethod(lambda _cls, _zone, moment=moment: moment)})
        monkeypatch.setattr("worker.background.webhooks.datetime", clock)
        eventually(lambda: deliver(sender))
    (first, second) = (headers for headers, _ in receiver.received)
    assert [int(headers["webhook-timestamp"]) for headers in (first, second)] == [int(at.timestamp()) for at in moments]
    assert first["webhook-id"] == second["webhook-id"]
    Webhook(SECRET_OF_HOST).verify(receiver.received[1][1], second)
    with pytest.raises(WebhookVerificationError, match="too old"):
        Webhook(SECRET_OF_HOST).verify(receiver.received[0][1], first)


def test_a_receiver_that_is_away_hears_later(
    sender: WebhookSender, receiver: Receiver, finish: Callable[[str], None], client: redis.Redis
) -> None:
    receiver.server.server_close()
    finish("succeeded")
    assert deliver(sender)
    assert client.zcard(Key.WEBHOOKS + HOST) == 1


class UnluckyOutbox(WebhookOutbox):
    """Cannot be read the first time, for a reason that has nothing to do with Redis."""

    is_lucky = False

    def lists(self) -> set[str]:
        if not self.is_lucky:
            self.is_lucky = True
            raise RuntimeError("can't start new thread")
        return super().lists()


def test_an_unexpected_error_does_not_end_the_sending(
    client: redis.Redis,
    notifications: Notifications,
    webhooks: WebhookSettings,
    receiver: Receiver,
    finish: Callable[[str], None],
) -> None:
    finish("succeeded")
    sender = WebhookSender(UnluckyOutbox(client, CLAIM_S), notifications, webhooks, every_s=0.01)
    sender.start()
    eventually(lambda: receiver.received, 10)
    sender.stop()


def test_a_sender_that_dies_leaves_the_webhook_due_again(
    sender: WebhookSender, receiver: Receiver, finish: Callable[[str], None], client: redis.Redis
) -> None:
    finish("succeeded")
    assert WebhookOutbox(client, CLAIM_S).claim(HOST) is not None  # then its worker dies
    assert not deliver(sender)
    time.sleep(CLAIM_S)
    assert deliver(sender)
    assert len(receiver.received) == 1


def test_what_another_sender_has_settled_meanwhile_is_not_due_again(
    finish: Callable[[str], None], client: redis.Redis
) -> None:
    finish("cancelled")
    outbox = WebhookOutbox(client, CLAIM_S)
    claim = outbox.claim(HOST)
    assert claim is not None
    outbox.settle(claim)
    outbox.postpone(claim, 0)
    outbox.give_back(claim)
    assert not client.exists(Key.WEBHOOKS + HOST, Key.WEBHOOK_LISTS, Key.WEBHOOK_FAILURES)


def test_a_deck_is_told_once_when_all_its_jobs_have_ended(
    sender: WebhookSender, receiver: Receiver, client: redis.Redis, store: JobStore, settings: Settings
) -> None:
    decks = DeckStore(client, store, settings.queue)
    entries = (
        DeckEntry("山", job_id="a"),
        DeckEntry("水", job_id="b"),
        DeckEntry("😀", error=JobError.of(Blocked("no"))),
    )
    requests = {job_id: GenerationRequest(word="山", priority=Priority.BULK) for job_id in "ab"}
    deck = NewDeck(DeckRecord("d", "Lesson 7", None, entries, receiver.url), requests, "", 0)
    decks.create(deck, idempotency_key=None, fingerprint="")
    store.cancel("a")
    assert not deliver(sender)
    store.cancel("b")
    ended_at = float(client.hget("writing:job:b", "finished_at") or 0)
    assert deliver(sender)
    ((headers, body),) = receiver.received
    Webhook(SECRET_OF_HOST).verify(body, {name.lower(): value for name, value in headers.items()})
    told = json.loads(body)
    assert (headers["webhook-id"], told["type"]) == ("msg_d", "deck.finished")
    assert datetime.fromisoformat(told["timestamp"]).timestamp() == pytest.approx(ended_at, abs=1e-3)
    counts = {"queued": 0, "running": 0, "succeeded": 0, "failed": 0, "cancelled": 2, "refused": 1}
    assert told["data"] == {"deck_id": "d", "name": "Lesson 7", "counts": counts}

    store.create("c", GenerationRequest(word="山"))
    decks.replace("d", 0, replace(entries[0], job_id="c"))
    store.cancel("c")
    assert not deliver(sender), "a word that is drawn again later is not told"


def test_a_deck_that_has_expired_does_not_stay_due(
    sender: WebhookSender, receiver: Receiver, client: redis.Redis
) -> None:
    client.sadd(Key.WEBHOOK_LISTS, HOST)
    client.zadd(Key.WEBHOOKS + HOST, {"deck:gone": 0})
    assert deliver(sender)
    assert (receiver.received, client.zcard(Key.WEBHOOKS + HOST)) == ([], 0)


def test_the_payload_is_json_of_text(sender: WebhookSender, receiver: Receiver, finish: Callable[[str], None]) -> None:
    finish("succeeded")
    deliver(sender)
    assert json.loads(receiver.received[0][1])["data"]["word"] == "学"


def test_the_receiver_that_wants_nothing_more_gets_nothing_more(
    sender: WebhookSender, receiver: Receiver, finish: Callable[[str], None], client: redis.Redis
) -> None:
    receiver.statuses = [410]
    finish("succeeded")
    assert deliver(sender)
    assert not client.exists(Key.WEBHOOK_LISTS, Key.WEBHOOKS + HOST, Key.WEBHOOK_FAILURES)
    assert not deliver(sender)
    assert len(receiver.received) == 1


def test_a_record_that_cannot_be_read_does_not_stay_due(
    sender: WebhookSender, finish: Callable[[str], None], client: redis.Redis
) -> None:
    finish("succeeded")
    client.hset("writing:job:a", "request", "{")
    assert deliver(sender)
    assert not client.exists(Key.WEBHOOK_LISTS, Key.WEBHOOKS + HOST)
