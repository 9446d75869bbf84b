"""`writing-service samples`: no sample is lost, and the embedded model draws them."""

from pathlib import Path

import pytest

from api import style_samples
from cli.exit_codes import DONE, FAILED
from cli.main import main
from local import samples
from shared.settings import load_settings


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """A folder with a sample of every style, and of a style that was removed, in place of the shipped ones."""
    for module in (samples, style_samples):
        monkeypatch.setattr(module, "SAMPLES", tmp_path)
    files = [style_samples.shipped_sample(name, style) for name, style in load_settings({}).styles.items()]
    for file in [*files, tmp_path / "removed-00000000.jpg"]:
        file.write_bytes(b"old")
    return files


@pytest.mark.slow
def test_where_none_can_be_drawn_the_old_samples_stay(files: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WRITING_FONTS", '["no/such.ttf"]')  # neither the API nor the worker starts
    assert main(["samples", "--all"]) == FAILED
    assert [file.read_bytes() for file in files] == [b"old"] * len(files)


@pytest.mark.slow
def test_the_embedded_model_draws_whatever_model_the_shell_names(
    files: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WRITING_MODEL", "sdxl")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    files[0].unlink()
    assert main(["samples"]) == DONE
    assert files[0].read_bytes().startswith(b"\xff\xd8"), "JPEG"
    assert {file.name for file in files[0].parent.iterdir()} == {file.name for file in files}
