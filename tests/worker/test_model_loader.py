"""Loading real checkpoints from folders: complete, damaged or foreign."""

import asyncio
import inspect
import shutil
from pathlib import Path

import pytest
import torch
from diffusers import AutoencoderKL, ControlNetModel, ControlNetUnionModel, UNet2DConditionModel
from safetensors.torch import load_file, save_file

from shared.errors import ModelLoadError
from shared.settings import load_settings
from worker.model_loader import ModelLoader

EMBEDDED = "worker/data/embedded_model"
CPU = torch.device("cpu")


@pytest.fixture
def copy(tmp_path: Path, project: Path) -> Path:
    """A checkpoint that the test may damage."""
    return Path(shutil.copytree(project / EMBEDDED, tmp_path / "model"))


@pytest.mark.parametrize("dtype", [pytest.param("float32", marks=pytest.mark.slow), "bfloat16"])
def test_the_embedded_folder_loads_in_the_asked_dtype(dtype: str) -> None:
    """All parts of an fp16 folder have it; without an explicit dtype they would differ."""
    pipeline = asyncio.run(ModelLoader(dtype, CPU).load_stable_diffusion_xl(EMBEDDED))
    for part in (pipeline.unet, pipeline.controlnet, pipeline.vae, pipeline.text_encoder, pipeline.text_encoder_2):
        assert part.dtype is getattr(torch, dtype)


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
    assert pipeline.vae.config.latent_channels == 16


def put_in_fp16(folder: Path, files: str) -> None:
    """Rename weight files as those of the variant fp16. The embedded model's are in 16 bits anyway."""
    for weights in [*folder.glob(f"{files}.safetensors")]:
        weights.rename(weights.with_suffix(".fp16.safetensors"))


@pytest.mark.parametrize(
    ("files", "dtype"),
    [
        ("*/*", "float16"),
        ("unet/*", "float32"),
        *(
            pytest.param(files, dtype, marks=pytest.mark.slow)
            for files, dtype in (
                ("*/*", "float32"),
                ("unet/*", "float16"),
                ("text_encoder*/*", "float32"),
                ("text_encoder*/*", "float16"),
            )
        ),
    ],
)
def test_a_folder_loads_in_any_dtype_where_parts_have_only_fp16_files(copy: Path, files: str, dtype: str) -> None:
    put_in_fp16(copy, files)
    pipeline = asyncio.run(ModelLoader(dtype, CPU).load_stable_diffusion_xl(str(copy)))
    for part in (pipeline.unet, pipeline.controlnet, pipeline.vae, pipeline.text_encoder, pipeline.text_encoder_2):
        assert part.dtype is getattr(torch, dtype)


@pytest.mark.parametrize("dtype", [pytest.param("float32", marks=pytest.mark.slow), "float16"])
def test_a_controlnet_and_a_vae_load_in_any_dtype_from_fp16_files(copy: Path, dtype: str) -> None:
    put_in_fp16(copy, "*/*")
    loader = ModelLoader(dtype, CPU)
    union = asyncio.run(loader.load_controlnet_models({"union": str(copy / "controlnet")}))["union"]
    pipeline = asyncio.run(loader.load_stable_diffusion_xl(EMBEDDED, controlnet=union, vae=str(copy / "vae")))
    assert pipeline.controlnet.dtype is pipeline.vae.dtype is pipeline.unet.dtype is getattr(torch, dtype)


def test_a_file_of_another_program_is_not_taken_for_fp16_files(copy: Path) -> None:
    shutil.copy(copy / "vae" / "diffusion_pytorch_model.safetensors", copy / "vae" / "sdxl_vae.fp16.safetensors")
    loader = ModelLoader("float16", CPU)
    pipeline = asyncio.run(loader.load_stable_diffusion_xl(EMBEDDED, vae=str(copy / "vae")))
    assert pipeline.vae.dtype is torch.float16


def test_fp16_files_in_shards_are_loaded(copy: Path) -> None:
    put_in_fp16(copy, "*/*")
    unet = UNet2DConditionModel.from_pretrained(copy / "unet", variant="fp16")
    shutil.rmtree(copy / "unet")
    unet.save_pretrained(copy / "unet", variant="fp16", max_shard_size="4MB")
    assert len([*(copy / "unet").glob("*.fp16-0000?-of-*.safetensors")]) > 1
    loaded = asyncio.run(ModelLoader("float16", CPU).load_stable_diffusion_xl(str(copy))).unet
    assert torch.equal(loaded.conv_out.bias, unet.conv_out.bias.half())


