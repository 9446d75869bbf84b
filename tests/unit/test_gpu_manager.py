import logging
import subprocess
import sys
from pathlib import Path

import pytest

from shared.gpu_profiles import choose_profile
from shared.settings import load_settings
from worker.gpu_manager import GPUManager, claim_gpu

PROFILES = load_settings({}).gpu_profiles


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
    """A card reports less than it is sold as; it still belongs to its class."""
    assert choose_profile(reported_gib, PROFILES) == profile


def test_the_profiles_are_the_designs() -> None:
    large, medium, small, cpu = (PROFILES[name] for name in ("large", "medium", "small", "cpu"))
    assert (large.batch_min, large.batch_max, large.torch_compile, large.memory_efficient) == (4, 8, True, False)
    assert (medium.batch_max, medium.attention_slicing, medium.cpu_offload) == (2, True, False)
    assert (small.batch_max, small.attention_slicing, small.cpu_offload) == (1, True, True)
    assert (cpu.batch_min, cpu.batch_max) == (1, 2)


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
    assert "loading x: 0.00 s, memory" in caplog.text


def test_a_missing_gpu_is_said() -> None:
    with pytest.raises(RuntimeError, match="no usable CUDA GPU"):
        GPUManager("cuda:0", PROFILES)


def test_each_process_claims_a_gpu_of_its_own(tmp_path: Path) -> None:
    """Claims last as long as their process, and no longer."""
    claim = f"""
import sys
from pathlib import Path
from worker.gpu_manager import claim_gpu
print(claim_gpu(Path({str(tmp_path)!r}), 2), flush=True)
sys.stdin.read()
"""
    other = subprocess.Popen([sys.executable, "-c", claim], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert other.stdout is not None
    assert other.stdout.readline() == "0\n"
    assert claim_gpu(tmp_path, 2) == 1
    with pytest.raises(RuntimeError, match="all 2 GPUs are taken"):
        claim_gpu(tmp_path, 2)
    other.communicate()
    assert claim_gpu(tmp_path, 2) == 0
