"""Proxies in the environment are never used for this machine, and are named in errors. With real sockets."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from local.stack import Stack, free_port
from tests.helpers import answers
from writing_client import WritingClient
from writing_client.errors import Unreachable, WritingError, WrongInput
from writing_client.session import is_loopback, open_session, request

VARIABLES = ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY")
ELSEWHERE = "http://writing.invalid:8600"
POLL_S = 0.01  # how often a server looks whether it shall end


class Server:
    """An HTTP server that answers everything with one status, and counts the requests."""

    def __init__(self, status: int) -> None:
        self.paths: list[str] = []
        paths = self.paths

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                paths.append(self.path)
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            do_CONNECT = do_GET  # noqa: N815

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_port
        threading.Thread(target=self.server.serve_forever, args=(POLL_S,), daemon=True).start()


@pytest.fixture
def proxy() -> Iterator[Server]:
    server = Server(502)
    yield server
    server.server.shutdown()
    server.server.server_close()


@pytest.fixture
def service() -> Iterator[Server]:
    server = Server(200)
    yield server
    server.server.shutdown()
    server.server.server_close()


@pytest.fixture(autouse=True)
def _no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*VARIABLES, "no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize("variable", VARIABLES)
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "LOCALHOST", "127.1"])
def test_this_machine_is_reached_without_any_proxy(
    monkeypatch: pytest.MonkeyPatch, proxy: Server, service: Server, variable: str, host: str
) -> None:
    monkeypatch.setenv(variable, f"http://127.0.0.1:{proxy.port}")
    url = f"http://{host}:{service.port}"
    assert request("GET", f"{url}/health", timeout=5).status_code == 200
    with open_session() as session:
        assert session.get(f"{url}/health", timeout=5, stream=True).ok
    assert (service.paths, proxy.paths) == (["/health", "/health"], [])


@pytest.mark.parametrize(
    ("url", "expected"),
    [("http://[::1]:8600", True), ("http://127.8.9.10", True), ("http://localhost.:80", True),
     ("http://[::ffff:127.0.0.1]/", True), ("http://0.0.0.0:8600", True),
     ("https://api.localhost/x", True), ("http://localhost.example", False), ("http://128.0.0.1", False),
     ("http://notlocalhost", False), ("http://127.0.0.1.example", False), ("http://[broken", False), ("", False)],
)  # fmt: skip
def test_what_counts_as_this_machine(url: str, expected: bool) -> None:
    assert is_loopback(url) is expected


@pytest.mark.parametrize("variable", ["http_proxy", "HTTP_PROXY", "all_proxy"])
def test_elsewhere_the_error_names_the_proxy_and_no_password(monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    monkeypatch.setenv(variable, f"http://ann:secret@127.0.0.1:{free_port()}")
    with WritingClient(ELSEWHERE, retry_s=0) as client, pytest.raises(Unreachable) as caught:
        client.status()
    for part in (f"from {variable}", "through the proxy http://127.0.0.1:", "no_proxy"):
        assert part in caught.value.detail
    assert "secret" not in caught.value.detail


def test_no_proxy_is_blamed_for_a_service_on_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{free_port()}")
    with WritingClient(f"http://localhost:{free_port()}", retry_s=0) as client, pytest.raises(Unreachable) as caught:
        client.status()
    assert "proxy" not in caught.value.detail


def test_a_proxy_that_refuses_is_named(monkeypatch: pytest.MonkeyPatch, proxy: Server) -> None:
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{proxy.port}")
    monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{proxy.port}")
    for url, variable in ((ELSEWHERE, "http_proxy"), ("https://writing.invalid", "https_proxy")):
        with WritingClient(url, retry_s=0) as client, pytest.raises(WritingError, match="502") as caught:
            client.status()
        assert f"the proxy http://127.0.0.1:{proxy.port} (from {variable})" in caught.value.detail


@pytest.mark.parametrize("address", ["http://", "http://[broken", "http://proxy:port", "ftp://proxy", "socks5://proxy"])
def test_a_proxy_address_that_is_none_is_not_blamed_on_the_service(
    monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    monkeypatch.setenv("http_proxy", address)
    with WritingClient(ELSEWHERE, retry_s=0) as client, pytest.raises(Unreachable, match="from http_proxy"):
        client.status()


def test_no_proxy_is_heard_and_a_wrong_address_is_still_one(monkeypatch: pytest.MonkeyPatch, proxy: Server) -> None:
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{proxy.port}")
    monkeypatch.setenv("no_proxy", "writing.invalid")
    with WritingClient(ELSEWHERE, retry_s=0) as client, pytest.raises(Unreachable) as caught:
        client.status()
    assert "proxy" not in caught.value.detail
    with WritingClient("writing.invalid", retry_s=0) as client, pytest.raises(WrongInput):
        client.status()
    assert not proxy.paths


def test_the_containers_health_check_asks_no_proxy(project: Path, proxy: Server, service: Server) -> None:
    """Docker sets the proxies of its own configuration in every container."""
    dockerfile = (project / "docker" / "api.Dockerfile").read_text()
    check = next(
        line.strip() for line in dockerfile.splitlines() if line.strip().startswith('CMD ["python", "-m", "api.probe"')
    )
    assert check == 'CMD ["python", "-m", "api.probe", "8600", "/health"]'
    environment = {**os.environ, "PYTHONPATH": str(project)}
    environment |= dict.fromkeys(VARIABLES, f"http://127.0.0.1:{proxy.port}")
    for port, code in ((service.port, 0), (proxy.port, 1), (free_port(), 1)):
        command = [sys.executable, "-m", "api.probe", str(port), "/health"]
        assert subprocess.run(command, env=environment, check=False).returncode == code
    assert proxy.paths == ["/health"], "requested as a service, never as a proxy"


@pytest.mark.slow
def test_a_stack_starts_where_proxies_are_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, proxy: Server) -> None:
    for name in VARIABLES:
        monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
    with Stack(workers=0, data_folder=tmp_path / "redis", log_folder=tmp_path) as stack:
        stack.wait_for(lambda: answers(stack.url), 60, "the API")
        with WritingClient(stack.url, retry_s=0) as client:
            assert client.status().workers == []
    assert not proxy.paths
