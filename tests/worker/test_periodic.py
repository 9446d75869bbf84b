"""Threads that act from time to time."""

import threading

import pytest

from tests.helpers import eventually
from worker.background.periodic import Periodic


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


def test_a_thread_that_jobs_hang_on_survives_what_it_did_not_expect(caplog: pytest.LogCaptureFixture) -> None:
    calls: list[int] = []

    def act() -> None:
        calls.append(1)
        raise KeyError("unexpected")

    thread = Periodic("shaky", 0.01, act)
    thread.start()
    eventually(lambda: len(calls) > 2)
    thread.stop()
    assert "shaky failed; it will be retried" in caplog.text
