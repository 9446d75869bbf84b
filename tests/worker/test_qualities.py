"""The faster tiers: low-precision arithmetic, few-step weights, compiled networks."""

import copy
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig
from peft.utils import get_peft_model_state_dict
from PIL import Image
from safetensors.torch import save_file
from torch import nn

from shared.errors import ModelLoadError
from shared.schemas import ControlType, Quality
from shared.settings import Settings, TurboSettings
from tests.models import embedded_pipeline, embedded_settings, engine_model
from worker.conditioning import make_conditionings
from worker.engine.float8 import Float8Linear, float8_bytes, to_float8, try_out
from worker.engine.request import DrawRequest
from worker.glyphs import GlyphRenderer
from worker.gpu_manager import GPUManager
from worker.load_lock import LOAD_LOCK
from worker.model_assembly import choose_batch_limit, make_networks, with_lora


@pytest.fixture(scope="module")
def pipeline() -> Any:
    return embedded_pipeline()


@pytest.fixture(scope="module")
def gpu() -> GPUManager:
    return GPUManager("cpu", embedded_settings().gpu_profiles)


@pytest.fixture(scope="module")
def maps(glyphs: GlyphRenderer) -> dict[ControlType, Image.Image]:
    glyph = glyphs.render("火", 128, 128)
    return {kind.control_type: kind.generate(glyph) for kind in make_conditionings(embedded_settings().conditioning)}


def with_model(**changes: Any) -> Settings:
    settings = embedded_settings()
    model = settings.active_model.model_copy(update=changes)
    return settings.model_copy(update={"models": {**settings.models, "embedded": model}})


def test_eight_bits_are_close_to_the_layer_they_replace() -> None:
    torch.manual_seed(0)
    linear = nn.Linear(64, 128)
    x = torch.randn(3, 10, 64)
    with torch.inference_mode():
        ours, exact = Float8Linear(linear)(x), linear(x)
    assert ours.shape == exact.shape
    assert float((ours - exact).norm() / exact.norm()) < 0.06, "three bits of mantissa"


def test_reproducible_pictures_take_their_steps_alone(gpu: GPUManager) -> None:
    settings = embedded_settings()
    assert choose_batch_limit(settings, gpu) == gpu.batch_limit == 2
    worker = settings.worker.model_copy(update={"reproducible": True, "batch_limit": 4})
    assert choose_batch_limit(settings.model_copy(update={"worker": worker}), gpu) == 1


def test_a_device_is_asked_for_a_product_before_it_gets_8_bit_layers(monkeypatch: pytest.MonkeyPatch) -> None:
    try_out(torch.device("cpu"))
    monkeypatch.setattr(torch, "_scaled_mm", lambda *_, **__: torch.zeros(32, 128, dtype=torch.bfloat16))
    with pytest.raises(RuntimeError, match="off by 99%"):
        try_out(torch.device("cpu"))


@pytest.mark.parametrize(
    ("card", "error", "answer"),
    [
        ({"is_gpu": False}, None, "no: no GPU"),
        ({"is_compiled": False}, None, "no: it is faster only if the networks are compiled"),
        ({"free_gib": 3.0}, None, "no: 0.0 GiB of additional weights would leave too little of the 3.0 GiB free"),
        ({}, "Row-wise scaling is not supported", "no: RuntimeError: Row-wise scaling is not supported"),
        ({}, None, "yes"),
    ],
)
def test_8_bit_layers_are_used_where_they_help_fit_and_work(
    pipeline: Any, monkeypatch: pytest.MonkeyPatch, card: dict[str, Any], error: str | None, answer: str
) -> None:
    """Only the card is simulated: its product is computed here, or raises as on some cards."""
    settings = with_model(qualities=(Quality.EXACT, Quality.FAST))
    manager = GPUManager("cpu", settings.gpu_profiles)
    manager.profile = settings.gpu_profiles["large"]
    card = {"is_gpu": True, "is_compiled": True, "free_gib": 40.0, **card}
    for name in ("is_gpu", "free_gib"):
        monkeypatch.setattr(GPUManager, name, property(lambda _self, value=card[name]: value))
    if error is not None:
        monkeypatch.setattr(torch, "_scaled_mm", raising(RuntimeError(error)))
    networks, float8 = make_networks(pipeline, settings, manager, is_compiled=card["is_compiled"])
    assert str(float8) == answer
    assert (networks[Quality.FAST] is not networks[Quality.EXACT]) == (answer == "yes")


def raising(error: Exception) -> Any:
    def fail(*_arguments: Any, **_options: Any) -> Any:
        raise error

    return fail


def test_the_memory_of_8_bit_layers_is_known_beforehand(pipeline: Any) -> None:
    twin = to_float8(pipeline.unet)
    narrow = [module.weight for module in twin.modules() if isinstance(module, Float8Linear)]
    assert float8_bytes(pipeline.unet) == sum(weight.numel() * weight.element_size() for weight in narrow)


def test_a_narrowed_network_leaves_the_original_as_it_was(pipeline: Any) -> None:
    before = {name: parameter.clone() for name, parameter in pipeline.unet.named_parameters()}
    twin = to_float8(pipeline.unet)
    narrow = [name for name, module in twin.named_modules() if isinstance(module, Float8Linear)]
    assert narrow
    assert all("transformer_blocks" in name for name in narrow)
    assert not any(isinstance(module, Float8Linear) for module in pipeline.unet.modules())
    assert all(torch.equal(before[name], parameter) for name, parameter in pipeline.unet.named_parameters())
    assert twin.conv_in.weight is pipeline.unet.conv_in.weight, "weights that are not converted are shared"


