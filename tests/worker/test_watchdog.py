"""A step that never returns: the worker exits and reports what it was doing, and other workers get its jobs."""

import os
import subprocess
import sys
from contextlib import suppress

import pytest

from worker.engine.deadline import FIRST_S, LEAST_S, OVERDUE_FACTOR, Deadline

# A real engine in a separate process, whose step never returns, with deadlines of one second.
STUCK = """
import threading
from PIL import Image
import worker.engine.deadline as deadline
from tests.models import embedded_pipeline, engine_model
from worker.background.watchdog import Watchdog
from worker.engine.engine import Engine
from worker.engine.request import DrawRequest
from worker.progress import NullProgress

deadline.FIRST_S = 1.0
model = engine_model(embedded_pipeline())
engine = Engine(lambda: model)

def never_return(*_):
    threading.Event().wait()

{place} = never_return
request = DrawRequest(prompt="fire", control_images={{"canny": Image.new("RGB", (128, 128))}}, num_inference_steps=1)
future = engine.submit(request, NullProgress())
Watchdog(engine.overdue, every_s=0.1).start()
future.result()
"""
# A thread that keeps Python's lock, as native code may, so that the watchdog itself cannot run.
FROZEN = """
import ctypes
import worker.background.watchdog as watchdog
watchdog.FROZEN_S = 1.0
watchdog.Watchdog(lambda: None, every_s=0.1).start()
ctypes.PyDLL(None).sleep(60)
"""


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def late_after(deadline: Deadline, clock: Clock, kind: str) -> float:
    """Return after how many seconds a piece of work that does not end is overdue."""
    start = clock.now
    with suppress(TimeoutError), deadline.watch(kind):
        while deadline.overdue() is None:
            clock.now += 1
        raise TimeoutError  # a piece that raises does not predict the duration of the next
    return clock.now - start - 1


def test_what_is_allowed_goes_by_what_was_measured_and_is_never_under_a_minute(clock: Clock) -> None:
    deadline = Deadline(clock)
    assert late_after(deadline, clock, "step") == FIRST_S
    for seconds, allowed in [(0.05, LEAST_S), (9, OVERDUE_FACTOR * 9), (1, OVERDUE_FACTOR * 9)]:
        with deadline.watch("step"):
            clock.now += seconds
        assert late_after(deadline, clock, "step") == allowed
    assert late_after(deadline, clock, "a larger step") == FIRST_S
    assert LEAST_S >= 60


def test_nothing_is_overdue_between_two_pieces_of_work(clock: Clock) -> None:
    deadline = Deadline(clock)
    with deadline.watch("step"):
        pass
    clock.now += 10 * FIRST_S
    assert deadline.overdue() is None


# What never returns, and what the worker then reports.
PLACES = {
    "step": ("next(iter(model.networks.values())).denoiser.step", "a step at (128, 128) has taken"),
    "text": ("model.text.encode", "text and controls at (128, 128) has taken"),
    "decode": ("model.decoder.to_pixels", "decoding at (128, 128) has taken"),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", PLACES)
def test_what_never_returns_ends_the_process_with_every_stack(name: str) -> None:
    place, what = PLACES[name]
    process = subprocess.run(
        [sys.executable, "-c", STUCK.format(place=place)], capture_output=True, text=True, timeout=120, check=False
    )
    assert process.returncode == os.EX_SOFTWARE, process.stderr
    assert what in process.stderr
    assert "in never_return" in process.stderr


def test_native_code_that_keeps_pythons_lock_ends_the_process_too() -> None:
    process = subprocess.run([sys.executable, "-c", FROZEN], capture_output=True, text=True, timeout=50, check=False)
    assert process.returncode == 1
    assert "Timeout (0:00:01)!" in process.stderr
