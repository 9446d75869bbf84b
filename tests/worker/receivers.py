"""Receivers of webhooks: one that answers as it is told, and one that may do anything; and a delivery to them."""

import asyncio
import socket
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any, Self

from worker.background.webhooks import WebhookSender

HOST, OTHER_HOST = "127.0.0.1", "127.0.0.2"
POLL_S = 0.01  # how often a server looks whether it shall end


class Receiver:
    """Listens until it is left, records, and answers with the given statuses, then with 204."""

    def __init__(self, host: str = HOST) -> None:
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

        self.server = HTTPServer((host, 0), Handler)
        self.url = f"http://{host}:{self.server.server_port}/hook?x=1"
        threading.Thread(target=self.server.serve_forever, args=(POLL_S,), daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()


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


def deliver(sender: WebhookSender, host: str = HOST) -> bool:
    """Deliver one webhook that is due to a host."""
    return asyncio.run(sender.deliver_one(host))
