"""A deck is completed although its API and its worker are killed."""

import io
import signal
import threading
import time
import zipfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest
import redis
import requests

from local.stack import Stack
from tests.chaos.services import service
from tests.helpers import Api, child, eventually
from writing_client.hsk import hsk_words

DECKS = "/api/writing/decks"
WORDS = hsk_words(1)[:120]
HEADERS = {"Idempotency-Key": "the deck"}


def kill_api(stack: Stack) -> None:
    server = psutil.Process(child(stack, "api").process.pid)
    for process in [server, *server.children(recursive=True)]:
        process.kill()


def submit_until_accepted(api: Api) -> dict[str, Any]:
    """Submit the deck repeatedly until an API answers."""
    body = {"name": "Killed", "words": list(WORDS), "num_inference_steps": 2, "seed": 7}
    while True:
        with suppress(requests.RequestException):  # it was killed in the meantime
            answer = requests.post(api.url + DECKS, json=body, headers=HEADERS, timeout=30)
            if answer.ok:
                return dict(answer.json())
        time.sleep(0.2)


def deck_of(api: Api, deck_id: str) -> dict[str, Any] | None:
    """Return the deck; None while the API is down."""
    try:
        answer = api.get(f"{DECKS}/{deck_id}")
        return dict(answer.json()) if answer.ok else None
    except requests.RequestException:
        return None


@pytest.mark.chaos
def test_api_and_worker_killed_amid_a_deck(tmp_path: Path) -> None:
    """The API dies while it sends the messages, and again during the drawing, as does the only worker."""
    with service(tmp_path, WRITING_QUEUE__RECONCILE_S="2", WRITING_QUEUE__LEASE_S="3") as stack:
        api, client = Api(stack.url), redis.Redis.from_url(stack.redis_url)
        answers: list[dict[str, Any]] = []
        sender = threading.Thread(target=lambda: answers.append(submit_until_accepted(api)))
        sender.start()
        eventually(lambda: client.zcard("writing:waiting:bulk"), every_s=0.001)
        kill_api(stack)
        unsent = len(WORDS) - client.llen("bulk")
        sender.join()
        (made,) = answers

        def drawn() -> int:
            deck = deck_of(api, made["deck_id"])
            return int(deck["counts"]["succeeded"]) if deck is not None else 0

        eventually(lambda: drawn() >= 10, 120)
        child(stack, "worker-1").process.send_signal(signal.SIGKILL)
        kill_api(stack)

        def finished() -> dict[str, Any] | None:
            deck = deck_of(api, made["deck_id"])
            return deck if deck is not None and deck["is_finished"] else None

        deck = eventually(finished, 400, 1)
        print(f"{unsent} of {len(WORDS)} messages were not sent when the API died")
        assert deck["counts"]["succeeded"] == deck["total"] == len(WORDS)
        assert len(client.keys("writing:job:*")) == len(WORDS), "no word twice"
        assert len(client.keys("writing:deck:*")) == 1
        with zipfile.ZipFile(io.BytesIO(api.get(deck["zip_url"]).content)) as files:
            assert len(files.namelist()) == len(WORDS) + 1
            assert files.testzip() is None
