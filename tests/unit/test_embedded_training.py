"""The recipe of the embedded model at small scale: data, networks, a few steps, resuming, and an exported folder."""

import asyncio
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from safetensors.torch import load_file
from transformers import CLIPTokenizer

from shared.characters import CharacterDatabase
from shared.settings import load_settings
from training.embedded_model.data import HELD_OUT_EVERY, SampleMaker, Shard, map_to_tensor, save_shard
from training.embedded_model.diffusion import (
    Networks,
    folder_tokenizer,
    load_checkpoint,
    load_networks,
    store_shards,
    train_diffusion,
)
from training.embedded_model.meanings import MEANINGS, NEUTRAL
from training.embedded_model.models import make_controlnet, make_unet, save_pipeline
from training.embedded_model.motifs import MOTIFS
from training.embedded_model.pictures import STYLES, Plane, draw, make_scene
from training.embedded_model.text import train_text
from training.embedded_model.vae import load_vae, train_vae
from worker.conditioning import make_conditionings
from worker.glyphs import GlyphRenderer
from worker.gpu_manager import GPUManager
from worker.legibility import LegibilityJudge
from worker.model_assembly import load_model
from worker.multi_controlnet_pipeline import MultiControlNetPipeline

CPU = torch.device("cpu")


def test_every_style_and_motif_is_there() -> None:
    """The pictures' styles are the service's; every meaning's motif can be drawn."""
    assert set(STYLES) == set(load_settings({}).styles)
    assert {meaning.motif for meaning in (*MEANINGS.values(), NEUTRAL)} == set(MOTIFS)
    for figures in MOTIFS.values():
        assert all(figure.ndim == 2 and np.abs(figure).max() < 1.3 for figure in figures())


def test_the_same_seed_draws_the_same_sample() -> None:
    first, again, other = SampleMaker(1).sample(), SampleMaker(1).sample(), SampleMaker(2).sample()
    assert first.prompt == again.prompt
    assert (first.picture == again.picture).all()
    assert first.picture.shape == (256, 256, 3)
    assert set(first.maps) == {"canny", "depth", "segmentation", "scribble"}
    assert (first.picture != other.picture).any()


def test_held_out_characters_are_never_trained_on() -> None:
    training, held_out = SampleMaker(3), SampleMaker(3, held_out=True)
    assert all(ord(character) % HELD_OUT_EVERY for _ in range(40) for character in training.sample(style="oil").word)
    assert not any(ord(c) % HELD_OUT_EVERY for _ in range(10) for c in held_out.sample(style="oil").word)


@pytest.mark.parametrize("style", STYLES)
def test_the_word_has_the_strongest_contrast(style: str, glyphs: GlyphRenderer) -> None:
    """Motifs change a picture's lightness by less than half of what the word does, with every palette."""
    glyph = glyphs.render("中", 256, 256)
    for name, meaning in MEANINGS.items():
        scene = make_scene(glyph.ink, meaning.palette, meaning.motif, np.random.default_rng(0))
        nothing = np.zeros_like(scene.ink)
        without_word, without_motifs = replace(scene, ink=nothing), replace(scene, motifs=nothing, outlines=nothing)
        empty = replace(without_word, motifs=nothing, outlines=nothing)
        # The same accidents in all three.
        word, motifs, ground = (
            _lightness(draw(style, replace(one, random=np.random.default_rng(1))))
            for one in (without_motifs, without_word, empty)
        )
        ink, figures = scene.ink > 0.9, np.maximum(scene.motifs, scene.outlines) > 0.9
        by_word, by_motifs = np.abs(word - ground)[ink].mean(), np.abs(motifs - ground)[figures].mean()
        assert by_motifs < 0.5 * by_word, (name, by_motifs, by_word)


def _lightness(picture: NDArray[np.uint8]) -> Plane:
    """Return CIE L*, 0 to 100."""
    return cv2.cvtColor(picture.astype(np.float32) / 255, cv2.COLOR_RGB2Lab)[:, :, 0]


def test_the_pictures_can_be_read(glyphs: GlyphRenderer, database: CharacterDatabase) -> None:
    """They are the ceiling of the model's legibility: the judge reads most of them in every style, rare ones too."""
    judge, random = LegibilityJudge(), np.random.default_rng(0)
    meanings = list(MEANINGS.values())
    characters = [c for c in database.characters() if c >= "\u4e00"]
    everything: list[bool] = []
    for style in STYLES:
        found: list[bool] = []
        for number in range(12):
            glyph = glyphs.render(str(random.choice(characters)), 256, 256)
            meaning = meanings[number * 2]
            picture = draw(style, make_scene(glyph.ink, meaning.palette, meaning.motif, random))
            (reading,) = judge.judge(Image.fromarray(picture), glyph).characters
            if reading.score is not None:
                found.append(reading.is_top)
        assert len(found) >= 6
        assert sum(found) >= 0.75 * len(found), style
        everything += found
    assert sum(everything) >= 0.95 * len(everything)


