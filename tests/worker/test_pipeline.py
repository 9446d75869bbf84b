"""The pipeline and the generator, with the real embedded model in this process."""

import asyncio
import json
import threading
from functools import partial

import numpy as np
import pytest
from PIL import Image
from pydantic import ValidationError
from rapidocr import RapidOCR

from shared.errors import JobCancelled
from shared.schemas import AIGenerationResult, ControlType, WorkerState
from shared.writing.dictionaries import Dictionaries
from shared.writing.imagery import Imagery
from shared.writing.language import Language
from tests.helpers import decode, pixels
from tests.models import embedded_settings
from tests.watcher import Watcher
from worker.ai_image_generator import AIImageGenerator
from worker.conditioning import make_conditionings
from worker.glyphs import GlyphRenderer
from worker.gpu_manager import GPUManager
from worker.legibility.judge import LegibilityJudge
from worker.model_assembly import load_model
from worker.multi_controlnet_pipeline import MultiControlNetPipeline
from worker.picture_work import PictureWork, ThreadExecutor
from worker.plan import ModelIdentity
from worker.prompt_builder import PromptBuilder

SETTINGS = embedded_settings()
CONDITIONINGS = make_conditionings(SETTINGS.conditioning)
STEPS = 4
SIDE = 128  # of the pictures in which no word is read


@pytest.fixture(scope="module")
def pipeline() -> MultiControlNetPipeline:
    gpu = GPUManager("cpu", SETTINGS.gpu_profiles)
    return MultiControlNetPipeline(lambda: load_model(SETTINGS, gpu))


@pytest.fixture(scope="module")
def generator(
    pipeline: MultiControlNetPipeline, glyphs: GlyphRenderer, dictionaries: Dictionaries, imagery: Imagery
) -> AIImageGenerator:
    return AIImageGenerator(
        prompts=PromptBuilder(SETTINGS.styles, dictionaries, imagery),
        executor=ThreadExecutor(PictureWork({Language.CHINESE: glyphs}, imagery, CONDITIONINGS, LegibilityJudge())),
        pipeline=pipeline,
        model=ModelIdentity("embedded", SETTINGS.active_model, SETTINGS.default_style),
    )


@pytest.fixture(scope="module")
def maps(glyphs: GlyphRenderer) -> dict[ControlType, Image.Image]:
    glyph = glyphs.render("火", SIDE, SIDE)
    return {kind.control_type: kind.generate(glyph) for kind in CONDITIONINGS}


def draw(pipeline: MultiControlNetPipeline, maps: dict[ControlType, Image.Image], **arguments: object) -> np.ndarray:
    options = {"num_inference_steps": STEPS, "guidance_scale": 3.0, "seed": 7} | arguments
    return np.asarray(asyncio.run(pipeline.generate("A neon sign of fire", maps, **options)))  # type: ignore[arg-type]


