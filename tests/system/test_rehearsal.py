"""The rehearsal of a full-size model, with tiny networks but the same files, service and comparison."""

import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from bench import rehearsal


@pytest.mark.slow
@pytest.mark.parametrize("dtype", rehearsal.VARIANTS)
def test_a_rehearsal_draws_what_stock_diffusers_draws_and_leaves_nothing_behind(project: Path, dtype: str) -> None:
    """It exits with an error if the pictures differ by more than rounding."""
    done = subprocess.run(
        [sys.executable, "-m", "bench.rehearsal", "--small", "--dtype", dtype],
        cwd=project,
        env={**os.environ, "OMP_WAIT_POLICY": "PASSIVE"},
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "one picture against stock, PSNR, dB" in done.stdout
    assert f" {rehearsal.STEPS} steps, {dtype}." in done.stdout
    assert not rehearsal.FOLDER.exists()


def test_a_machine_that_is_too_small_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    whole_gib = psutil.virtual_memory().total / 1024**3
    monkeypatch.setattr(rehearsal, "NEEDED_MEMORY_GIB", whole_gib + 1)
    with pytest.raises(rehearsal.RehearsalFailed, match=r"GiB of memory are needed, \d+\.\d are free"):
        rehearsal.check_room()


def test_the_files_are_removed_whatever_happens(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(rehearsal, "FOLDER", tmp_path / "rehearsal")
    files: list[Path] = []

    def interrupted() -> None:
        with rehearsal.weights(rehearsal.SMALL, "bfloat16") as folders:
            files.extend(folders["base"].glob("unet/*.fp16.safetensors"))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert len(files) == 1
    assert not (tmp_path / "rehearsal").exists()


@pytest.mark.parametrize(
    ("has_units", "free_gib", "dtype"), [(True, 99, "bfloat16"), (False, 99, "float32"), (False, 15, "bfloat16")]
)
def test_the_type_is_the_fastest_that_there_is_room_for(
    monkeypatch: pytest.MonkeyPatch, has_units: bool, free_gib: int, dtype: str
) -> None:
    memory = psutil.virtual_memory()._replace(available=free_gib * 1024**3)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: memory)
    monkeypatch.setattr(rehearsal, "has_bfloat16_units", lambda: has_units)
    assert rehearsal.choose_dtype() == dtype
