"""Several pictures of one scene in one job, with the real embedded model."""

import asyncio
import json
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from shared.errors import GenerationFailed, JobCancelled
from shared.schemas import AIGenerationResult, ControlType
from shared.schemas.metadata import Legibility
from tests.helpers import decode, pixels
from tests.models import embedded_pipeline, embedded_settings, engine_model
from tests.watcher import Watcher
from worker.ai_image_generator import AIImageGenerator
from worker.attempt import Attempt, ScoredPicture
from worker.conditioning import make_conditionings
from worker.engine.model_runner import ModelRunner
from worker.engine.request import DrawRequest
from worker.engine.request_state import RequestState
from worker.glyphs import GlyphRenderer
from worker.main import make_generator
from worker.multi_controlnet_pipeline import MultiControlNetPipeline
from worker.picture_work import Executor, ThreadExecutor, make_work
from worker.progress import CombinedProgress, NullProgress

SETTINGS = embedded_settings()
CONDITIONINGS = make_conditionings(SETTINGS.conditioning)
STEPS, SEED, SIDE = 5, 7, 128
OWL = {"imagery": ["owl"], "draw_imagery": True, "conditioning_methods": {"scribble": ["hand_drawn_simulation"]}}


@pytest.fixture(scope="module")
def stock() -> Any:
    return embedded_pipeline()


@pytest.fixture(
    params=[
        pytest.param(4, id="one batch", marks=pytest.mark.slow),
        pytest.param(2, id="two batches"),
        pytest.param(1, id="one by one", marks=pytest.mark.slow),
    ]
)
def model(request: pytest.FixtureRequest, stock: Any) -> ModelRunner:
    return engine_model(stock, batch_limit=request.param)


@pytest.fixture(scope="module")
def wanted(glyphs: GlyphRenderer) -> DrawRequest:
    glyph = glyphs.render("火", SIDE, SIDE)
    maps: dict[ControlType, Image.Image] = {kind.control_type: kind.generate(glyph) for kind in CONDITIONINGS}
    return DrawRequest(
        prompt="A neon sign of fire",
        negative_prompt="blurry",
        control_images=maps,
        seed=SEED,
        num_inference_steps=STEPS,
        guidance_scale=3.0,
    )


@pytest.fixture(scope="module")
def executor() -> Executor:
    return ThreadExecutor(make_work(SETTINGS, CONDITIONINGS))


@pytest.fixture
def generator_of(stock: Any, executor: Executor) -> Callable[[int], AIImageGenerator]:
    """Return a function that makes a generator with a limited batch size."""

    def make(batch_limit: int) -> AIImageGenerator:
        model = engine_model(stock, batch_limit=batch_limit)
        return make_generator(SETTINGS, executor, MultiControlNetPipeline(lambda: model))

    return make


def draw(generator: AIImageGenerator, word: str = "火", **options: Any) -> AIGenerationResult:
    asked = {"num_inference_steps": 2, "seed": SEED, **options}
    return asyncio.run(generator.generate_character_image(word, **asked))


