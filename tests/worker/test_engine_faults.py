"""Device faults, injected into the real engine: every job ends, and a process that cannot compute reports it."""

import gc
import threading
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import closing
from typing import Any

import pytest
import torch
from PIL import Image

import worker.engine.decoder
import worker.engine.loop
import worker.engine.model_runner
from shared.errors import DeviceLost, GenerationFailed, OutOfMemory
from shared.schemas import WorkerState
from worker.engine.engine import Engine
from worker.engine.faults import Fault, attempt, classify
from worker.engine.model_runner import ModelRunner
from worker.engine.request import Drawing, DrawRequest
from worker.progress import NullProgress

CUDA_ERROR = "CUDA error: an illegal memory access was encountered"


def device_error(code: int | None = 700) -> Exception:
    """Return the error that PyTorch raises for a lost device."""
    error = torch.AcceleratorError(CUDA_ERROR)
    if code is not None:
        error.error_code = code  # type: ignore[union-attr]
    return error


def request_of(seed: int = 0, steps: int = 5) -> DrawRequest:
    return DrawRequest(
        prompt=f"fire {seed}",
        control_images={"canny": Image.new("RGB", (128, 128))},
        num_inference_steps=steps,
        guidance_scale=1.0,
        seed=seed,
    )


@pytest.fixture
def lost() -> list[DeviceLost]:
    return []


@pytest.fixture
def engine(model: ModelRunner, lost: list[DeviceLost]) -> Iterator[Engine]:
    engine = Engine(lambda: model, on_lost=lost.append)
    engine.load().result()
    yield engine
    engine.close()


def submit_together(engine: Engine, count: int, steps: int = 5) -> list["Future[Drawing]"]:
    """Submit jobs so that all have arrived when the first one is prepared."""
    held, go = threading.Event(), threading.Event()

    class Gate(NullProgress):
        def stage(self, name: str) -> None:
            held.set()
            go.wait(30)

    first = engine.submit(request_of(0, steps), Gate())
    held.wait(30)
    rest = [engine.submit(request_of(seed, steps), NullProgress()) for seed in range(1, count)]
    go.set()
    return [first, *rest]


def raising(error: Callable[[], Exception]) -> Callable[..., Any]:
    def fail(*_arguments: Any, **_options: Any) -> Any:
        raise error()

    return fail


def denoiser(model: ModelRunner) -> Any:
    return next(iter(model.networks.values())).denoiser


# The engine's calls to the device: the call's owner and its name.
CALL_SITES: dict[str, Callable[[ModelRunner], tuple[Any, str]]] = {
    "text": lambda model: (model.text, "encode"),
    "controls": lambda _model: (worker.engine.model_runner, "fuse"),
    "step": lambda model: (denoiser(model), "step"),
    "preview": lambda model: (model.previewer, "preview"),
    "handing over to the decoder": lambda model: (model.decoder, "submit"),
    "waiting for the step's end": lambda model: (model.decoder, "draw"),
    "decode": lambda model: (model.decoder, "to_pixels"),
}


@pytest.mark.parametrize("site", CALL_SITES)
def test_wherever_the_device_is_lost_every_job_ends_and_the_engine_says_so(
    engine: Engine, model: ModelRunner, lost: list[DeviceLost], monkeypatch: pytest.MonkeyPatch, site: str
) -> None:
    monkeypatch.setattr(*CALL_SITES[site](model), raising(device_error))
    # A preview is made in the fourth step.
    futures = submit_together(engine, 3, steps=5 if site == "preview" else 2)
    for future in futures:
        with pytest.raises(DeviceLost, match="illegal memory access"):
            future.result(60)
    with pytest.raises(DeviceLost):
        engine.submit(request_of(9), NullProgress()).result(60)
    with pytest.raises(DeviceLost):
        engine.load().result(60)
    assert engine.state is WorkerState.COLD
    assert len(lost) == 1


