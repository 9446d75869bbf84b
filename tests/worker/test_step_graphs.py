"""Recorded steps. A CPU records nothing, so a replay here repeats the call on the recording's own tensors.

As with a CUDA graph, the inputs are copied to where the call read them, and each replay overwrites the last one's
result. ``tests/gpu`` records real ones.
"""

import weakref
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from PIL import Image
from torch.utils._pytree import TreeSpec, tree_flatten, tree_unflatten

import worker.compilation
import worker.model_assembly
from shared.errors import DeviceLost
from shared.schemas import Quality
from tests.models import embedded_pipeline, embedded_settings, engine_model
from worker.engine.denoiser import Denoiser
from worker.engine.model_runner import ModelRunner
from worker.engine.request import DrawRequest
from worker.engine.step_graphs import MOST_ROWS, CudaRecorder, StepGraphs
from worker.gpu_manager import GPUManager
from worker.model_assembly import try_graphs

SIDE = 64
# Steered or not, each with features kept for later steps or not; and reusing them.
KINDS_OF_STEPS = 5


class Repetition:
    """A recording that computes again."""

    def __init__(self, function: Callable[..., Any], tensors: Sequence[torch.Tensor], spec: TreeSpec) -> None:
        self._function, self._spec = function, spec
        self._inputs = [tensor.clone() for tensor in tensors]
        self._outputs, self._form = tree_flatten(self._call())
        self.replays = 0

    def replay(self, tensors: Sequence[torch.Tensor]) -> Any:
        for ours, given in zip(self._inputs, tensors, strict=True):
            ours.copy_(given)
        for place, found in zip(self._outputs, tree_flatten(self._call())[0], strict=True):
            place.copy_(found)
        self.replays += 1
        return tree_unflatten(self._outputs, self._form)

    def _call(self) -> Any:
        return self._function(*tree_unflatten(self._inputs, self._spec))


def request_of(seed: int, *, is_guided: bool = True, is_steered: bool = True, cache_interval: int = 1) -> DrawRequest:
    return DrawRequest(
        prompt=f"fire {seed}",
        control_images={"canny": Image.linear_gradient("L").resize((SIDE, SIDE)).convert("RGB")},
        weights={} if is_steered else {"canny": 0.0},
        num_inference_steps=5,
        guidance_scale=3.0 if is_guided else 1.0,
        guidance_end=0.6,
        cache_interval=cache_interval,
        seed=seed,
    )


def denoiser_of(model: ModelRunner) -> Denoiser:
    return model.networks[Quality.EXACT].denoiser


def drawn(model: ModelRunner, *requests: DrawRequest) -> torch.Tensor:
    """Return the latents after all steps of requests that step together."""
    rows = [model.row(request) for request in requests]
    while not rows[0].is_done:
        denoiser_of(model).step(rows)
    return torch.cat([row.latents for row in rows])


@pytest.fixture(scope="module")
def plain() -> ModelRunner:
    return engine_model(embedded_pipeline())


@pytest.fixture(scope="module")
def recorded() -> list[Repetition]:
    return []


@pytest.fixture(scope="module")
def model(recorded: list[Repetition]) -> ModelRunner:
    """A model with recordings for its native size."""

    def record(*call: Any) -> Repetition:
        recorded.append(Repetition(*call))
        return recorded[-1]

    model = engine_model(embedded_pipeline(), native_size=SIDE)
    model.record({denoiser_of(model): StepGraphs(record)}, uses_cache=True)
    return model


@pytest.mark.parametrize("is_all", [False, pytest.param(True, marks=pytest.mark.slow)], ids=["some", "all"])
def test_pictures_from_recorded_steps_are_the_same(
    model: ModelRunner, plain: ModelRunner, recorded: list[Repetition], is_all: bool
) -> None:
    """Guided or not, steered or not, with cached features or without."""
    batches = [
        [request_of(1)],
        [request_of(2, is_guided=False)],
        [request_of(3), request_of(4)],
        [request_of(5), request_of(6, is_guided=False)],
        [request_of(7, cache_interval=2)],
        [request_of(8, cache_interval=3), request_of(9, cache_interval=3)],
        [request_of(10, is_guided=False, cache_interval=2)],
        [request_of(11, cache_interval=2), request_of(12, is_guided=False, cache_interval=2)],
    ]
    if not is_all:
        batches = [batches[0], batches[3], batches[5]]
    batches += [[replace(request, weights={"canny": 0.0}) for request in batch] for batch in batches]
    batches.append([replace(request_of(13), control_guidance_end=0.5)])
    assert len(recorded) == KINDS_OF_STEPS * MOST_ROWS
    for batch in batches:
        assert torch.equal(drawn(model, *batch), drawn(plain, *batch))
    replayed = [recording.replays > 1 for recording in recorded]
    assert all(replayed) if is_all else any(replayed)