def test_shards_keep_what_they_are_given(tmp_path: Path) -> None:
    samples = [SampleMaker(seed).sample() for seed in range(3)]
    latents = np.random.default_rng(0).normal(size=(3, 8, 32, 32)).astype(np.float16)
    save_shard(tmp_path / "shard-00000.npz", samples, latents)
    shard = Shard(tmp_path / "shard-00000.npz")
    assert len(shard) == 3
    for index, sample in enumerate(samples):
        assert shard.prompt(index) == sample.prompt
        assert (shard.latents(index).numpy() == latents[index].astype(np.float32)).all()
        stored = map_to_tensor(shard.map(index, "segmentation")).numpy().transpose(1, 2, 0) * 255
        assert (np.rint(stored) == sample.maps["segmentation"]).all()


def test_the_tokenizer_knows_the_prompts_words_and_survives_any_text(tmp_path: Path) -> None:
    tokenizer = folder_tokenizer(tmp_path)
    assert tokenizer.tokenize("comic book") == ["comic</w>", "book</w>"]
    assert folder_tokenizer(tmp_path).get_vocab() == tokenizer.get_vocab(), "learned once"
    for text in ("", "学习", "naïve 😀 zzz", "x" * 500):
        ids = tokenizer(text, padding="max_length", max_length=77, truncation=True).input_ids
        assert len(ids) == 77
        assert max(ids) < len(tokenizer)


def test_samples_of_a_batch_do_not_leak_into_one_another() -> None:
    """Trained with this attention, a batch computes what each sample would alone."""
    torch.manual_seed(0)
    controlnet = make_controlnet(make_unet()).eval()
    for parameter in controlnet.parameters():
        if not parameter.abs().sum():
            torch.nn.init.normal_(parameter, std=0.1)  # the zero-initialised outputs
    images = [torch.rand(3, 3, 64, 64) for _ in range(2)]

    def run(rows: slice) -> torch.Tensor:
        torch.manual_seed(1)
        noisy, text, pooled = torch.randn(3, 8, 8, 8), torch.randn(3, 77, 160), torch.randn(3, 96)
        with torch.no_grad():
            _, middle = controlnet(
                noisy[rows],
                500,
                encoder_hidden_states=text[rows],
                controlnet_cond=[image[rows] for image in images],
                control_type=torch.ones(3, 6)[rows],
                control_type_idx=[1, 3],
                conditioning_scale=[0.8, 0.6],
                added_cond_kwargs={"text_embeds": pooled[rows], "time_ids": torch.ones(3, 6)[rows]},
                return_dict=False,
            )
        return middle

    together = run(slice(0, 3))
    for row in range(3):
        assert torch.allclose(together[row : row + 1], run(slice(row, row + 1)), atol=1e-5)


@pytest.mark.slow
def test_the_recipe_runs_resumes_and_exports_what_the_service_loads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, glyphs: GlyphRenderer
) -> None:
    """A few steps of each stage; the result draws noise, but through the service's own loader and pipeline."""
    monkeypatch.setattr("training.embedded_model.diffusion.SHARD_SIZE", 16)
    train_vae(tmp_path, 2, CPU, workers=0)
    train_vae(tmp_path, 3, CPU, workers=0)
    assert torch.load(tmp_path / "vae.pt", weights_only=True)["step"] == 3
    store_shards(tmp_path, load_vae(tmp_path, CPU), 1, CPU)
    train_text(tmp_path, folder_tokenizer(tmp_path), 2)
    train_diffusion(tmp_path, 1, CPU, workers=0)
    train_diffusion(tmp_path, 2, CPU, workers=0)
    assert torch.load(tmp_path / "diffusion.pt", weights_only=True)["step"] == 2
    networks, tokenizer = load_networks(tmp_path)
    assert isinstance(networks, Networks)
    save_pipeline(
        tmp_path / "checkpoint",
        vae=load_vae(tmp_path, CPU),
        unet=networks.unet,
        controlnet=networks.controlnet,
        encoders=(networks.encoder, networks.encoder_2),
        tokenizer=tokenizer,
    )
    glyph = glyphs.render("火", 256, 256)
    settings = load_settings({"WRITING_MODELS__EMBEDDED__BASE": str(tmp_path / "checkpoint"), "WRITING_DEVICE": "cpu"})
    maps = {kind.control_type: kind.generate(glyph) for kind in make_conditionings(settings.conditioning)}
    pipeline = MultiControlNetPipeline(lambda: load_model(settings, GPUManager("cpu", settings.gpu_profiles)))
    image = asyncio.run(pipeline.generate("A neon sign", maps, num_inference_steps=1, guidance_scale=3.0))
    assert image.size == (256, 256)


def test_training_goes_on_from_the_shipped_checkpoint_where_it_stopped(project: Path, tmp_path: Path) -> None:
    """All its networks and its tokenizer, so that the next picture is drawn as the last one was."""
    shipped = project / "worker/data/embedded_model"
    tokenizer = folder_tokenizer(tmp_path, shipped)
    assert tokenizer.get_vocab() == CLIPTokenizer.from_pretrained(shipped / "tokenizer").get_vocab()
    networks = Networks(len(tokenizer))
    load_checkpoint(networks, shipped)
    for network, name in ((networks.unet, "unet"), (networks.encoder_2, "text_encoder_2")):
        (file,) = (shipped / name).glob("*.safetensors")
        for key, weights in load_file(file).items():
            assert torch.equal(network.state_dict()[key], weights.float()), key