def test_texts_are_encoded_and_controls_fused_once(
    model: ModelRunner, wanted: DrawRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []
    encode, fuse = model.text.encode, model.fused_control
    monkeypatch.setattr(model.text, "encode", lambda text: calls.append(text) or encode(text))
    monkeypatch.setattr(model, "fused_control", lambda request: calls.append("controls") or fuse(request))
    asyncio.run(MultiControlNetPipeline(lambda: model).draw_variations(replace(wanted, num_inference_steps=1), 4))
    assert calls == [wanted.prompt, wanted.negative_prompt, "controls"]


def test_each_picture_is_the_one_of_its_seed_alone(model: ModelRunner, wanted: DrawRequest) -> None:
    """Bit-identical if each takes its steps alone; in a batch equal to float32's rounding, so to one level of 255."""
    pipeline = MultiControlNetPipeline(lambda: model)
    drawings = asyncio.run(pipeline.draw_variations(replace(wanted, num_inference_steps=2), 3))
    assert max(drawing.batch_size_max for drawing in drawings) <= model.batch_limit
    for number, drawing in enumerate(drawings):
        alone = asyncio.run(
            pipeline.generate(
                wanted.prompt,
                wanted.control_images,
                negative_prompt=wanted.negative_prompt,
                seed=SEED + number,
                num_inference_steps=2,
                guidance_scale=3.0,
            )
        )
        difference = np.abs(np.asarray(alone, np.int16) - np.asarray(drawing.image, np.int16)).max()
        assert difference <= (0 if model.batch_limit == 1 else 1)
    assert len({drawing.image.tobytes() for drawing in drawings}) == 3


def test_progress_counts_the_steps_of_all_and_previews_name_their_picture(
    model: ModelRunner, wanted: DrawRequest
) -> None:
    watcher = Watcher()
    asyncio.run(MultiControlNetPipeline(lambda: model).draw_variations(wanted, 4, watcher))
    assert watcher.stages == ["diffusion", "decoding"]
    assert {total for _, total in watcher.steps} == {4 * STEPS}
    done = [step for step, _ in watcher.steps]
    assert done == sorted(done)
    assert set(done) == set(range(4 * STEPS + 1))
    assert sorted(variation for variation, _ in watcher.previews) == [0, 1, 2, 3]


@pytest.mark.slow
def test_a_cancelled_job_stops_all_its_pictures(model: ModelRunner, wanted: DrawRequest) -> None:
    pipeline, watcher = MultiControlNetPipeline(lambda: model), Watcher(cancel_after=6)
    with pytest.raises(JobCancelled):
        asyncio.run(pipeline.draw_variations(wanted, 4, watcher))
    assert watcher.steps[-1][0] < 6 + model.batch_limit, (
        "none continues after the step in which the cancellation is noticed"
    )
    assert watcher.stages == ["diffusion"]
    assert not pipeline.engine.has_jobs
    assert len(asyncio.run(pipeline.draw_variations(wanted, 2))) == 2


def test_one_picture_that_fails_fails_the_job_and_stops_the_others(
    model: ModelRunner, wanted: DrawRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    denoiser = next(iter(model.networks.values())).denoiser
    step = denoiser.step

    def spoil(rows: list[RequestState]) -> None:
        if any(row.generator.initial_seed() == SEED + 1 for row in rows):
            if len(rows) == 1:
                raise GenerationFailed("injected")
            raise ValueError("injected: someone in this batch")
        step(rows)

    monkeypatch.setattr(denoiser, "step", spoil)
    pipeline, watcher = MultiControlNetPipeline(lambda: model), Watcher()
    with pytest.raises(GenerationFailed, match="injected"):
        asyncio.run(pipeline.draw_variations(wanted, 4, watcher))
    assert watcher.steps[-1][0] <= STEPS + model.batch_limit, "the others did not finish"
    assert not pipeline.engine.has_jobs


def test_a_success_does_not_replace_an_error_of_the_same_moment() -> None:
    class Success(Future[int]):
        def exception(self, timeout: float | None = None) -> BaseException | None:
            progress.record_error(failure)  # in the other thread
            return super().exception(timeout)

    progress = CombinedProgress(NullProgress(), 2)
    failure: Future[int] = Future()
    failure.set_exception(OSError("no space"))
    success = Success()
    success.set_result(1)
    progress.record_error(success)
    assert isinstance(progress.error, OSError)
    assert progress.is_cancelled


@pytest.mark.slow
def test_a_result_of_several_pictures(generator_of: Callable[[int], AIImageGenerator]) -> None:
    """Its own fields are those of the most legible picture, and each picture has its seed."""
    result = draw(generator_of(4), variations=3, **OWL)
    metadata, variations = result.generation_metadata, result.variations
    assert [variation.seed for variation in variations] == [SEED, SEED + 1, SEED + 2]
    (kept,) = [variation for variation in variations if variation.kept]
    assert kept.legibility["score"] == max(variation.legibility["score"] for variation in variations)
    assert kept.generated_image_base64 == result.generated_image_base64
    assert (metadata["seed"], metadata["scene_seed"]) == (kept.seed, SEED)
    assert metadata["legibility"] == kept.legibility
    assert metadata["batch_size_max"] == 3
    for variation in variations:
        told = json.loads(decode(variation.generated_image_base64).text["writing-service"])  # type: ignore[attr-defined]
        assert (told["seed"], told["scene_seed"]) == (variation.seed, SEED)


@pytest.mark.slow
def test_each_variation_can_be_drawn_again_alone(generator_of: Callable[[int], AIImageGenerator]) -> None:
    """Its seed and the scene's give a bit-identical picture, and the same maps."""
    generator = generator_of(1)
    result = draw(generator, "龍", variations=3, **OWL)
    for variation in result.variations:
        alone = draw(generator, "龍", seed=variation.seed, scene_seed=SEED, **OWL)
        assert (pixels(alone.generated_image_base64) == pixels(variation.generated_image_base64)).all()
        assert alone.conditioning_images_base64 == result.conditioning_images_base64
    other = draw(generator, "龍", seed=SEED + 1, **OWL)
    assert other.conditioning_images_base64 != result.conditioning_images_base64, (
        "the scene follows the seed by default"
    )


@pytest.mark.slow
def test_each_attempt_at_a_target_draws_all(generator_of: Callable[[int], AIImageGenerator]) -> None:
    """Each has new noise; the returned pictures are those of the kept attempt."""
    watcher = Watcher()
    result = draw(
        generator_of(4),
        "龍",
        seed=None,
        variations=2,
        num_inference_steps=1,
        controlnet_weights=dict.fromkeys(("canny", "depth", "segmentation", "scribble"), 0.01),
        legibility={"target": 1.0, "max_attempts": 2},
        progress=watcher,
    )
    metadata = result.generation_metadata
    first, second = metadata["legibility_attempts"]
    scene = metadata["scene_seed"]
    assert first["seed"] in {scene, scene + 1}
    assert second["seed"] in {scene + 2, scene + 3}
    kept = first if first["kept"] else second
    assert kept["seed"] == metadata["seed"]
    assert kept["score"] == max(variation.legibility["score"] for variation in result.variations)
    assert kept["seed"] in {variation.seed for variation in result.variations}
    assert watcher.steps[-1] == (4, 4)


@pytest.mark.parametrize(
    ("scores", "best"), [([0.2, 0.9, 0.9], 1), ([None, None], 0), ([None, 0.1], 1), ([0.0, None], 0)]
)
def test_the_most_legible_is_kept_and_of_equals_the_first(scores: list[float | None], best: int) -> None:
    read = [Legibility(score=score, read="", unknown=None, characters=(), of_print=score) for score in scores]
    drawn: Any = [ScoredPicture(seed, None, legibility) for seed, legibility in enumerate(read)]  # type: ignore[arg-type]
    attempt = Attempt(None, None, tuple(drawn))  # type: ignore[arg-type]
    assert attempt.best.seed == best