def test_other_steps_are_not_recorded_and_are_the_same(
    model: ModelRunner, plain: ModelRunner, recorded: list[Repetition]
) -> None:
    """Many rows, rows of which some are steered, other sizes."""
    before = [recording.replays for recording in recorded]
    larger = Image.linear_gradient("L").resize((2 * SIDE, 2 * SIDE)).convert("RGB")
    batches = [
        [request_of(seed) for seed in range(MOST_ROWS)],
        [request_of(1, is_guided=False), request_of(1, is_guided=False, is_steered=False)],
        [replace(request_of(2), control_images={"canny": larger}, guidance_end=1.0)],
    ]
    for batch in ([replace(request, guidance_end=1.0) for request in requests] for requests in batches):
        assert torch.equal(drawn(model, *batch), drawn(plain, *batch))
    assert len(recorded) == KINDS_OF_STEPS * MOST_ROWS
    assert [recording.replays for recording in recorded] == before


def test_a_card_whose_profile_asks_for_none_records_none(plain: ModelRunner) -> None:
    settings = embedded_settings()
    answer = try_graphs(plain, GPUManager("cpu", settings.gpu_profiles), uses_cache=False)
    assert str(answer) == "no: no GPU"


class FailedCapture:
    """PyTorch's recording of a call that fails: ending it raises as well, and its allocator goes on recording."""

    allocating: set[int]

    def __init__(self, *_arguments: Any, pool: int, **_options: Any) -> None:
        self._pool = pool

    def __enter__(self) -> None:
        self.allocating.add(self._pool)

    def __exit__(self, *_error: object) -> None:
        raise RuntimeError("CUDA error: operation failed due to a previous error during capture")


@pytest.fixture
def allocating(monkeypatch: pytest.MonkeyPatch) -> set[int]:
    """Simulate a card on which recordings fail; return the pools to which its allocator allocates."""
    pools: set[int] = set()
    FailedCapture.allocating = pools
    simulated = {
        "graph": FailedCapture,
        "CUDAGraph": object,
        "graph_pool_handle": lambda: 7,
        "current_stream": lambda: SimpleNamespace(device_index=0),
    }
    for name, value in simulated.items():
        monkeypatch.setattr(torch.cuda, name, value)
    monkeypatch.setattr(torch._C, "_cuda_endAllocateToPool", lambda _device, pool: pools.remove(pool), raising=False)
    monkeypatch.setattr(torch._C, "_cuda_releasePool", lambda _device, _pool: None, raising=False)
    return pools


def test_a_recording_that_fails_says_why_and_ends_for_the_allocator_too(allocating: set[int]) -> None:
    calls: list[torch.Tensor] = []

    def double(x: torch.Tensor) -> torch.Tensor:
        calls.append(x)
        if allocating:
            raise ValueError("not while recording")
        return x * 2

    graphs = StepGraphs(CudaRecorder())
    with pytest.raises(ValueError, match="not while recording"), graphs.recording():
        graphs(double, torch.ones(1))
    assert len(calls) == 2, "once before the recording"
    assert allocating == set()
    assert len(graphs) == 0


@pytest.fixture
def card(monkeypatch: pytest.MonkeyPatch) -> GPUManager:
    """A CPU that passes for a large card."""
    profiles = embedded_settings().gpu_profiles
    gpu = GPUManager("cpu", profiles)
    gpu.profile = profiles["large"]
    monkeypatch.setattr(GPUManager, "is_gpu", property(lambda _self: True))
    monkeypatch.setattr(GPUManager, "memory_monitor", lambda _self, _name: nullcontext())
    return gpu


def test_where_recording_fails_steps_are_launched_one_by_one(
    plain: ModelRunner, card: GPUManager, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even if the error's text sounds like a lost device, and memory cannot be freed. No recording stays in memory."""
    recorded: list[weakref.ref[Repetition]] = []

    def record(*call: Any) -> Repetition:
        if recorded:
            raise RuntimeError("Triton Error [CUDA]: device kernel image is invalid")
        recording = Repetition(*call)
        recorded.append(weakref.ref(recording))
        return recording

    def free_memory() -> None:
        assert [recording() for recording in recorded] == [None]
        raise RuntimeError("captures_underway.empty() INTERNAL ASSERT FAILED")

    monkeypatch.setattr(worker.model_assembly, "CudaRecorder", lambda: record)
    monkeypatch.setattr(worker.compilation, "free_memory", free_memory)
    answer = try_graphs(plain, card, uses_cache=False)
    assert str(answer) == "no: RuntimeError: Triton Error [CUDA]: device kernel image is invalid"
    assert drawn(plain, request_of(1)).isfinite().all()


def test_a_device_that_is_lost_while_recording_is_not_used_any_more(
    plain: ModelRunner, card: GPUManager, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_arguments: Any, **_options: Any) -> Any:
        raise RuntimeError("CUDA error: an illegal memory access was encountered")

    monkeypatch.setattr(worker.model_assembly, "CudaRecorder", lambda: fail)
    monkeypatch.setattr(torch, "ones", fail)
    with pytest.raises(DeviceLost, match="illegal memory access"):
        try_graphs(plain, card, uses_cache=False)
