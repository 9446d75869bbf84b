"""What only a GPU can show: no host waits, prioritised steps, borrowed parts, recorded steps, unchanged pictures."""

import threading
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from bench import device_counts
from bench.pictures import psnr
from shared.schemas import Quality
from worker.engine import float8
from worker.engine.compiler import CACHE_VARIABLE
from worker.engine.denoiser import call_directly
from worker.engine.engine import Engine
from worker.engine.model_runner import ModelRunner
from worker.engine.placement import Placement
from worker.engine.request import DrawRequest
from worker.gpu_manager import GPUManager
from worker.model_setup import is_on
from worker.progress import NullProgress

pytestmark = pytest.mark.gpu

Start = Callable[..., Engine]
CUDA = torch.device("cuda")
# PSNR of two pictures that differ only by half-precision rounding; pictures of two seeds are below 20 dB.
SAME_DB = 30.0


def request_of(seed: int = 0, **changes: Any) -> DrawRequest:
    image = Image.linear_gradient("L").convert("RGB")  # 256 x 256
    request = DrawRequest(
        prompt=f"fire {seed}",
        control_images={"canny": image, "depth": image},
        num_inference_steps=6,
        guidance_scale=3.0,
        seed=seed,
    )
    return replace(request, **changes)


def draw(engine: Engine, *requests: DrawRequest) -> list[Image.Image]:
    futures = [engine.submit(request, NullProgress()) for request in requests]
    return [future.result(120).image for future in futures]


def model_of(engine: Engine) -> ModelRunner:
    assert engine.model is not None
    return engine.model


def test_nothing_in_a_step_or_a_preview_waits_for_the_device(start: Start) -> None:
    model = model_of(start(torch_compile=False))
    rows = [model.row(request_of(seed)) for seed in range(3)]
    denoiser = model.networks[Quality.EXACT].denoiser
    denoiser.step(rows)  # the first one loads kernels
    assert device_counts.waits(CUDA, lambda: denoiser.step(rows)) == 0
    assert device_counts.waits(CUDA, lambda: denoiser.step(rows[:1])) == 0, "recorded"
    assert device_counts.waits(CUDA, lambda: model.previewer.preview(rows[0].latents)) == 0
    assert device_counts.waits(CUDA, lambda: model.row(request_of(8))) == 0, "an admission with a new prompt"
    assert device_counts.waits(CUDA, lambda: rows[0].latents.sum().item()) == 1, "a wait is detected"


def test_the_engines_stream_goes_before_others() -> None:
    priorities: list[int] = []

    def enter() -> None:
        Placement(torch.device("cuda", 0)).enter_first()
        priorities.append(torch.cuda.current_stream().priority)

    thread = threading.Thread(target=enter)
    thread.start()
    thread.join()
    assert priorities[0] < torch.cuda.default_stream().priority


def test_a_preview_comes_into_pinned_memory(start: Start) -> None:
    model = model_of(start(torch_compile=False))
    preview = model.previewer.preview(model.row(request_of()).latents)
    torch.cuda.synchronize()
    assert preview.is_here
    assert preview.pixels.is_pinned()
    assert preview.picture.shape == (32, 32, 3)
    assert preview.picture.std() > 0


def test_a_picture_is_the_same_in_company_up_to_rounding(start: Start) -> None:
    engine = start(torch_compile=False, batch_min=4)
    (alone,) = draw(engine, request_of(1))
    first, second, *_ = draw(engine, *(request_of(seed) for seed in range(1, 5)))
    assert psnr(alone, first) > SAME_DB
    assert psnr(first, second) < SAME_DB


