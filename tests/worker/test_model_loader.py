"""Loading real checkpoints from folders: complete, damaged or foreign."""

import asyncio
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from shared.errors import ModelLoadError
from shared.settings import load_settings
from worker.model_loader import ModelLoader

EMBEDDED = "worker/data/embedded_model"
CPU = torch.device("cpu")


@pytest.fixture
def copy(tmp_path: Path, project: Path) -> Path:
    """A checkpoint that the test may damage."""
    return Path(shutil.copytree(project / EMBEDDED, tmp_path / "model"))


def test_the_embedded_folder_loads_in_the_asked_dtype() -> None:
    """All parts of an fp16 folder load as fp32; without an explicit dtype they would differ."""
    pipeline = asyncio.run(ModelLoader("auto", CPU).load_stable_diffusion_xl(EMBEDDED))
    for part in (pipeline.unet, pipeline.controlnet, pipeline.vae, pipeline.text_encoder, pipeline.text_encoder_2):
        assert part.dtype is torch.float32


def test_base_controlnet_and_vae_may_lie_apart(copy: Path, tmp_path: Path) -> None:
    """As on the hub: SDXL's folder has no ControlNet, and another VAE replaces its own."""
    shutil.move(copy / "controlnet", tmp_path / "union")
    shutil.move(copy / "vae", tmp_path / "other-vae")
    loader = ModelLoader("float32", CPU)

    async def load():  # type: ignore[no-untyped-def]
        nets = await loader.load_controlnet_models({"union": str(tmp_path / "union")})
        return await loader.load_stable_diffusion_xl(
            str(copy), controlnet=nets["union"], vae=str(tmp_path / "other-vae")
        )

    pipeline = asyncio.run(load())
    assert pipeline.controlnet.config.num_control_type == 6
    assert pipeline.vae.config.latent_channels == 8


def test_a_half_copied_file_is_named(copy: Path) -> None:
    weights = copy / "unet" / "diffusion_pytorch_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:5000])
    with pytest.raises(ModelLoadError, match=r"unet/diffusion_pytorch_model\.safetensors is damaged or incomplete"):
        asyncio.run(ModelLoader("float32", CPU).load_stable_diffusion_xl(str(copy)))


def test_a_missing_part_is_named(copy: Path) -> None:
    shutil.rmtree(copy / "text_encoder_2")
    with pytest.raises(ModelLoadError, match="text_encoder_2"):
        asyncio.run(ModelLoader("float32", CPU).load_stable_diffusion_xl(str(copy)))


def test_a_foreign_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("nothing")
    with pytest.raises(ModelLoadError, match=r"no \*\.safetensors"):
        asyncio.run(ModelLoader("float32", CPU).load_stable_diffusion_xl(str(tmp_path)))


def test_pickled_weights_are_not_read(copy: Path) -> None:
    """A checkpoint with .bin files could run code."""
    for weights in copy.rglob("*.safetensors"):
        weights.rename(weights.with_suffix(".bin"))
    with pytest.raises(ModelLoadError, match="safetensors"):
        asyncio.run(ModelLoader("float32", CPU).load_stable_diffusion_xl(str(copy)))


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelLoadError, match="there is no folder"):
        asyncio.run(ModelLoader("float32", CPU).load_stable_diffusion_xl(str(tmp_path / "nope")))


def test_the_default_settings_name_the_designs_models() -> None:
    sdxl = load_settings({"WRITING_MODEL": "sdxl"}).active_model
    assert sdxl.base == "stabilityai/stable-diffusion-xl-base-1.0"
    assert sdxl.controlnet == "xinsir/controlnet-union-sdxl-1.0"
    assert sdxl.vae == "madebyollin/sdxl-vae-fp16-fix"


# In a separate process, because the hub's library reads its cache's location only once.
LOAD_FROM_HUB = """
import asyncio, sys, torch
from worker.model_loader import ModelLoader
pipeline = asyncio.run(ModelLoader("bfloat16", torch.device("cpu")).load_stable_diffusion_xl("ours/tiny"))
print(pipeline.unet.dtype)
"""


@pytest.mark.parametrize("in_fp16", ["nothing", "unet/*", "*/*"])
def test_a_hub_model_loads_with_fp16_files_or_without(tmp_path: Path, project: Path, in_fp16: str) -> None:
    """SDXL's own repository has them; many derived checkpoints lack them for some or all parts."""
    cached = tmp_path / "hub/models--ours--tiny"
    snapshot = cached / "snapshots" / ("a" * 40)
    shutil.copytree(project / EMBEDDED, snapshot)
    for weights in [*snapshot.glob(f"{in_fp16}.safetensors")]:
        weights.rename(weights.with_suffix(".fp16.safetensors"))
    (cached / "refs").mkdir()
    (cached / "refs/main").write_text("a" * 40)
    environment = {**os.environ, "HF_HOME": str(tmp_path), "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(
        [sys.executable, "-c", LOAD_FROM_HUB], env=environment, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "torch.bfloat16\n"), done.stderr
