import logging
import re
import subprocess
import sys
import weakref
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from bench import sdxl
from shared import locations
from shared.errors import SettingsError
from shared.gpu_profiles import GIB, choose_profile
from shared.settings import load_settings
from tests.models import embedded_pipeline, embedded_settings
from worker import memory_plan
from worker.engine.float8 import float8_bytes
from worker.gpu_claim import claim_gpu
from worker.gpu_manager import GPUManager
from worker.main import find_device
from worker.model_assembly import make_ready, take_first_steps

PROFILES = load_settings({}).gpu_profiles
META = torch.device("meta")


class PeakMemory(TorchDispatchMode):
    """Counts the bytes of all tensors that live at the same time."""

    def __init__(self) -> None:
        super().__init__()
        self.peak = self._live = 0
        self._storages: set[int] = set()

    def __torch_dispatch__(self, operation: Any, _types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = operation(*args, **(kwargs or {}))
        for tensor in tree_leaves(result):
            storage = tensor.untyped_storage()
            if storage._cdata not in self._storages:  # else it is a view
                self._storages.add(storage._cdata)
                self._live += storage.nbytes()
                self.peak = max(self.peak, self._live)
                weakref.finalize(tensor, self._release, storage._cdata, storage.nbytes())
        return result

    def _release(self, storage: int, size: int) -> None:
        self._storages.discard(storage)
        self._live -= size


def failing(error: Exception) -> Callable[..., Any]:
    def call(*_arguments: Any, **_options: Any) -> Any:
        raise error

    return call


@pytest.mark.parametrize(
    ("reported_gib", "profile"),
    [
        (139.8, "large"),  # H200, sold as 141 GB
        (79.2, "large"),  # A100 and H100, sold as 80 GB
        (47.5, "medium"),
        (31.8, "medium"),
        (23.6, "medium"),  # RTX 4090, sold as 24 GB
        (22.5, "medium"),  # A10G and L4, sold as 24 GB
        (19.7, "small"),
        (15.8, "small"),
        (7.8, "small"),
        (None, "cpu"),
    ],
)
def test_profiles_go_by_nominal_memory(reported_gib: float | None, profile: str) -> None:
    """A card reports less than its nominal memory, but still belongs to its class."""
    assert choose_profile(reported_gib, PROFILES) == profile


@pytest.mark.parametrize(("reported_gib", "device"), [(7.8, "a GPU with 7.8 GiB"), (None, "a machine without a GPU")])
def test_a_device_without_a_profile_is_told(reported_gib: float | None, device: str) -> None:
    with pytest.raises(SettingsError, match=f"no profile is for {device}"):
        choose_profile(reported_gib, {"large": PROFILES["large"]})


def test_the_profiles_are_the_designs() -> None:
    large, medium, small, cpu = (PROFILES[name] for name in ("large", "medium", "small", "cpu"))
    assert (large.batch_max, large.torch_compile, large.cuda_graphs, large.cpu_offload) == (16, True, True, False)
    assert (medium.batch_max, medium.torch_compile) == (8, True)
    assert (small.batch_max, small.torch_compile, small.cpu_offload) == (2, False, True)
    assert (cpu.batch_min, cpu.batch_max) == (1, 2)


# SDXL's weights in fp16, as counted, and the memory of CUDA's context.
LOOP_GIB, ONCE_GIB, TWINS_GIB, CONTEXT_GIB = 7.12, 1.68, 3.04, 0.4
VAE_GIB = 0.16


def test_sdxl_weighs_what_is_planned_with() -> None:
    loop = [sdxl.make_part(sdxl.FULL, name, torch.device("meta"), torch.float16) for name in ("unet", "controlnet")]
    once = [
        sdxl.make_part(sdxl.FULL, name, torch.device("meta"), torch.float16)
        for name in ("text_encoder", "text_encoder_2", "vae")
    ]
    assert memory_plan.weights_gib(loop) == pytest.approx(LOOP_GIB, abs=0.01)
    assert memory_plan.weights_gib(once) == pytest.approx(ONCE_GIB, abs=0.01)
    assert sum(map(float8_bytes, loop)) / GIB == pytest.approx(TWINS_GIB, abs=0.01)


@pytest.mark.parametrize(
    ("reported_gib", "offload", "twins", "batch", "peak_gib"),
    [
        (11.6, True, False, 1, 11.1),  # RTX 4070, sold as 12 GB
        (15.7, False, False, 2, 11.5),
        (22.5, False, True, 5, 15.8),
        (23.6, False, True, 5, 15.8),
        (47.5, False, True, 8, 17.1),
        (79.2, False, True, 16, 23.1),
        (139.8, False, True, 16, 23.1),
    ],
)
def test_what_is_switched_is_what_fits(
    reported_gib: float, offload: bool, twins: bool, batch: int, peak_gib: float
) -> None:
    """On every card, the pipeline, a batch and a VAE decode fit together, according to counted tensors."""
    profile = PROFILES[choose_profile(reported_gib, PROFILES)]
    free = reported_gib - CONTEXT_GIB
    must_offload = profile.cpu_offload and memory_plan.must_offload(free, LOOP_GIB + ONCE_GIB)
    free -= LOOP_GIB + (0 if must_offload else ONCE_GIB)
    has_twins = not must_offload and memory_plan.can_hold_twins(free, TWINS_GIB, profile)
    free -= TWINS_GIB * has_twins
    assert (must_offload, has_twins, memory_plan.batch_limit(free, profile)) == (offload, twins, batch)
    weights_gib = LOOP_GIB + ONCE_GIB + TWINS_GIB * has_twins
    recordings_gib = memory_plan.recordings_gib(profile)
    predicted = memory_plan.predicted_peak_gib(weights_gib, batch, recordings_gib) + CONTEXT_GIB
    assert predicted == pytest.approx(peak_gib, abs=0.05), "as docs/reference/performance.md says"
    assert predicted < reported_gib


@pytest.mark.parametrize("dtype", [torch.float16, torch.float32])
def test_a_decode_takes_the_memory_that_is_planned(dtype: torch.dtype) -> None:
    vae = sdxl.make_part(sdxl.FULL, "vae", META, dtype)
    with torch.inference_mode(), PeakMemory() as memory:
        vae.decode(torch.empty(1, 4, 128, 128, device=META, dtype=dtype))
    assert memory_plan.decode_gib(vae) == pytest.approx(memory.peak / GIB, abs=0.01)


@pytest.mark.parametrize(
    ("reported_gib", "batch", "batch_in_float32"), [(15.7, 2, 1), (22.5, 5, 4), (23.6, 5, 4), (79.2, 16, 16)]
)
def test_a_vae_in_float32_leaves_room_for_fewer_pictures(
    reported_gib: float, batch: int, batch_in_float32: int
) -> None:
    profile = PROFILES[choose_profile(reported_gib, PROFILES)]
    free = reported_gib - CONTEXT_GIB - LOOP_GIB - ONCE_GIB - TWINS_GIB * profile.torch_compile
    assert memory_plan.batch_limit(free, profile) == batch
    decode_gib = memory_plan.decode_gib(sdxl.make_part(sdxl.FULL, "vae", META, torch.float32))
    assert memory_plan.batch_limit(free - VAE_GIB, profile, decode_gib) == batch_in_float32


def test_a_vae_that_would_overflow_is_planned_with_in_float32() -> None:
    pipeline = embedded_pipeline()
    pipeline.vae.half()
    gpu = GPUManager("cpu", PROFILES)
    model = make_ready(pipeline, embedded_settings(), gpu, "a test's")
    assert model.decoder.vae.dtype == torch.float32
    assert gpu.decode_gib == 2 * memory_plan.VAE_DECODE_GIB


FIRST_STEPS = [("get_time_embed", "unet"), ("decode", "vae")]


@pytest.mark.parametrize(("method", "part"), FIRST_STEPS)
def test_a_model_that_cannot_compute_is_found_when_it_is_loaded(
    method: str, part: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise each job would fail."""
    pipeline = embedded_pipeline()
    model = make_ready(pipeline, embedded_settings(), GPUManager("cpu", PROFILES), "a test's")
    monkeypatch.setattr(getattr(pipeline, part), method, failing(NotImplementedError("no such kernel")))
    with pytest.raises(NotImplementedError, match="no such kernel"):
        take_first_steps(model, uses_cache=False)


@pytest.mark.parametrize(("method", "part"), FIRST_STEPS)
def test_a_model_whose_own_size_does_not_fit_may_draw_smaller_pictures(
    method: str, part: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    pipeline = embedded_pipeline()
    model = make_ready(pipeline, embedded_settings(), GPUManager("cpu", PROFILES), "a test's")
    monkeypatch.setattr(getattr(pipeline, part), method, failing(torch.OutOfMemoryError("injected")))
    take_first_steps(model, uses_cache=False)
    assert "a picture of 256 x 256 pixels does not fit into memory: injected" in caplog.text


def test_weights_are_counted() -> None:
    linear = torch.nn.Linear(1024, 1024, bias=False).half()
    other = torch.nn.Sequential(linear, torch.nn.Linear(1024, 1024, bias=False).half())
    assert memory_plan.weights_gib([linear, other]) == pytest.approx(2 * 2 * 1024**2 / 1024**3), (
        "shared weights count once"
    )


def test_a_pipeline_on_a_cpu_says_what_was_switched() -> None:
    applied = GPUManager("cpu", PROFILES).optimize_pipeline(embedded_pipeline())
    assert applied.texts() == {
        "profile": "cpu",
        "device": "cpu",
        "dtype": "float32",
        "cpu_offload": "no: no GPU",
        "attention": "sdpa",
        "channels_last": "no: a CPU in float32",
    }


def test_a_cpu_says_that_it_is_one() -> None:
    status = GPUManager("cpu", PROFILES).get_gpu_status()
    assert (status.available, status.name, status.profile) == (False, "CPU", "cpu")
    assert status.total_memory_gib
    assert status.used_memory_gib
    assert status.temperature_c is None


def test_the_memory_monitor_logs_also_when_the_block_fails(caplog: pytest.LogCaptureFixture) -> None:
    manager = GPUManager("cpu", PROFILES)
    with caplog.at_level(logging.INFO, "ai_models"), pytest.raises(RuntimeError), manager.memory_monitor("loading x"):
        raise RuntimeError
    assert re.search(r"loading x: \d+\.\d\d s, memory \d", caplog.text)


def test_a_missing_gpu_is_said() -> None:
    with pytest.raises(RuntimeError, match="no usable CUDA GPU"):
        GPUManager("cuda:0", PROFILES)


@pytest.mark.slow
def test_each_process_claims_a_gpu_of_its_own(tmp_path: Path) -> None:
    """A claim lasts exactly as long as its process."""
    claim = f"""
import sys
from pathlib import Path
from worker.gpu_claim import claim_gpu
print(claim_gpu(Path({str(tmp_path)!r}), ['a', 'b']), flush=True)
sys.stdin.read()
"""
    other = subprocess.Popen([sys.executable, "-c", claim], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert other.stdout is not None
    assert other.stdout.readline() == "0\n"
    assert claim_gpu(tmp_path, ["a", "b"]) == 1
    with pytest.raises(RuntimeError, match="all 2 GPUs are in use"):
        claim_gpu(tmp_path, ["a", "b"])
    with pytest.raises(RuntimeError, match="all 1 GPUs are in use"):
        claim_gpu(tmp_path, ["b"])  # CUDA_VISIBLE_DEVICES=1: the same card under another index
    other.communicate()
    assert claim_gpu(tmp_path, ["a", "b"]) == 0


@pytest.fixture
def two_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with two cards, as far as torch reports."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "set_device", lambda _: None)
    monkeypatch.setattr(
        torch.cuda,
        "get_device_properties",
        lambda device: SimpleNamespace(total_memory=24 * GIB, uuid=f"card {getattr(device, 'index', device)}"),
    )


@pytest.mark.usefixtures("two_gpus")
def test_a_folder_of_locks_is_relative_to_the_project_and_need_not_exist(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locations, "HOME", tmp_path)
    settings = load_settings({"WRITING_WORKER__GPU_LOCKS": "var/locks"})
    devices = [str(find_device(settings).device) for _ in range(2)]
    assert devices == ["cuda:0", "cuda:1"]
    assert len(list((tmp_path / "var/locks").iterdir())) == 2
    with pytest.raises(SettingsError, match="all 2 GPUs are in use"):
        find_device(settings)


@pytest.mark.usefixtures("two_gpus")
def test_a_folder_of_locks_that_cannot_be_used_is_a_wrong_setting(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for folder in ("file", "file/locks"):
        with pytest.raises(SettingsError, match=f"worker.gpu_locks: .*{tmp_path / 'file'}"):
            find_device(load_settings({"WRITING_WORKER__GPU_LOCKS": str(tmp_path / folder)}))
