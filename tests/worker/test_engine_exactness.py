"""A picture drawn in a batch equals the one drawn alone, and the one that diffusers' own pipeline draws."""

from collections.abc import Sequence
from itertools import product
from typing import Any

import pytest
import torch
from PIL import Image

from shared.schemas import CONTROL_TYPES, ControlType
from shared.writing.imagery import Imagery
from tests.models import embedded_pipeline, embedded_settings, engine_model, random_pipeline
from tests.worker.engine_jobs import SIDE
from worker.conditioning import CONTROL_TYPE_INDEX, make_conditionings
from worker.engine.model_runner import ModelRunner
from worker.engine.request import DrawRequest
from worker.engine.request_state import RequestState
from worker.engine.solvers import SOLVERS
from worker.glyphs import GlyphRenderer
from worker.scene import compose

PIPELINES = {"embedded": embedded_pipeline, "random": random_pipeline}
TOLERANCE = 1e-5
Maps = dict[ControlType, Image.Image]


@pytest.fixture(scope="module", params=["embedded", pytest.param("random", marks=pytest.mark.slow)])
def pipeline(request: pytest.FixtureRequest) -> Any:
    return PIPELINES[request.param]()


def maps_of(glyphs: GlyphRenderer, side: int) -> dict[str, Maps]:
    """Return four words' maps; one of the words has motifs beside it."""
    conditionings = make_conditionings(embedded_settings().conditioning)
    imagery = Imagery()
    motifs = {"学习": [imagery.motif("books"), imagery.motif("graduation-cap")]}
    scenes = {word: compose(glyphs, word, side, side, motifs.get(word, []), 7) for word in ("火", "水", "学习", "龍")}
    return {word: {kind.control_type: kind.generate(scene) for kind in conditionings} for word, scene in scenes.items()}


@pytest.fixture(scope="module")
def maps(glyphs: GlyphRenderer) -> dict[str, Maps]:
    return maps_of(glyphs, SIDE)


@pytest.fixture(scope="module")
def large_maps(glyphs: GlyphRenderer) -> dict[str, Maps]:
    """For batches: in small pictures, sums that are rounded in another order show more."""
    return maps_of(glyphs, 256)


def stock_latents(pipeline: Any, solver: str, request: DrawRequest) -> list[torch.Tensor]:
    """Return the latents after each step of diffusers' own pipeline, drawing one request alone."""
    found: list[torch.Tensor] = []

    def keep(_pipeline: Any, _step: int, _timestep: Any, tensors: dict[str, Any]) -> dict[str, Any]:
        found.append(tensors["latents"].clone())
        return tensors

    own = pipeline.scheduler
    chosen = SOLVERS[solver]
    pipeline.scheduler = chosen.scheduler.from_config(own.config, **chosen.options)
    steering = request.steering
    width, height = request.size
    try:
        pipeline(
            request.prompt,
            negative_prompt=request.negative_prompt or None,
            control_image=[request.control_images[kind] for kind in steering],
            control_mode=[CONTROL_TYPE_INDEX[kind] for kind in steering],
            controlnet_conditioning_scale=list(steering.values()),
            num_inference_steps=request.num_inference_steps,
            guidance_scale=request.guidance_scale,
            width=width,
            height=height,
            generator=torch.Generator().manual_seed(request.seed),
            output_type="latent",
            callback_on_step_end=keep,
        )
    finally:
        pipeline.scheduler = own
    return found


def engine_latents(
    model: ModelRunner, requests: Sequence[DrawRequest], joins: Sequence[int]
) -> list[list[torch.Tensor]]:
    """Return each request's latents after each of its steps; a request joins the batch at the step given for it."""
    found: list[list[torch.Tensor]] = [[] for _ in requests]
    rows: dict[int, RequestState] = {}
    step = 0
    denoiser = next(iter(model.networks.values())).denoiser
    while len(rows) < len(requests) or any(not row.is_done for row in rows.values()):
        for index, request in enumerate(requests):
            if joins[index] == step:
                rows[index] = model.row(request)
        active = {index: row for index, row in rows.items() if not row.is_done}
        if active:
            denoiser.step(list(active.values()))
        for index, row in active.items():
            found[index].append(row.latents.clone())
        step += 1
    return found


def error(ours: torch.Tensor, reference: torch.Tensor) -> float:
    """Return the relative error: the difference's norm over the reference's."""
    return float((ours - reference).norm() / reference.norm())


def make_request(maps: Maps, controls: Sequence[ControlType] = CONTROL_TYPES, **options: Any) -> DrawRequest:
    weights: dict[ControlType, float] = dict(zip(controls, (0.9, 0.5, 0.7, 0.3), strict=False))
    defaults = {"num_inference_steps": 5, "guidance_scale": 3.0, "seed": 7, "prompt": "A neon sign of fire"}
    return DrawRequest(
        control_images={kind: maps[kind] for kind in controls}, weights=weights, **{**defaults, **options}
    )


def mixed_requests(maps: dict[str, Maps]) -> list[DrawRequest]:
    """Return eight jobs with one to four controls, different weights, steps, guidance, prompts and windows."""
    return [
        make_request(maps["火"], num_inference_steps=3, seed=1),
        make_request(maps["水"], ("canny",), num_inference_steps=2, guidance_scale=1.0, seed=2, prompt="water"),
        make_request(maps["学习"], ("depth", "scribble"), num_inference_steps=4, guidance_scale=5.5, seed=3),
        make_request(maps["龍"], ("canny", "segmentation", "scribble"), num_inference_steps=3, seed=4, prompt="dragon"),
        make_request(maps["火"], ("scribble",), num_inference_steps=2, negative_prompt="blurry", seed=5),
        make_request(maps["水"], num_inference_steps=3, guidance_scale=2.0, seed=6, control_guidance_end=0.7),
        make_request(maps["学习"], ("segmentation",), num_inference_steps=2, guidance_end=0.5, seed=7),
        make_request(maps["龍"], ("depth",), num_inference_steps=4, guidance_scale=4.0, seed=8, prompt="a red moon"),
    ]