def test_where_memory_is_short_parts_are_lent_and_the_picture_is_the_same(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = start(torch_compile=False)
    (expected,) = draw(whole, request_of())
    monkeypatch.setattr(GPUManager, "free_gib", 0.1)
    lending = start(torch_compile=False, cpu_offload=True)
    assert is_on(model_of(lending).setup.cpu_offload)
    (picture,) = draw(lending, request_of())
    assert psnr(expected, picture) > SAME_DB


@pytest.mark.parametrize("torch_compile", [False, True], ids=["uncompiled", "compiled"])
def test_recorded_steps_draw_the_same_pictures(start: Start, torch_compile: bool) -> None:
    """One and two pictures together, with features of an earlier step and without, with controls that end."""
    plain = start(torch_compile=False, cuda_graphs=False)
    recorded = start(torch_compile=torch_compile, cuda_graphs=True)
    setup = model_of(recorded).setup
    assert is_on(setup.cuda_graphs), setup
    assert is_on(setup.torch_compile) == torch_compile, setup
    fast = {"quality": Quality.FAST, "cache_interval": 3}
    for options in ({}, {"guidance_end": 0.5}, {"control_guidance_end": 0.5}, fast):
        for seeds in ((1,), (2, 3)):
            requests = [request_of(seed, **options) for seed in seeds]
            for expected, picture in zip(draw(plain, *requests), draw(recorded, *requests), strict=True):
                assert psnr(expected, picture) > SAME_DB, options


def test_what_was_recorded_is_what_was_compiled(start: Start) -> None:
    """The same steps, launched one by one, find a graph for every block: none was recorded uncompiled."""
    model = model_of(start(torch_compile=True, cuda_graphs=True))
    if torch.cuda.get_device_capability() >= (8, 9):
        assert is_on(model.setup.float8), model.setup
    for networks in model.networks.values():
        networks.denoiser.call_through(call_directly)
    torch.compiler.set_stance("fail_on_recompile")
    for quality, count in ((Quality.EXACT, 1), (Quality.EXACT, 2), (Quality.FAST, 1), (Quality.FAST, 2)):
        options = {"cache_interval": 2} if quality is Quality.FAST else {}
        for guidance_scale in (1.0, 3.0):
            requests = [
                request_of(seed, quality=quality, guidance_scale=guidance_scale, **options) for seed in range(count)
            ]
            rows = [model.row(request) for request in requests]
            for _ in range(2):
                model.networks[quality].denoiser.step(rows)
            assert all(row.latents.isfinite().all() for row in rows)


def test_other_processes_compile_every_graph(start: Start, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """On the first start; the second one finds them, without such processes."""
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path))
    for processes in ("yes: ", "None"):
        torch.compiler.reset()
        torch.compiler.set_stance("default")
        setup = model_of(start(torch_compile=True, cuda_graphs=False)).setup
        assert str(setup.compile_processes).startswith(processes), setup
        assert is_on(setup.torch_compile), setup
        for answer in map(str, (setup.torch_compile, setup.vae_compile)):
            assert ", 0 of them compiled at this start" in answer, setup
            assert not answer.startswith("yes: 0 graphs")


def test_a_recorded_step_launches_far_fewer_times(start: Start) -> None:
    launches = {}
    for is_recorded in (False, True):
        model = model_of(start(torch_compile=False, cuda_graphs=is_recorded))
        row, denoiser = model.row(request_of()), model.networks[Quality.EXACT].denoiser
        denoiser.step([row])
        launches[is_recorded] = device_counts.launches(CUDA, partial(denoiser.step, [row]))
    assert 0 < launches[True] < launches[False] / 4, launches


def test_compiled_networks_draw_the_same_picture(start: Start) -> None:
    (expected,) = draw(start(torch_compile=False), request_of())
    engine = start(torch_compile=True, cuda_graphs=True)
    setup = model_of(engine).setup
    assert is_on(setup.torch_compile), setup
    assert is_on(setup.vae_compile), setup
    assert is_on(setup.cuda_graphs), setup
    (picture,) = draw(engine, request_of())
    assert psnr(expected, picture) > SAME_DB


def test_a_card_with_8_bit_units_multiplies_rightly_in_them() -> None:
    if torch.cuda.get_device_capability() < (8, 9):
        pytest.skip("this card has none")
    float8.try_out(CUDA)
