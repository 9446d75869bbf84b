"""A model's folder: complete, partly copied, or foreign."""

import json
import os
import shutil
from pathlib import Path

import pytest

from shared.locations import PROJECT
from shared.model_folder import folder_faults, local_folder

EMBEDDED = PROJECT / "worker/data/embedded_model"


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A copy of the repository's model."""
    return Path(shutil.copytree(EMBEDDED, tmp_path / "model"))


def test_the_model_in_the_repository_is_whole_and_so_are_its_parts() -> None:
    assert folder_faults(EMBEDDED) == []
    assert folder_faults(EMBEDDED / "controlnet") == []


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    assert folder_faults(tmp_path / "none") == [f"there is no folder {tmp_path / 'none'}"]


def test_a_half_copied_weight_file_is_named(model: Path) -> None:
    path = model / "unet/diffusion_pytorch_model.safetensors"
    os.truncate(path, 1_000_000)
    (fault,) = folder_faults(model)
    assert fault.startswith(f"{path} is damaged or incomplete: it has 1000000 of ")


@pytest.mark.parametrize("content", [b"", b"1234567", b"<html>not a model</html>", b"\x02\0\0\0\0\0\0\0[]"])
def test_what_is_no_weight_file_is_named(model: Path, content: bytes) -> None:
    path = model / "vae/diffusion_pytorch_model.safetensors"
    path.write_bytes(content)
    (fault,) = folder_faults(model)
    assert fault.startswith(str(path))


def test_a_missing_part_is_named_unless_it_comes_from_elsewhere(model: Path) -> None:
    shutil.rmtree(model / "vae")
    assert folder_faults(model) == [f"{model / 'vae'}/ is missing, although model_index.json lists it"]
    assert folder_faults(model, replaced=["vae"]) == []


def test_missing_weights_are_named(model: Path) -> None:
    (model / "text_encoder/model.safetensors").unlink()
    (fault,) = folder_faults(model)
    assert fault.startswith(f"{model / 'text_encoder'}/ has a config.json but no")


@pytest.mark.parametrize(
    ("file", "fault"),
    [
        ("tokenizer/tokenizer.json", "contains no vocabulary"),
        ("tokenizer_2/tokenizer.json", "contains no vocabulary"),
        ("tokenizer/tokenizer_config.json", "contains no *config.json"),
        ("scheduler/scheduler_config.json", "contains no *config.json"),
        ("vae/config.json", "contains no *config.json"),
    ],
)
def test_a_part_that_lacks_a_file_besides_weights_is_named(model: Path, file: str, fault: str) -> None:
    """Without its vocabulary a tokenizer would be loaded all the same, and pictures would ignore their prompts."""
    (model / file).unlink()
    (found,) = folder_faults(model)
    assert found.startswith(f"{(model / file).parent}/ {fault}")


def test_a_vocabulary_may_be_in_two_files(model: Path) -> None:
    """As in SDXL's repository."""
    folder = model / "tokenizer"
    (folder / "tokenizer.json").unlink()
    for name in ("vocab.json", "merges.txt"):
        assert len(folder_faults(model)) == 1
        (folder / name).write_text("{}")
    assert folder_faults(model) == []


def test_a_missing_shard_is_named(model: Path) -> None:
    index = {"weight_map": {"a": "model.safetensors", "b": "model-00002-of-00002.safetensors"}}
    (model / "text_encoder/model.safetensors.index.json").write_text(json.dumps(index))
    (fault,) = folder_faults(model)
    assert "model-00002-of-00002.safetensors is missing" in fault


def test_shards_of_a_precision_that_was_not_fetched_are_not_missed(model: Path) -> None:
    index = {"weight_map": {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}}
    (model / "text_encoder/model.safetensors.index.json").write_text(json.dumps(index))
    assert folder_faults(model) == []


@pytest.mark.parametrize("file", ["model_index.json", "unet/config.json"])
def test_a_broken_configuration_is_named(model: Path, file: str) -> None:
    (model / file).write_text('{"half":')
    (fault,) = folder_faults(model)
    assert fault.startswith(str(model / file))


def test_everything_that_is_wrong_is_named(model: Path) -> None:
    shutil.rmtree(model / "tokenizer")
    (model / "vae/diffusion_pytorch_model.safetensors").unlink()
    assert len(folder_faults(model)) == 2


def test_what_the_index_does_not_list_may_be_anything(model: Path) -> None:
    """SDXL's repository also contains an older VAE, and parts in ONNX format."""
    (model / "vae_decoder").mkdir()
    (model / "vae_decoder/config.json").write_text("{}")
    (model / "vae_decoder/model.onnx").write_bytes(b"0")
    assert folder_faults(model) == []


def test_a_foreign_folder_has_no_weights(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("nothing")
    (fault,) = folder_faults(tmp_path)
    assert "contains no *.safetensors file" in fault


@pytest.mark.parametrize(
    ("name", "folder"),
    [
        ("stabilityai/stable-diffusion-xl-base-1.0", None),
        ("worker/data", PROJECT / "worker/data"),
        ("worker/data/none", PROJECT / "worker/data/none"),
        ("./models/mine", PROJECT / "models/mine"),
        ("/models/mine", Path("/models/mine")),
    ],
)
def test_a_name_is_a_hubs_or_a_folder(name: str, folder: Path | None) -> None:
    assert local_folder(name) == folder
