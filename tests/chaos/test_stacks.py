"""Parallel stacks, and supervisors that are stopped or killed: no write is lost, and no process is left behind."""

import os
import pty
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import redis

from local.data_folder import PIDFILE
from local.stack import Stack, free_port
from shared.errors import SettingsError
from tests.helpers import answers, eventually

pytestmark = pytest.mark.chaos

START_S, END_S = 60, 90


class Serve:
    """``make serve`` without a worker, which starts slowly; its output goes to a separate terminal."""

    def __init__(self, data: Path) -> None:
        self.port = free_port()
        self.terminal, terminal = pty.openpty()
        command = [sys.executable, "-m", "cli", "serve", "--port", str(self.port), "--data", str(data)]
        self.process = subprocess.Popen(
            command,
            stdin=terminal,
            stdout=terminal,
            stderr=terminal,
            start_new_session=True,
            preexec_fn=_take_terminal,  # noqa: PLW1509  # no threads yet
        )
        os.close(terminal)
        self.url = f"http://127.0.0.1:{self.port}"

    def started(self) -> list[psutil.Process]:
        """Wait for the API, and return all processes of the stack."""
        eventually(lambda: answers(self.url), START_S)
        return psutil.Process(self.process.pid).children(recursive=True)

    def hang_up(self) -> None:
        """Close the terminal's window."""
        os.close(self.terminal)


def _take_terminal() -> None:
    """Make the terminal the session's controlling terminal, so that closing it hangs up the session."""
    import fcntl  # noqa: PLC0415  # between fork and exec
    import termios  # noqa: PLC0415

    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


@pytest.fixture
def left() -> Iterator[list[psutil.Process]]:
    """Processes to kill at the end in any case."""
    processes: list[psutil.Process] = []
    yield processes
    for process in processes:
        if process.is_running():
            process.kill()


def second(data: Path) -> subprocess.CompletedProcess[str]:
    """Start another stack in the same folder."""
    command = [sys.executable, "-m", "cli", "serve", "--port", str(free_port()), "--data", str(data)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_a_second_stack_in_one_folder_is_refused_and_the_first_keeps_every_write(tmp_path: Path) -> None:
    data = tmp_path / "redis"
    with Stack(workers=0, data_folder=data, log_folder=tmp_path) as first:
        client = redis.Redis.from_url(first.redis_url)
        other = tmp_path / "same folder by another name"
        other.symlink_to(data)
        for folder in (data, other):
            client.set(f"written before {folder.name}", 1)
            refused = second(folder)
            assert refused.returncode == os.EX_CONFIG
            for part in (str(folder), "in use", "--data"):
                assert part in refused.stderr
            with pytest.raises(SettingsError, match="in use"), Stack(workers=0, data_folder=folder):
                pass
            assert client.ping(), "the first one continues"
            client.set(f"written after {folder.name}", 1)
        keys = set(client.keys())
    with Stack(workers=0, data_folder=data, log_folder=tmp_path) as again:
        assert set(redis.Redis.from_url(again.redis_url).keys()) == keys
    print(f"{len(keys)} writes, all kept; two further stacks refused with 78")


def test_what_a_killed_supervisor_has_started_ends(tmp_path: Path, left: list[psutil.Process]) -> None:
    data = tmp_path / "redis"
    serve = Serve(data)
    left += serve.started()
    assert len(left) >= 3, "Redis, the API and the guard"
    serve.process.kill()
    serve.process.wait()
    serve.hang_up()
    _, running = psutil.wait_procs(left, END_S)
    assert running == []
    with Stack(workers=0, data_folder=data, log_folder=tmp_path) as free:
        assert redis.Redis.from_url(free.redis_url).ping()


def test_a_redis_that_outlives_supervisor_and_guard_still_holds_its_folder(
    tmp_path: Path, left: list[psutil.Process]
) -> None:
    data = tmp_path / "redis"
    serve = Serve(data)
    left += serve.started()
    (guard,) = [process for process in left if "local.guard" in process.cmdline()]
    guard.kill()
    serve.process.kill()
    serve.process.wait()
    serve.hang_up()
    pid = int((data / PIDFILE).read_text())
    assert psutil.Process(pid).is_running(), "processes left behind"
    refused = second(data)
    assert refused.returncode == os.EX_CONFIG
    assert f"kill {pid}" in refused.stderr
    for process in left:
        process.terminate()  # as the message advises
    psutil.wait_procs(left, END_S)
    with Stack(workers=0, data_folder=data, log_folder=tmp_path) as free:
        assert redis.Redis.from_url(free.redis_url).ping()


@pytest.mark.parametrize("how", ["window closed", signal.SIGHUP, signal.SIGTERM, signal.SIGQUIT, "twice"])
def test_however_it_is_told_to_end_a_stack_leaves_nothing_behind(
    tmp_path: Path, left: list[psutil.Process], how: str | signal.Signals
) -> None:
    serve = Serve(tmp_path / "redis")
    processes = serve.started()
    left += processes
    if how == "window closed":
        serve.hang_up()
    elif how == "twice":
        serve.process.send_signal(signal.SIGHUP)
        serve.process.send_signal(signal.SIGTERM)
    else:
        assert isinstance(how, signal.Signals)
        serve.process.send_signal(how)
    serve.process.wait(END_S)
    assert [process for process in processes if process.is_running()] == []
    print(f"{how}: {len(processes)} processes, none left")


def test_nohup_is_obeyed(tmp_path: Path, left: list[psutil.Process]) -> None:
    """A caller that ignores hang-ups before the start wants the service to outlive the terminal."""
    handler = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        serve = Serve(tmp_path / "redis")
    finally:
        signal.signal(signal.SIGHUP, handler)
    left += serve.started()
    serve.process.send_signal(signal.SIGHUP)
    eventually(lambda: answers(serve.url))
    assert serve.process.poll() is None
    serve.process.terminate()
    assert serve.process.wait(END_S) == 0