def test_a_cpu_computes_fast_pictures_with_the_same_networks(pipeline: Any, gpu: GPUManager) -> None:
    settings = with_model(qualities=(Quality.EXACT, Quality.FAST))
    networks, float8 = make_networks(pipeline, settings, gpu, is_compiled=False)
    assert networks[Quality.FAST] is networks[Quality.EXACT]
    assert str(float8) == "no: no GPU"


def test_without_guidance_in_the_later_steps_the_picture_differs_a_little(
    pipeline: Any, maps: dict[ControlType, Image.Image]
) -> None:
    model = engine_model(pipeline)
    denoiser = model.networks[Quality.FAST].denoiser
    pictures = []
    for guidance_end in (1.0, 0.5, 0.0):
        request = DrawRequest(
            prompt="A neon sign of fire",
            control_images=maps,
            num_inference_steps=4,
            guidance_scale=3.0,
            guidance_end=guidance_end,
        )
        row = model.row(request)
        while not row.is_done:
            denoiser.step([row])
        pictures.append(row.latents)
    exact, fast, unguided = pictures
    assert 0 < (fast - exact).norm() < (unguided - exact).norm()


def save_lora(pipeline: Any, folder: Path, strength: float) -> TurboSettings:
    """Write a LoRA of the UNet's attention layers in the hub's format."""
    torch.manual_seed(1)
    unet = copy.deepcopy(pipeline.unet)
    unet.add_adapter(LoraConfig(r=2, lora_alpha=2, target_modules=["to_q", "to_k", "to_v"]))
    with torch.no_grad():
        for name, parameter in unet.named_parameters():
            if "lora_B" in name:
                parameter.add_(torch.randn_like(parameter) * strength)
    type(pipeline).save_lora_weights(
        folder, unet_lora_layers=get_peft_model_state_dict(unet), weight_name="few-steps.safetensors"
    )
    return TurboSettings(
        lora=str(folder),
        weight_name="few-steps.safetensors",
        num_inference_steps=2,
        guidance_scale=1.0,
        timestep_spacing="trailing",
    )


def test_turbo_draws_with_a_loras_weights_merged_in(pipeline: Any, gpu: GPUManager, tmp_path: Path) -> None:
    turbo = save_lora(pipeline, tmp_path, 0.5)
    merged = with_lora(pipeline, turbo)
    own = dict(pipeline.unet.named_parameters())
    changed = {name for name, parameter in merged.named_parameters() if not torch.equal(parameter, own[name])}
    assert changed
    assert all(any(part in name for part in ("to_q", "to_k", "to_v")) for name in changed)
    networks, _ = make_networks(pipeline, with_model(qualities=tuple(Quality), turbo=turbo), gpu, is_compiled=False)
    assert networks[Quality.TURBO].denoiser.unet is not networks[Quality.EXACT].denoiser.unet
    assert networks[Quality.TURBO].scheduler_options == {"timestep_spacing": "trailing"}


def test_a_lora_waits_for_a_model_that_is_loading(pipeline: Any, tmp_path: Path) -> None:
    """While a model loads, torch and transformers are changed for the whole process."""
    turbo = save_lora(pipeline, tmp_path, 0.5)
    with ThreadPoolExecutor(1) as pool:
        with LOAD_LOCK:
            merged = pool.submit(with_lora, pipeline, turbo)
            with pytest.raises(TimeoutError):
                merged.result(timeout=2)
        assert merged.result(timeout=60) is not None


@pytest.mark.parametrize(
    "layer",
    [
        "text_encoder.text_model.encoder.layers.0.self_attn.q_proj",
        pytest.param("transformer.proj_in", marks=pytest.mark.slow),
    ],
)
def test_a_lora_of_something_else_is_refused(pipeline: Any, tmp_path: Path, layer: str) -> None:
    """Of a text encoder alone, or of another architecture: turbo would draw as the plain model does."""
    turbo = save_lora(pipeline, tmp_path, 0.5)
    width = pipeline.text_encoder.config.hidden_size
    weights = {f"{layer}.lora_A.weight": torch.ones(2, width), f"{layer}.lora_B.weight": torch.ones(width, 2)}
    save_file(weights, tmp_path / "few-steps.safetensors")
    with pytest.raises(ModelLoadError, match=r"few-steps\.safetensors from .* has no weights for the UNet"):
        with_lora(pipeline, turbo)


def test_turbo_weights_that_cannot_be_loaded_are_named(pipeline: Any, gpu: GPUManager, tmp_path: Path) -> None:
    turbo = save_lora(pipeline, tmp_path, 0.5)
    (tmp_path / "few-steps.safetensors").write_bytes(b"half a file")
    with pytest.raises(ModelLoadError, match=r"few-steps\.safetensors"):
        make_networks(pipeline, with_model(qualities=tuple(Quality), turbo=turbo), gpu, is_compiled=False)
    with pytest.raises(ModelLoadError, match="turbo settings are null"):
        make_networks(pipeline, with_model(qualities=tuple(Quality), turbo=None), gpu, is_compiled=False)
