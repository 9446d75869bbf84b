"""A gunicorn worker that answers errors at the HTTP level with the service's own problems."""

import contextlib
import socket
from http import HTTPStatus
from typing import Any

from gunicorn import util
from gunicorn.workers.ggevent import GeventWorker

from api.access_log import log_refused
from api.connection import Connection
from api.http_errors import as_service_error
from api.problems import problem_body
from shared.errors import BadRequest, ServiceError

HOST_SINCE = (1, 1)  # the version of HTTP that requires a Host header


class HttpWorker(GeventWorker):  # type: ignore[misc]  # gunicorn is untyped
    """A gevent worker that gives requests a deadline and reports every error as a problem with a code."""

    wsgi: Any = None  # until it is loaded: a worker may be stopped before

    def timeout_ctx(self) -> Any:
        """Leave timeouts to `Connection`, which distinguishes an idle client from a slow one."""
        return contextlib.nullcontext()

    def handle(self, listener: Any, client: socket.socket, addr: Any) -> None:
        """Serve a connection."""
        receive_s = self.app.settings.api.receive_s
        super().handle(listener, Connection(client, receive_s=receive_s, idle_s=self.cfg.keepalive), addr)

    def handle_request(self, listener_name: Any, req: Any, sock: Connection, addr: Any) -> None:
        """Serve a request whose headers have arrived.

        Raises:
            BadRequest: it lacks the Host header.
        """
        if req.version >= HOST_SINCE and not any(name == "HOST" for name, _ in req.headers):
            raise BadRequest("an HTTP/1.1 request needs a Host header")
        sock.begin(req)
        super().handle_request(listener_name, req, sock, addr)
        sock.expect_next()

    def handle_error(self, req: Any, client: Connection, addr: Any, exc: BaseException) -> None:
        """Answer a request that did not reach the application, or that the application could not answer."""
        error = as_service_error(exc)
        if error.http_status == HTTPStatus.INTERNAL_SERVER_ERROR:
            self.log.error("error in a request", exc_info=exc)
        log_refused(addr[0], error.http_status)
        with contextlib.suppress(OSError):
            util.write_nonblock(client, _answer(error))
            client.linger()

    def handle_exit(self, sig: Any, frame: Any) -> None:
        """Shut down. Waiting and listening clients are answered at once, and may reconnect to another process."""
        if self.wsgi is not None:
            self.wsgi.extensions["writing"].close()
        super().handle_exit(sig, frame)


def _answer(error: ServiceError) -> bytes:
    body = problem_body(error)
    head = (
        f"HTTP/1.1 {error.http_status} {HTTPStatus(error.http_status).phrase}\r\n"
        "Connection: close\r\n"
        "Content-Type: application/problem+json\r\n"
        "X-Content-Type-Options: nosniff\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body
