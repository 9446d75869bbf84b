"""Steps that cost the host almost nothing, on a device that computes for longer.

The device is simulated. It reaches a step's end only when it is waited for, or when the test lets it.
"""

import threading
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from PIL import Image

import worker.engine.loop
from shared.errors import JobCancelled
from tests.models import engine_model
from tests.watcher import Watcher
from worker.engine.engine import Engine
from worker.engine.job import EngineJob
from worker.engine.loop import StepLoop
from worker.engine.model_runner import ModelRunner
from worker.engine.preview import Preview
from worker.engine.request import DrawRequest
from worker.engine.steps_in_flight import MOST_STEPS, PastEvent, record_event

SIDE = 64
WAIT_S = 60


class SlowDevice:
    """Counts the steps that it was given and those that it has reached the end of.

    Attributes:
        given, reached: these numbers.
        waited_for: set when the host waits.
        may_go: while it is clear, the device computes nothing.
    """

    def __init__(self) -> None:
        self.given = self.reached = 0
        self.waited_for, self.may_go = threading.Event(), threading.Event()
        self.may_go.set()

    def record_event(self, _device: torch.device) -> "StepEnd":
        self.given += 1
        return StepEnd(self, self.given)


class StepEnd:
    def __init__(self, device: SlowDevice, number: int) -> None:
        self._device, self._number = device, number

    def synchronize(self) -> None:
        self._device.waited_for.set()
        assert self._device.may_go.wait(WAIT_S)
        self._device.reached = max(self._device.reached, self._number)

    def query(self) -> bool:
        return self._device.reached >= self._number


@pytest.fixture
def model(stock: Any) -> ModelRunner:
    return engine_model(stock, native_size=SIDE)


@pytest.fixture
def device(monkeypatch: pytest.MonkeyPatch) -> SlowDevice:
    device = SlowDevice()
    monkeypatch.setattr(worker.engine.loop, "record_event", device.record_event)
    return device


@pytest.fixture
def engine(model: ModelRunner, device: SlowDevice) -> Iterator[Engine]:
    engine = Engine(lambda: model)
    engine.load().result()
    yield engine
    device.may_go.set()
    engine.close()


def request_of(steps: int, seed: int = 0) -> DrawRequest:
    return DrawRequest(
        prompt="fire",
        control_images={"canny": Image.new("RGB", (SIDE, SIDE), "white")},
        num_inference_steps=steps,
        guidance_scale=1.0,
        seed=seed,
    )


def test_the_host_hands_over_few_steps_more_than_the_device_has_computed(
    model: ModelRunner, device: SlowDevice
) -> None:
    loop = StepLoop(model, bulk_every=5)
    loop.submit(EngineJob(request_of(6), Watcher()))
    while loop.has_jobs:
        loop.run_step()
        assert device.given - device.reached <= MOST_STEPS
    assert device.given == 6


def test_a_job_joins_one_whose_steps_the_device_is_still_computing(engine: Engine, device: SlowDevice) -> None:
    device.may_go.clear()
    first = engine.submit(request_of(8), Watcher())
    assert device.waited_for.wait(WAIT_S)
    second = engine.submit(request_of(8, seed=1), Watcher())
    device.may_go.set()
    assert [future.result(WAIT_S).batch_size_max for future in (first, second)] == [2, 2]


def test_a_cancelled_job_leaves_the_device_few_steps(engine: Engine, device: SlowDevice) -> None:
    device.may_go.clear()
    watcher = Watcher()
    future = engine.submit(request_of(30), watcher)
    assert device.waited_for.wait(WAIT_S)
    watcher.cancel()
    device.may_go.set()
    with pytest.raises(JobCancelled):
        future.result(WAIT_S)
    assert device.given == MOST_STEPS + 1


def test_previews_are_shown_while_the_picture_is_computed(
    engine: Engine, model: ModelRunner, device: SlowDevice, monkeypatch: pytest.MonkeyPatch
) -> None:
    preview = model.previewer.preview

    def on_its_way(latents: torch.Tensor) -> Preview:
        copied: Any = StepEnd(device, device.given + 1)
        return Preview(preview(latents).pixels, copied)

    monkeypatch.setattr(model.previewer, "preview", on_its_way)
    watcher = Watcher()
    engine.submit(request_of(12), watcher).result(WAIT_S)
    assert len(watcher.previews) == 2


def test_a_cpu_has_no_steps_in_flight() -> None:
    assert isinstance(record_event(torch.device("cpu")), PastEvent)