@pytest.mark.parametrize(("dtype", "bias"), [("float32", 0.0), ("float16", 1.0)])
def test_of_both_precisions_the_one_to_compute_in_is_loaded(copy: Path, dtype: str, bias: float) -> None:
    full = copy / "vae" / "diffusion_pytorch_model.safetensors"
    tensors = load_file(full)
    for path, value in ((full, 0.0), (full.with_suffix(".fp16.safetensors"), 1.0)):
        save_file({**tensors, "decoder.conv_out.bias": torch.full((3,), value)}, path)
    pipeline = asyncio.run(ModelLoader(dtype, CPU).load_stable_diffusion_xl(str(copy)))
    assert pipeline.vae.decoder.conv_out.bias.tolist() == [bias] * 3


def test_an_ordinary_controlnet_is_not_taken_for_a_union(copy: Path, tmp_path: Path) -> None:
    """It has the layout of one, without the weights that fuse several controls."""
    union = ControlNetUnionModel.load_config(copy / "controlnet")
    accepted = inspect.signature(ControlNetModel).parameters
    ControlNetModel(**{key: value for key, value in union.items() if key in accepted}).save_pretrained(tmp_path / "one")
    with pytest.raises(ModelLoadError, match=r"cannot load ControlNetUnionModel .*/one: its files lack .*, …$"):
        asyncio.run(ModelLoader("float32", CPU).load_controlnet_models({"union": str(tmp_path / "one")}))


@pytest.mark.parametrize(
    ("file", "weight"),
    [
        ("unet/diffusion_pytorch_model.safetensors", "conv_out.bias"),
        pytest.param("vae/diffusion_pytorch_model.safetensors", "decoder.conv_out.bias", marks=pytest.mark.slow),
        ("text_encoder/model.safetensors", "final_layer_norm.weight"),
        ("text_encoder_2/model.safetensors", "text_projection.weight"),
    ],
)
def test_a_part_that_lacks_weights_is_named(copy: Path, file: str, weight: str) -> None:
    """As where the folder has a configuration of another model. transformers would fill them at random."""
    tensors = load_file(copy / file)
    del tensors[weight]
    save_file(tensors, copy / file)
    with pytest.raises(ModelLoadError, match=rf"its files lack {Path(file).parent}\.(\w+\.)*{Path(weight).name}$"):
        asyncio.run(ModelLoader("float32", CPU).load_stable_diffusion_xl(str(copy)))


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


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the hub's library keeps what it has fetched. The hub itself is out of reach."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    return tmp_path / "hub"


def cache_from_hub(hub: Path, name: str, model: Path, in_fp16: str) -> None:
    """Put a model, some of whose files are in fp16, where the hub's library would."""
    cached = hub / f"models--{name.replace('/', '--')}"
    snapshot = cached / "snapshots" / ("a" * 40)
    shutil.copytree(model, snapshot)
    put_in_fp16(snapshot, in_fp16)
    (cached / "refs").mkdir()
    (cached / "refs/main").write_text("a" * 40)


# diffusers still passes it to the hub's library.
ignores_symlinks = pytest.mark.filterwarnings("ignore:.*local_dir_use_symlinks:UserWarning")


@ignores_symlinks
@pytest.mark.parametrize(
    "in_fp16",
    ["nothing", "unet/*", *(pytest.param(files, marks=pytest.mark.slow) for files in ("*/*", "text_encoder*/*"))],
)
def test_a_hub_model_loads_with_fp16_files_or_without(hub: Path, project: Path, in_fp16: str) -> None:
    """SDXL's own repository has them; many derived checkpoints lack them for some or all parts."""
    cache_from_hub(hub, "ours/tiny", project / EMBEDDED, in_fp16)
    pipeline = asyncio.run(ModelLoader("bfloat16", CPU).load_stable_diffusion_xl("ours/tiny"))
    assert pipeline.unet.dtype is torch.bfloat16


@ignores_symlinks
def test_a_controlnet_and_a_vae_of_the_hub_may_have_fp16_files_only(hub: Path, project: Path) -> None:
    for part in ("controlnet", "vae"):
        cache_from_hub(hub, f"ours/{part}", project / EMBEDDED / part, "*")
    loader = ModelLoader("bfloat16", CPU)
    union = asyncio.run(loader.load_controlnet_models({"union": "ours/controlnet"}))["union"]
    pipeline = asyncio.run(loader.load_stable_diffusion_xl(EMBEDDED, controlnet=union, vae="ours/vae"))
    assert pipeline.controlnet.dtype is pipeline.vae.dtype is torch.bfloat16


def test_a_hub_model_that_cannot_be_read_is_not_loaded_again_without_fp16_files() -> None:
    """Its name may contain "fp16", as that of SDXL's better VAE."""
    tried: list[str | None] = []

    class Unreadable(AutoencoderKL):
        @classmethod
        def from_pretrained(cls, _source: str, *, variant: str | None, **_options: object) -> None:
            tried.append(variant)
            raise OSError("disk read failed")

    with pytest.raises(ModelLoadError, match="disk read failed"):
        ModelLoader("float16", CPU)._load(Unreadable, "ours/sdxl-vae-fp16-fix")
    assert tried == ["fp16"]