def test_the_model_is_loaded_once_and_on_demand() -> None:
    gpu = GPUManager("cpu", SETTINGS.gpu_profiles)
    loads: list[int] = []

    def load():  # type: ignore[no-untyped-def]
        loads.append(1)
        return load_model(SETTINGS, gpu)

    lazy = MultiControlNetPipeline(load)
    assert lazy.state is WorkerState.COLD
    threads = [threading.Thread(target=lazy.load) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert lazy.state is WorkerState.WARM
    assert len(loads) == 1


def test_the_same_seed_gives_the_same_picture(
    pipeline: MultiControlNetPipeline, maps: dict[ControlType, Image.Image]
) -> None:
    first = draw(pipeline, maps, num_inference_steps=2)
    assert (first == draw(pipeline, maps, num_inference_steps=2)).all()
    assert (first != draw(pipeline, maps, num_inference_steps=2, seed=8)).any()


def test_a_weight_of_zero_drops_the_control(
    pipeline: MultiControlNetPipeline, maps: dict[ControlType, Image.Image]
) -> None:
    """Two controls, one of them at 0, equal the other one alone."""
    canny = {"canny": maps["canny"]}
    both = {"canny": maps["canny"], "depth": maps["depth"]}
    assert (draw(pipeline, both, weights={"canny": 1.0, "depth": 0.0}) == draw(pipeline, canny)).all()


def test_all_weights_zero_is_plain_sdxl(
    pipeline: MultiControlNetPipeline, maps: dict[ControlType, Image.Image], glyphs: GlyphRenderer
) -> None:
    """The word then has no influence, so another word's maps give the same picture."""
    glyph = glyphs.render("龍", SIDE, SIDE)
    others: dict[ControlType, Image.Image] = {kind.control_type: kind.generate(glyph) for kind in CONDITIONINGS}
    off = dict.fromkeys(maps, 0.0)
    draw_two_steps = partial(draw, pipeline, num_inference_steps=2)
    assert (draw_two_steps(maps, weights=off) == draw_two_steps(others, weights=off)).all()
    assert (draw_two_steps(maps) != draw_two_steps(others)).any()


@pytest.mark.slow
def test_pictures_need_not_be_square(pipeline: MultiControlNetPipeline, glyphs: GlyphRenderer) -> None:
    glyph = glyphs.render("山水", 384, 256)
    maps: dict[ControlType, Image.Image] = {kind.control_type: kind.generate(glyph) for kind in CONDITIONINGS}
    assert draw(pipeline, maps, num_inference_steps=1).shape == (256, 384, 3)


def test_steps_are_reported(pipeline: MultiControlNetPipeline, maps: dict[ControlType, Image.Image]) -> None:
    watcher = Watcher()
    draw(pipeline, maps, progress=watcher)
    assert watcher.stages == ["diffusion", "decoding"]
    assert watcher.steps == [(step, STEPS) for step in range(STEPS + 1)]


@pytest.mark.slow
def test_a_cancelled_job_stops_between_steps_and_the_next_one_runs(
    pipeline: MultiControlNetPipeline, maps: dict[ControlType, Image.Image]
) -> None:
    before = draw(pipeline, maps)
    watcher = Watcher(cancel_after=2)
    with pytest.raises(JobCancelled):
        draw(pipeline, maps, progress=watcher)
    assert watcher.steps[-1] == (2, STEPS)
    assert (draw(pipeline, maps) == before).all()


def test_a_job_cancelled_while_it_waits_never_starts(
    pipeline: MultiControlNetPipeline, maps: dict[ControlType, Image.Image]
) -> None:
    watcher = Watcher(cancel_after=0)
    watcher.steps.append((0, STEPS))
    with pytest.raises(JobCancelled):
        draw(pipeline, maps, progress=watcher)
    assert watcher.stages == []


def test_one_call_from_word_to_result(generator: AIImageGenerator) -> None:
    """The call that the design specifies, with the fields that it requires."""
    watcher = Watcher()
    result = asyncio.run(
        generator.generate_character_image(
            "学习", "study", style="comic", seed=7, num_inference_steps=STEPS, imagery="none", progress=watcher
        )
    )
    assert isinstance(result, AIGenerationResult)
    assert result.success
    assert result.prompt_used == "A vibrant comic book style illustration of study, inspired by 学习"
    assert decode(result.generated_image_base64).size == (256, 256)
    assert {kind: list(methods) for kind, methods in result.conditioning_images_base64.items()} == {
        "canny": ["opencv_canny"],
        "depth": ["distance_transform_depth"],
        "segmentation": ["radical_segmentation"],
        "scribble": ["skeletonization_scribble"],
    }
    metadata = result.generation_metadata
    assert (metadata["seed"], metadata["num_inference_steps"], metadata["controlnet_model"]) == (7, STEPS, "union")
    assert metadata["generation_time_ms"] >= metadata["timings_ms"]["diffusion"] > 0
    assert watcher.stages == [
        "glyph",
        "conditioning",
        "waiting_for_device",
        "diffusion",
        "decoding",
        "reading",
        "encoding",
    ]


def drawn(generator: AIImageGenerator, word: str, **options: object) -> AIGenerationResult:
    return asyncio.run(generator.generate_character_image(word, num_inference_steps=1, seed=7, **options))  # type: ignore[arg-type]


@pytest.mark.slow
def test_a_translation_without_a_meaning_is_noted(generator: AIImageGenerator) -> None:
    metadata = drawn(generator, "吗", translation="??").generation_metadata
    assert metadata["translation_note"].startswith("the word is a particle")


def test_the_prompt_and_the_metadata_name_what_depicts_the_meaning(
    generator: AIImageGenerator, imagery: Imagery
) -> None:
    result = drawn(generator, "学习", translation="study", draw_imagery=False)
    names = imagery.for_word("学习", "study")
    assert names
    assert result.prompt_used.startswith("A vibrant comic book style illustration of study, inspired by 学习, with ")
    assert imagery.phrase(names[0]) in result.prompt_used
    metadata = result.generation_metadata
    assert metadata["imagery"] == [{"name": name, "box": None} for name in names]
    assert metadata["draw_imagery"] is False
    assert not {"translation_note", "imagery_note"} & set(metadata)
    told = json.loads(decode(result.generated_image_base64).text["writing-service"])  # type: ignore[attr-defined]
    assert (told["imagery"], told["draw_imagery"]) == (metadata["imagery"], False)


@pytest.mark.parametrize(
    ("word", "size"), [("火", (256, 256)), pytest.param("学" * 12, (256, 1024), marks=pytest.mark.slow)]
)
def test_every_motif_has_a_box_in_the_picture(generator: AIImageGenerator, word: str, size: tuple[int, int]) -> None:
    names = ["owl", "books", "graduation-cap"]
    width, height = size
    options = {"imagery": names, "draw_imagery": True, "width": width, "height": height}
    metadata = drawn(generator, word, translation="fire", **options).generation_metadata
    assert metadata["draw_imagery"] is True
    assert [motif["name"] for motif in metadata["imagery"]] == names
    for motif in metadata["imagery"]:
        left, top, box_width, box_height = motif["box"]
        assert 0 <= left <= left + box_width <= width
        assert 0 <= top <= top + box_height <= height
    assert "imagery_note" not in metadata


@pytest.mark.slow
def test_no_imagery_draws_what_was_drawn_before(generator: AIImageGenerator) -> None:
    result = drawn(generator, "火", imagery="none", draw_imagery=True)
    assert result.prompt_used == "A vibrant comic book style illustration of fire, inspired by 火"
    assert result.generation_metadata["imagery"] == []
    plain = drawn(generator, "火", imagery="none", draw_imagery=False)
    assert result.generated_image_base64 != plain.generated_image_base64, "the metadata inside differs"
    assert (pixels(result.generated_image_base64) == pixels(plain.generated_image_base64)).all()
    assert result.conditioning_images_base64 == plain.conditioning_images_base64


@pytest.mark.slow
def test_the_model_s_setting_says_whether_motifs_are_drawn(generator: AIImageGenerator) -> None:
    metadata = drawn(generator, "火", imagery=["owl"]).generation_metadata
    assert metadata["draw_imagery"] is SETTINGS.active_model.draw_imagery


def test_attempts_have_noise_of_their_own_and_share_the_scene(generator: AIImageGenerator) -> None:
    """The motifs' places and hand-drawn maps depend on the scene's seed, so both seeds reproduce the kept picture."""
    asked = {
        "imagery": ["owl"],
        "draw_imagery": True,
        "num_inference_steps": 1,
        "conditioning_methods": {"scribble": ["hand_drawn_simulation"]},
    }
    weak = {
        "controlnet_weights": dict.fromkeys(("canny", "depth", "segmentation", "scribble"), 0.01),
        "legibility": {"target": 1.0, "max_attempts": 2},
    }
    first = asyncio.run(generator.generate_character_image("龍", "dragon", **asked, **weak))  # type: ignore[arg-type]
    metadata = first.generation_metadata
    seeds = [attempt["seed"] for attempt in metadata["legibility_attempts"]]
    assert seeds == [metadata["scene_seed"], metadata["scene_seed"] + 1]
    kept = {name: metadata[name] for name in ("seed", "scene_seed", "controlnet_weights", "guidance_scale")}
    again = asyncio.run(generator.generate_character_image("龍", "dragon", **asked, **kept))  # type: ignore[arg-type]
    assert (pixels(again.generated_image_base64) == pixels(first.generated_image_base64)).all()
    assert again.conditioning_images_base64 == first.conditioning_images_base64


@pytest.mark.slow
def test_a_random_seed_is_reported_and_repeats_the_picture(generator: AIImageGenerator) -> None:
    first = asyncio.run(generator.generate_character_image("火", num_inference_steps=1))
    seed = first.generation_metadata["seed"]
    again = asyncio.run(generator.generate_character_image("火", num_inference_steps=1, seed=seed))
    assert (pixels(first.generated_image_base64) == pixels(again.generated_image_base64)).all()


@pytest.mark.slow
def test_conditioning_images_can_be_left_out(generator: AIImageGenerator) -> None:
    result = asyncio.run(generator.generate_character_image("火", num_inference_steps=1, include_conditioning=False))
    assert result.conditioning_images_base64 == {}


def test_bad_options_are_refused_before_any_work(generator: AIImageGenerator) -> None:
    with pytest.raises(ValidationError):
        asyncio.run(generator.generate_character_image("火", steps=1))


@pytest.mark.slow
def test_the_word_can_be_read_in_the_picture(generator: AIImageGenerator, ocr: RapidOCR) -> None:
    """An OCR model reads 学 and 习, drawn in the default style, correctly."""
    options = {"seed": 7, "draw_imagery": False, "width": 512, "height": 512}
    result = asyncio.run(generator.generate_character_image("学习", "study", **options))
    image = np.asarray(decode(result.generated_image_base64).convert("RGB"))[128:384]
    read = ocr(image[:, :, ::-1], use_det=False, use_cls=False)
    assert read.txts == ("学习",)


def test_the_word_can_be_read_beside_its_motifs(generator: AIImageGenerator) -> None:
    metadata = asyncio.run(
        generator.generate_character_image("学习", "study", seed=7, width=384, height=384)
    ).generation_metadata
    assert [motif["name"] for motif in metadata["imagery"] if motif["box"]] == ["books", "graduation-cap"]
    assert metadata["legibility"]["read"] == "学习"


@pytest.fixture(scope="module")
def ocr() -> RapidOCR:
    return RapidOCR(params={"Global.log_level": "critical"})


def test_without_a_target_there_is_one_attempt_with_the_styles_weights(generator: AIImageGenerator) -> None:
    metadata = asyncio.run(generator.generate_character_image("火", "fire", style="neon", seed=1)).generation_metadata
    (attempt,) = metadata["legibility_attempts"]
    assert (attempt["control_level"], attempt["kept"]) == (0, True)
    assert metadata["legibility"]["score"] > 0.5
    assert metadata["legibility"]["read"] == "火"
    assert metadata["controlnet_weights"] == dict(SETTINGS.styles["neon"].controlnet_weights)


def test_a_target_that_is_missed_brings_more_control(generator: AIImageGenerator) -> None:
    """With hardly any control and a high target, weights rise until the word can be read; the best picture is kept."""
    watcher = Watcher()
    metadata = asyncio.run(
        generator.generate_character_image(
            "火",
            "fire",
            style="neon",
            seed=1,
            num_inference_steps=5,
            controlnet_weights={"canny": 0.05, "depth": 0, "segmentation": 0, "scribble": 0.05},
            legibility={"target": 0.9, "max_attempts": 4},
            progress=watcher,
        )
    ).generation_metadata
    attempts = metadata["legibility_attempts"]
    assert len(attempts) > 1
    assert [attempt["control_level"] for attempt in attempts] == list(range(len(attempts)))
    assert attempts[-1]["score"] > attempts[0]["score"]
    kept = next(attempt for attempt in attempts if attempt["kept"])
    assert metadata["controlnet_weights"] == kept["controlnet_weights"]
    assert set(kept["controlnet_weights"]) == {"canny", "scribble"}
    assert metadata["legibility"]["score"] == kept["score"]
    assert watcher.steps[-1] == (5 * len(attempts), 5 * len(attempts))
    assert [step for step, _ in watcher.steps] == sorted(step for step, _ in watcher.steps)


def test_a_target_far_below_lets_the_picture_go(generator: AIImageGenerator) -> None:
    """With an easy target, less control is tried, and the least that still meets the target is kept."""
    metadata = asyncio.run(
        generator.generate_character_image(
            "火", "fire", style="neon", seed=1, num_inference_steps=6, legibility={"target": 0.3, "max_attempts": 2}
        )
    ).generation_metadata
    attempts = metadata["legibility_attempts"]
    assert [attempt["control_level"] for attempt in attempts] == list(range(0, -len(attempts), -1))
    assert len(attempts) > 1
    meeting = [attempt for attempt in attempts if attempt["score"] >= 0.3]
    assert min(meeting, key=lambda attempt: attempt["control_level"])["kept"]


def test_a_job_can_be_cancelled_in_a_later_attempt(generator: AIImageGenerator) -> None:
    watcher = Watcher(cancel_after=STEPS + 2)
    with pytest.raises(JobCancelled):
        asyncio.run(
            generator.generate_character_image(
                "龍",
                "dragon",
                num_inference_steps=STEPS,
                seed=1,
                controlnet_weights=dict.fromkeys(("canny", "depth", "segmentation", "scribble"), 0.01),
                legibility={"target": 1.0},
                progress=watcher,
            )
        )
    assert watcher.steps[-1] == (STEPS + 2, 2 * STEPS)