def test_a_device_that_is_lost_while_memory_is_freed_ends_every_job(
    engine: Engine, model: ModelRunner, lost: list[DeviceLost], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(denoiser(model), "step", raising(lambda: torch.OutOfMemoryError("injected")))
    monkeypatch.setattr(worker.engine.loop, "free_memory", raising(device_error))
    for future in submit_together(engine, 3):
        with pytest.raises(DeviceLost, match="illegal memory access"):
            future.result(60)
    assert len(lost) == 1


def test_a_fault_of_our_own_in_the_engines_thread_ends_every_job(
    engine: Engine, model: ModelRunner, lost: list[DeviceLost], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever is raised there, no job waits forever."""
    monkeypatch.setattr(worker.engine.loop.Scheduler, "next_batch", raising(lambda: KeyError("injected")))
    for future in submit_together(engine, 2):
        with pytest.raises(DeviceLost, match="KeyError: 'injected'"):
            future.result(60)
    assert engine.state is WorkerState.COLD
    assert len(lost) == 1


def test_a_device_that_is_lost_while_the_model_is_loaded_is_not_the_models_fault(lost: list[DeviceLost]) -> None:
    engine = Engine(raising(device_error), on_lost=lost.append)
    with pytest.raises(DeviceLost, match="illegal memory access"):
        engine.load().result(60)
    engine.close()
    assert len(lost) == 1


@pytest.mark.parametrize(
    ("error", "fault"),
    [
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB"), Fault.OUT_OF_MEMORY),
        (MemoryError(), Fault.OUT_OF_MEMORY),
        (device_error(2), Fault.OUT_OF_MEMORY),
        (
            RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate`"),
            Fault.OUT_OF_MEMORY,
        ),
        (RuntimeError("CUDA error: CUBLAS_STATUS_NOT_INITIALIZED when calling `cublasCreate`"), Fault.OUT_OF_MEMORY),
        (RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"), Fault.OUT_OF_MEMORY),
        (RuntimeError("CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED"), Fault.OUT_OF_MEMORY),
        (RuntimeError("GET was unable to find an engine to execute this computation"), Fault.OUT_OF_MEMORY),
        (RuntimeError("CUDA error: out of memory"), Fault.OUT_OF_MEMORY),
        (RuntimeError("Triton Error [CUDA]: out of memory"), Fault.OUT_OF_MEMORY),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory"), Fault.OUT_OF_MEMORY),
        (device_error(700), Fault.DEVICE_LOST),
        (device_error(719), Fault.DEVICE_LOST),
        (device_error(None), Fault.DEVICE_LOST),
        (RuntimeError("CUDA error: an illegal memory access was encountered"), Fault.DEVICE_LOST),
        (RuntimeError("CUDA error: CUBLAS_STATUS_EXECUTION_FAILED when calling `cublasGemmEx`"), Fault.DEVICE_LOST),
        (RuntimeError("Triton Error [CUDA]: an illegal memory access was encountered"), Fault.DEVICE_LOST),
        (device_error(9), Fault.JOB),
        (device_error(901), Fault.JOB),
        (RuntimeError("CUDA error: operation not permitted when stream is capturing\nCompile with …"), Fault.JOB),
        (RuntimeError("CUDA error: operation failed due to a previous error during capture"), Fault.JOB),
        (RuntimeError("Triton Error [CUDA]: operation not permitted when stream is capturing"), Fault.JOB),
        (RuntimeError("Triton Error [CUDA]: invalid argument"), Fault.JOB),
        (RuntimeError("CUDA driver error: an illegal memory access was encountered"), Fault.DEVICE_LOST),
        (RuntimeError("CUDA error: CUBLAS_STATUS_NOT_SUPPORTED when calling `cublasLtMatmul`"), Fault.JOB),
        (RuntimeError("CUDA error: CUBLAS_STATUS_INTERNAL_ERROR when calling `cublasGemmEx`"), Fault.DEVICE_LOST),
        (RuntimeError("CUDA error: CUBLAS_STATUS_INVALID_VALUE when calling `cublasGemmEx`"), Fault.JOB),
        (RuntimeError("CUDA error: too many resources requested for launch\nCompile with …"), Fault.JOB),
        (RuntimeError("mat1 and mat2 shapes cannot be multiplied"), Fault.JOB),
        (ValueError("CUDA error: said by a prompt"), Fault.JOB),
    ],
    ids=lambda value: f"{type(value).__name__} {getattr(value, 'error_code', '')} {value}"[:60],
)
def test_an_error_is_laid_to_whom_it_concerns(error: Exception, fault: Fault) -> None:
    assert classify(error) is fault


def test_a_failed_attempt_leaves_none_of_its_tensors_in_memory() -> None:
    """A retry inside `except` would keep all activations of the first attempt alive through the traceback."""
    alive: list[weakref.ref[torch.Tensor]] = []

    def inner(x: torch.Tensor) -> None:
        activation = x * 2
        alive.append(weakref.ref(activation))
        raise torch.OutOfMemoryError("injected")

    def outer() -> None:
        x = torch.ones(4)
        alive.append(weakref.ref(x))
        try:
            inner(x)
        except RuntimeError as error:
            raise ValueError("wrapped") from error

    gc.disable()
    try:
        failure = attempt(outer)
        assert failure is not None
        assert [reference() for reference in alive] == [None, None]
    finally:
        gc.enable()


@pytest.mark.parametrize("error", [lambda: torch.OutOfMemoryError("injected"), lambda: device_error(2)])
def test_when_a_batch_is_split_the_memory_of_the_whole_one_is_free(
    engine: Engine, model: ModelRunner, monkeypatch: pytest.MonkeyPatch, error: Callable[[], Exception]
) -> None:
    original = denoiser(model).step
    alive: list[weakref.ref[torch.Tensor]] = []
    kept: list[bool] = []

    def step(rows: list[Any]) -> None:
        kept.append(any(reference() is not None for reference in alive))
        activation = torch.ones(len(rows))
        if len(rows) > 1:
            alive.append(weakref.ref(activation))
            raise error()
        original(rows)

    monkeypatch.setattr(denoiser(model), "step", step)
    for future in submit_together(engine, 2, steps=2):
        assert future.result(60).image.size == (128, 128)
    assert len(alive) >= 1
    assert not any(kept)


def test_a_lone_job_that_does_not_fit_beside_a_decode_is_tried_again_after_it(
    model: ModelRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoding, stepped = threading.Event(), threading.Event()
    decode, step = model.decoder.to_pixels, denoiser(model).step
    busy: list[bool] = []

    def slow_decode(latents: torch.Tensor) -> torch.Tensor:
        busy.append(True)
        decoding.set()
        stepped.wait(30)
        pixels = decode(latents)
        busy.clear()
        return pixels

    def tight_step(rows: list[Any]) -> None:
        if rows[0].request.seed == 1:
            decoding.wait(30)
            stepped.set()
            if busy:
                raise torch.OutOfMemoryError("injected")
        step(rows)

    monkeypatch.setattr(model.decoder, "to_pixels", slow_decode)
    monkeypatch.setattr(denoiser(model), "step", tight_step)
    monkeypatch.setattr(model, "batch_limit", 1)
    with closing(Engine(lambda: model)) as engine:
        futures = [engine.submit(request_of(seed, seed + 1), NullProgress()) for seed in range(2)]
        assert [future.result(60).image.size for future in futures] == [(128, 128)] * 2


@pytest.mark.parametrize("site", ["text", "controls", "step", "decode"])
def test_what_never_fits_fails_with_the_reason_and_the_engine_goes_on(
    engine: Engine, model: ModelRunner, monkeypatch: pytest.MonkeyPatch, site: str
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(
            *CALL_SITES[site](model), raising(lambda: RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"))
        )
        with pytest.raises(OutOfMemory, match="does not fit"):
            engine.submit(request_of(1, 1), NullProgress()).result(60)
    assert engine.submit(request_of(1, 1), NullProgress()).result(60).image.size == (128, 128)


def test_a_vae_that_overflows_fails_the_job(
    engine: Engine, model: ModelRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SDXL's own VAE does so in half precision, and its picture would be black."""
    decode = model.decoder.to_pixels
    monkeypatch.setattr(model.decoder, "to_pixels", lambda latents: decode(latents) + float("inf"))
    with pytest.raises(GenerationFailed, match="VAE"):
        engine.submit(request_of(1, 1), NullProgress()).result(60)
