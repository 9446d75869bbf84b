"""``dtype: auto`` on a CPU: bfloat16 if a trial finds it faster, otherwise float32."""

import asyncio
from functools import partial

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from shared.settings import load_settings
from tests.models import CPU
from worker import cpu_dtype
from worker.conditioning import make_conditionings
from worker.cpu_dtype import choose_cpu_dtype
from worker.glyphs import GlyphRenderer
from worker.gpu_manager import GPUManager
from worker.model_assembly import load_model
from worker.model_loader import ModelLoader
from worker.model_setup import is_on
from worker.multi_controlnet_pipeline import MultiControlNetPipeline


@pytest.mark.parametrize(("rounded", "chosen"), [(0.5, torch.bfloat16), (0.9, torch.float32), (20.0, torch.float32)])
def test_bfloat16_has_to_be_clearly_faster(
    rounded: float, chosen: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cpu_dtype, "seconds", {torch.float32: 1.0, torch.bfloat16: rounded}.__getitem__)
    assert choose_cpu_dtype() == (chosen, f"a trial in bfloat16 took {rounded:.2g} times as long as in float32")


def test_the_trial_runs_here() -> None:
    dtype, why = choose_cpu_dtype()
    assert dtype in {torch.float32, torch.bfloat16}
    assert ModelLoader("auto", CPU).dtype in {torch.float32, torch.bfloat16}
    assert why.startswith("a trial in bfloat16 took")


def test_a_dtype_that_is_set_is_taken_without_a_trial(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("worker.model_loader.choose_cpu_dtype", None)
    for name, dtype in (("float32", torch.float32), ("bfloat16", torch.bfloat16)):
        loader = ModelLoader(name, CPU)
        assert (loader.dtype, loader.why) == (dtype, "as configured")


@pytest.mark.slow
def test_the_embedded_model_takes_the_faster_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("worker.model_loader.choose_cpu_dtype", lambda: (torch.bfloat16, "a trial says so"))
    settings = load_settings({"WRITING_DEVICE": "cpu", "WRITING_MODELS__EMBEDDED__DEFAULT_SIZE": "256"})
    model = load_model(settings, GPUManager("cpu", settings.gpu_profiles))
    assert model.setup.dtype == "bfloat16: a trial says so"


@pytest.mark.slow
def test_in_bfloat16_the_picture_is_nearly_the_same(glyphs: GlyphRenderer) -> None:
    pictures: list[NDArray[np.float64]] = []
    for dtype in ("float32", "bfloat16"):
        settings = load_settings({"WRITING_MODELS__EMBEDDED__DTYPE": dtype, "WRITING_DEVICE": "cpu"})
        model = load_model(settings, GPUManager("cpu", settings.gpu_profiles))
        assert model.setup.dtype == f"{dtype}: as configured"
        assert is_on(model.setup.channels_last) == (dtype == "bfloat16")
        glyph = glyphs.render("火", 256, 256)
        maps = {kind.control_type: kind.generate(glyph) for kind in make_conditionings(settings.conditioning)}
        pipeline = MultiControlNetPipeline(partial(lambda ready: ready, model))
        picture = asyncio.run(pipeline.generate("A neon sign of fire", maps, num_inference_steps=3, seed=5))
        pictures.append(np.asarray(picture, np.float64))
    assert np.abs(pictures[0] - pictures[1]).mean() < 8
