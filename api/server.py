"""The API server, run by ``writing-service api``: gunicorn with gevent, so that waiting calls do not hold a thread."""

# ruff: noqa: E402
from gevent import monkey

monkey.patch_all()  # before any other import uses the blocking calls

import os
import sys
from typing import Any

from flask import Flask
from gunicorn.app.base import BaseApplication

from api.app import create_app
from api.http_worker import HttpWorker
from api.server_log import ServerLog
from shared.errors import SettingsError
from shared.garbage import lasting
from shared.logs import configure_logging
from shared.redis_client import check_server, make_redis
from shared.settings import Settings, load_settings
from shared.tls import check_tls


class Server(BaseApplication):  # type: ignore[misc]  # gunicorn is untyped
    """gunicorn, configured from the service's settings instead of its own."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        super().__init__()

    def load_config(self) -> None:
        """Pass gunicorn its options."""
        api = self.settings.api
        options: dict[str, Any] = {
            "bind": f"[{api.host}]:{api.port}" if ":" in api.host else f"{api.host}:{api.port}",
            "workers": api.processes,
            "worker_class": HttpWorker,
            "logger_class": ServerLog,
            "worker_connections": api.connections,
            "timeout": 90,  # longer than `Prefer: wait` may take
            "graceful_timeout": 30,
            "control_socket_disable": True,
            # By default, gunicorn lets every client on this machine rewrite a request's address.
            "forwarded_allow_ips": "",
            "forwarder_headers": "",
            "sendfile": False,  # it would bypass the deadline in `Connection.sendall`
            "limit_request_line": 8190,  # a deck's options, percent-encoded
            "limit_request_fields": 50,
        }
        for name, value in options.items():
            self.cfg.set(name, value)

    def load(self) -> Flask:
        """Create the application in each gunicorn worker, since connections must not be shared across a fork."""
        with lasting():
            return create_app(self.settings)


def main() -> int:
    """Serve until stopped; return the exit code."""
    try:
        settings = load_settings()
        configure_logging(settings.logging)  # gunicorn's workers inherit it
        check_tls(settings.redis)
        check_server(make_redis(settings.redis))
        create_app(settings)  # an invalid setting ends the process here, not gunicorn's workers one after another
    except SettingsError as error:
        print(f"API cannot start: {error}", file=sys.stderr)
        return os.EX_CONFIG
    Server(settings).run()
    return 0