@pytest.mark.parametrize(
    ("pipeline", "solver"),
    [
        *product(["embedded"], SOLVERS),
        ("random", "euler"),
        *(pytest.param("random", solver, marks=pytest.mark.slow) for solver in SOLVERS if solver != "euler"),
    ],
    indirect=["pipeline"],
)
@pytest.mark.parametrize(
    "controls",
    [CONTROL_TYPES, *(pytest.param(some, marks=pytest.mark.slow) for some in (("canny",), ("depth", "scribble")))],
)
def test_alone_it_is_the_stock_pipeline_at_every_step(
    pipeline: Any, maps: dict[str, Maps], solver: str, controls: tuple[ControlType, ...]
) -> None:
    """With the same seed and solver, the latents agree after each step."""
    request = make_request(maps["火"], controls)
    reference = stock_latents(pipeline, solver, request)
    (ours,) = engine_latents(engine_model(pipeline, solver=solver), [request], [0])
    assert len(ours) == len(reference) == request.num_inference_steps
    for ours_step, reference_step in zip(ours, reference, strict=True):
        assert error(ours_step, reference_step) <= TOLERANCE


@pytest.mark.slow
def test_of_a_scene_it_is_the_stock_pipeline(pipeline: Any, maps: dict[str, Maps]) -> None:
    request = make_request(maps["学习"], prompt="learning, inspired by 学习, with books and a graduation cap")
    (ours,) = engine_latents(engine_model(pipeline), [request], [0])
    assert error(ours[-1], stock_latents(pipeline, "euler", request)[-1]) <= TOLERANCE


def test_alone_with_a_negative_prompt_or_without_guidance_it_is_the_stock_pipeline(
    pipeline: Any, maps: dict[str, Maps]
) -> None:
    for options in ({"negative_prompt": "blurry, dark"}, {"guidance_scale": 1.0}):
        request = make_request(maps["火"], ("canny",), num_inference_steps=3, **options)  # type: ignore[arg-type]
        (ours,) = engine_latents(engine_model(pipeline), [request], [0])
        assert error(ours[-1], stock_latents(pipeline, "euler", request)[-1]) <= TOLERANCE


@pytest.mark.parametrize(
    ("source", "solver"),
    [
        pytest.param("embedded", "euler", marks=pytest.mark.slow),
        pytest.param("random", "dpmpp_2m_karras", marks=pytest.mark.slow),
        pytest.param("embedded", "euler_ancestral", marks=pytest.mark.slow),
        pytest.param("random", "euler", marks=pytest.mark.slow),
    ],
)
def test_eight_different_jobs_in_one_batch_each_equal_their_lone_run(
    large_maps: dict[str, Maps], source: str, solver: str
) -> None:
    """They join at different steps and differ in everything except size."""
    model = engine_model(PIPELINES[source](), solver=solver)
    assert batch_error(model, mixed_requests(large_maps)) <= TOLERANCE


@pytest.mark.slow
@pytest.mark.parametrize("solver", ["euler", "dpmpp_2m_karras"])
def test_in_float64_nothing_of_a_job_reaches_another(maps: dict[str, Maps], solver: str) -> None:
    """What is left in float32 is rounding, which guidance and DPM++ multiply."""
    model = engine_model(embedded_pipeline().to(torch.float64), solver=solver)
    assert batch_error(model, mixed_requests(maps)) <= 1e-12


def batch_error(model: ModelRunner, requests: Sequence[DrawRequest]) -> float:
    """Return the largest error, over eight jobs and their steps, of a job in a batch against the same job alone."""
    together = engine_latents(model, requests, joins=[0, 0, 1, 1, 1, 2, 2, 3])
    alone = [engine_latents(model, [request], [0])[0] for request in requests]
    return max(error(*steps) for pair in zip(together, alone, strict=True) for steps in zip(*pair, strict=True))


@pytest.mark.slow
def test_the_stock_pipeline_in_a_batch_changes_its_pictures(maps: dict[str, Maps]) -> None:
    """The reason for the engine: in diffusers' batch, pictures affect each other; in ours, they do not."""
    pipeline = embedded_pipeline()
    words = ("火", "龍")
    requests = [make_request(maps[word], seed=seed) for seed, word in enumerate(words)]
    alone = [stock_latents(pipeline, "euler", request)[-1] for request in requests]
    # diffusers takes one image per control for all prompts of a batch, or a batch of images as tensors.
    images = [
        torch.cat([pipeline.control_image_processor.preprocess(maps[word][kind]) for word in words])
        for kind in CONTROL_TYPES
    ]
    together = pipeline(
        [request.prompt for request in requests],
        control_image=images,
        control_mode=[CONTROL_TYPE_INDEX[kind] for kind in CONTROL_TYPES],
        controlnet_conditioning_scale=list(requests[0].steering.values()),
        num_inference_steps=5,
        guidance_scale=3.0,
        width=SIDE,
        height=SIDE,
        generator=[torch.Generator().manual_seed(request.seed) for request in requests],
        output_type="latent",
    ).images
    ours = engine_latents(engine_model(pipeline), requests, [0, 0])
    for index, reference in enumerate(alone):
        assert error(together[index : index + 1], reference) > 100 * TOLERANCE
        assert error(ours[index][-1], reference) <= TOLERANCE
