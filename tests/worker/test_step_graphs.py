"""Recorded steps. A CPU records nothing, so a replay here repeats the call on the recording's own tensors.

As with a CUDA graph, the inputs are copied to where the call read them, and each replay overwrites the last one's
result. ``tests/gpu`` records real ones.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest
import torch
from PIL import Image
from torch.utils._pytree import TreeSpec, tree_flatten, tree_unflatten

from shared.schemas import Quality
from tests.models import embedded_pipeline, embedded_settings, engine_model
from worker.engine.denoiser import Denoiser
from worker.engine.model_runner import ModelRunner
from worker.engine.request import DrawRequest
from worker.engine.step_graphs import MOST_ROWS, StepGraphs
from worker.gpu_manager import GPUManager
from worker.model_assembly import is_on, try_graphs

SIDE = 64


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


@pytest.fixture
def recorded() -> list[Repetition]:
    return []


@pytest.fixture
def model(recorded: list[Repetition]) -> ModelRunner:
    """A model with recordings for its native size."""

    def record(*call: Any) -> Repetition:
        recorded.append(Repetition(*call))
        return recorded[-1]

    model = engine_model(embedded_pipeline(), native_size=SIDE)
    model.record({id(denoiser_of(model)): StepGraphs(record)}, uses_cache=True)
    return model


def test_pictures_from_recorded_steps_are_the_same(
    model: ModelRunner, plain: ModelRunner, recorded: list[Repetition]
) -> None:
    """Guided or not, with cached features or without; the recordings of each number of rows are used."""
    batches = [
        [request_of(1)],
        [request_of(2, is_guided=False)],
        [request_of(3), request_of(4)],
        [request_of(5), request_of(6, is_guided=False)],
        [request_of(7, cache_interval=2)],
        [request_of(8, cache_interval=3), request_of(9, cache_interval=3)],
    ]
    assert len(recorded) == 2 * MOST_ROWS
    for batch in batches:
        assert torch.equal(drawn(model, *batch), drawn(plain, *batch))
    assert all(recording.replays > 1 for recording in recorded)


def test_other_steps_are_not_recorded_and_are_the_same(
    model: ModelRunner, plain: ModelRunner, recorded: list[Repetition]
) -> None:
    """Many rows, rows without controls, other sizes."""
    before = [recording.replays for recording in recorded]
    larger = Image.linear_gradient("L").resize((2 * SIDE, 2 * SIDE)).convert("RGB")
    batches = [
        [request_of(seed) for seed in range(MOST_ROWS)],
        [request_of(1, is_guided=False, is_steered=False)],
        [replace(request_of(2), control_images={"canny": larger}, guidance_end=1.0)],
    ]
    for batch in ([replace(request, guidance_end=1.0) for request in requests] for requests in batches):
        assert torch.equal(drawn(model, *batch), drawn(plain, *batch))
    assert len(recorded) == 2 * MOST_ROWS
    assert [recording.replays for recording in recorded] == before


def test_a_card_whose_profile_asks_for_none_records_none(plain: ModelRunner) -> None:
    settings = embedded_settings()
    answer = try_graphs(plain, GPUManager("cpu", settings.gpu_profiles), uses_cache=False)
    assert not is_on(answer)
    assert answer == "no: no GPU"
