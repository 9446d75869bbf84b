"""A receiver that never finishes its response delays neither other receivers nor the worker's shutdown."""

import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import redis

from local.stack import Stack
from shared.queue.keys import Key
from tests.helpers import Api, child, eventually

pytestmark = pytest.mark.chaos

SECRET = "whsec_" + "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"  # only for this test
START_S, END_S = 90, 60


class Receiver:
    """Receives webhooks; a slow one responds endlessly, one byte at a time."""

    def __init__(self, host: str, *, is_slow: bool) -> None:
        self.listener = socket.create_server((host, 0))
        self.url = f"http://{host}:{self.listener.getsockname()[1]}/"
        self.heard = 0
        self._is_slow = is_slow
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self.listener.accept()
                threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with suppress(OSError), connection:
            while not connection.recv(65536).endswith(b"}"):
                pass
            self.heard += 1
            if not self._is_slow:
                connection.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")
                return
            connection.sendall(b"HTTP/1.1 200 OK\r\nX-Slow: ")
            while True:
                connection.sendall(b"x")
                time.sleep(0.5)


@pytest.fixture
def receivers() -> Iterator[tuple[Receiver, Receiver]]:
    pair = Receiver("127.0.0.2", is_slow=True), Receiver("127.0.0.1", is_slow=False)
    yield pair
    for receiver in pair:
        receiver.listener.close()


def test_a_slow_receiver_holds_up_neither_the_others_nor_the_end(
    tmp_path: Path, receivers: tuple[Receiver, Receiver]
) -> None:
    slow, quick = receivers
    environment = {
        "WRITING_WEBHOOKS__ALLOWED_HOSTS": '["127.0.0.1", "127.0.0.2"]',
        "WRITING_WEBHOOKS__SECRET": SECRET,
        "WRITING_WEBHOOKS__ALLOW_PRIVATE": "true",
        "WRITING_WEBHOOKS__TIMEOUT_S": "3600",
    }
    with Stack(data_folder=tmp_path / "redis", log_folder=tmp_path, environment=environment) as stack:
        stack.wait_until_ready(START_S)
        api = Api(stack.url)
        for _ in range(3):
            api.draw(word="火", num_inference_steps=1, webhook_url=slow.url)
        eventually(lambda: slow.heard)
        for _ in range(3):
            api.draw(word="火", num_inference_steps=1, webhook_url=quick.url)
        eventually(lambda: quick.heard == 3)
        worker = child(stack, "worker-1").process
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(END_S) == 0, "long before the deadline of an hour"
        client = redis.Redis.from_url(stack.redis_url)
        assert client.zcard(f"{Key.WEBHOOKS}127.0.0.2") == 3
        assert client.zcount(f"{Key.WEBHOOKS}127.0.0.2", "-inf", time.time()) == 3, "due again at once"
        assert not client.exists(Key.WEBHOOK_FAILURES, f"{Key.WEBHOOKS}127.0.0.1")
    print(
        f"slow receiver: {slow.heard} begun, 3 due again; quick receiver: {quick.heard} of 3; the worker ended with 0"
    )
