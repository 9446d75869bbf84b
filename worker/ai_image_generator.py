"""One job from word to result: prompt, scene, conditioning, diffusion, the judge, PNG."""

import asyncio
import logging
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pybase64

from shared import __version__
from shared.schemas import (
    AIGenerationResult,
    GenerationMetadata,
    GenerationRequest,
    LegibilityTarget,
    Quality,
    Variation,
)
from shared.schemas.metadata import Parameters
from shared.styles import StyleDefinition
from worker.attempt import Attempt, ScoredPicture
from worker.conditioning import Brush
from worker.engine.request import Drawing, DrawRequest
from worker.legibility.control_levels import FIRST, ControlLevel, best, next_level
from worker.metadata import depicted, imagery_note
from worker.multi_controlnet_pipeline import MultiControlNetPipeline
from worker.picture_work import Executor, Maps, PictureWork, condition
from worker.plan import ModelIdentity, Plan
from worker.progress import NullProgress, OffsetProgress, ProgressSink, stop_if_cancelled
from worker.prompt_builder import PromptBuilder, PromptResult
from worker.scene import Scene
from worker.stopwatch import Stopwatch
from worker.style_definitions import steering_weights

logger = logging.getLogger("generation")


@dataclass(frozen=True)
class DrawingInputs:
    """Everything that a picture is drawn from."""

    plan: Plan
    prompt: PromptResult
    scene: Scene
    maps: Maps


class AIImageGenerator:
    """Makes pictures of words."""

    def __init__(
        self,
        *,
        prompts: PromptBuilder,
        executor: Executor,
        pipeline: MultiControlNetPipeline,
        model: ModelIdentity,
    ) -> None:
        self._prompts = prompts
        self._executor = executor
        self._pipeline = pipeline
        self._model = model

    async def generate_character_image(
        self, character: str, translation: str = "", *, progress: ProgressSink | None = None, **options: Any
    ) -> AIGenerationResult:
        """Return the picture of a word.

        Args:
            character: the word, in normal form.
            translation: its English meaning; if empty, it is looked up.
            progress: receives stages and steps, and says whether to stop.
            **options: further fields of `shared.schemas.GenerationRequest`.

        Raises:
            pydantic.ValidationError: an option is unknown or out of range.
            InvalidRequest: the word, its meaning, the style or a method is not supported.
            JobCancelled: `progress` reported a cancellation.
            OutOfMemory, ModelLoadError: the worker cannot draw it.
        """
        request = GenerationRequest(word=character, translation=translation, **options)
        return await self.generate(request, progress or NullProgress())

    async def generate(self, request: GenerationRequest, progress: ProgressSink) -> AIGenerationResult:
        """Return the picture of a validated request. Raises the same errors as `generate_character_image`."""
        watch = Stopwatch()
        plan = self._plan(request)
        inputs = await self._prepare(plan, request, progress, watch)
        attempts = await self._attempt(inputs, request.legibility, progress, watch)
        kept = attempts[best([attempt.outcome for attempt in attempts], _target(request.legibility))]
        progress.stage("encoding")
        parameters = self._parameters(inputs, kept)
        with watch.time("encoding"):
            variations = await asyncio.gather(
                *(self._variation(picture, kept, parameters, progress) for picture in kept.pictures)
            )
        metadata = GenerationMetadata(
            **dict(parameters),
            generation_time_ms=watch.total_ms,
            left_out=_left_out(kept.best.drawing),
            legibility=kept.best.legibility,
            legibility_attempts=tuple(attempt.to_metadata(kept=attempt is kept) for attempt in attempts),
            conditioning_notes=inputs.maps.notes,
            timings_ms=watch.timings_ms,
            batch_size_max=max(picture.drawing.batch_size_max for attempt in attempts for picture in attempt.pictures),
        )
        _log(metadata)
        return AIGenerationResult(
            success=True,
            generated_image_base64=next(one.generated_image_base64 for one in variations if one.kept),
            conditioning_images_base64=inputs.maps.in_base64,
            prompt_used=kept.best.drawing.prompt.text,
            generation_metadata=metadata.model_dump(mode="json"),
            variations=tuple(variations) if plan.variations > 1 else (),
        )

    async def _prepare(
        self, plan: Plan, request: GenerationRequest, progress: ProgressSink, watch: Stopwatch
    ) -> DrawingInputs:
        """Find the words and motifs that depict the meaning, compose the scene, and run the conditioning."""
        progress.stage("glyph")
        with watch.time("prompt"):
            prompt = await self._prompts.build_prompt(
                plan.word,
                plan.style_name,
                translation=request.translation,
                reading=request.reading,
                language=request.language,
                translation_language=request.translation_language,
                imagery=request.imagery,
            )
        with watch.time("glyph"):
            motifs = prompt.imagery if plan.draw_imagery else ()
            size = plan.width, plan.height
            language = prompt.meaning.language
            scene = await self._executor.do(
                progress, PictureWork.compose, plan.word, size, motifs, plan.scene_seed, language
            )
        progress.stage("conditioning")
        with watch.time("conditioning"):
            brush = Brush(plan.style.pen, plan.scene_seed)
            maps = await condition(self._executor, scene, request, brush, progress)
        return DrawingInputs(plan, prompt, scene, maps)

    async def _attempt(
        self, inputs: DrawingInputs, wanted: LegibilityTarget | None, progress: ProgressSink, watch: Stopwatch
    ) -> list[Attempt]:
        """Draw the pictures.

        With a legibility target, draw again with more or less control until one of them meets it.
        """
        plan = inputs.plan
        attempts: list[Attempt] = []
        level: ControlLevel | None = FIRST
        while level is not None:
            stop_if_cancelled(progress)
            progress.stage("waiting_for_device")
            sink = OffsetProgress(progress, len(attempts) * plan.variations * plan.num_inference_steps)
            with watch.time("diffusion"):
                drawings = await self._draw(inputs, level, sink)
            progress.stage("reading")
            with watch.time("legibility"):
                pictures = await self._read(inputs.scene, drawings, plan.seed_at(level), progress)
            attempts.append(Attempt(plan, level, pictures))
            # Without a control there is nothing to adjust.
            is_last = wanted is None or len(attempts) == wanted.max_attempts or not plan.weights
            outcomes = [attempt.outcome for attempt in attempts]
            level = None if is_last else next_level(outcomes, _target(wanted), plan.num_inference_steps)
        return attempts

    async def _read(
        self, scene: Scene, drawings: Sequence[Drawing], seed: int, progress: ProgressSink
    ) -> tuple[ScoredPicture, ...]:
        """Judge pictures concurrently. The first one has the given seed."""
        judged = await asyncio.gather(
            *(self._executor.do(progress, PictureWork.judge, drawing.image, scene.glyph) for drawing in drawings)
        )
        return tuple(
            ScoredPicture(seed + number, drawing, legibility)
            for number, (drawing, legibility) in enumerate(zip(drawings, judged, strict=True))
        )

    async def _variation(
        self, picture: ScoredPicture, attempt: Attempt, parameters: Parameters, progress: ProgressSink
    ) -> Variation:
        """Return a picture of the kept attempt as PNG, with its own seed in the metadata."""
        own = parameters.model_copy(update={"seed": picture.seed})
        text = {"prompt": picture.drawing.prompt.text, **own.model_dump(mode="json")}
        png = await self._executor.do(progress, PictureWork.encode, picture.drawing.image, text)
        return Variation(
            generated_image_base64=pybase64.b64encode_as_string(png),
            seed=picture.seed,
            legibility=picture.legibility.model_dump(mode="json"),
            kept=picture is attempt.best,
        )

    async def _draw(self, inputs: DrawingInputs, level: ControlLevel, progress: ProgressSink) -> list[Drawing]:
        plan, weights = inputs.plan, level.apply(inputs.plan.weights)
        control_images = inputs.maps.control_images
        request = DrawRequest(
            prompt=inputs.prompt.prompt,
            essential=inputs.prompt.meaning.prompt,
            control_images=control_images,
            weights={control_type: weights.get(control_type, 0.0) for control_type in control_images},
            negative_prompt=plan.negative_prompt,
            num_inference_steps=plan.num_inference_steps,
            guidance_scale=level.guidance_scale(plan.guidance_scale),
            guidance_end=plan.guidance_end,
            cache_interval=plan.cache_interval,
            control_guidance_end=level.guidance_end,
            seed=plan.seed_at(level),
            priority=plan.priority,
            quality=plan.quality,
        )
        return await self._pipeline.draw_variations(request, plan.variations, progress)

    def _plan(self, request: GenerationRequest) -> Plan:
        """Fill in what the request omits from the model's and the style's defaults."""
        defaults = self._model.settings
        paced = defaults.pace(request.quality)
        style_name = request.style or self._model.default_style
        style = self._prompts.style(style_name)
        seed = secrets.randbelow(2**32) if request.seed is None else request.seed
        return Plan(
            word=request.word,
            style_name=style_name,
            style=style,
            seed=seed,
            scene_seed=seed if request.scene_seed is None else request.scene_seed,
            is_seed_free=request.seed is None,
            variations=request.variations,
            width=request.width or defaults.default_size,
            height=request.height or defaults.default_size,
            num_inference_steps=request.num_inference_steps or paced.num_inference_steps,
            guidance_scale=request.guidance_scale or paced.guidance_scale,
            guidance_end=defaults.fast.guidance_end if request.quality is Quality.FAST else 1.0,
            cache_interval=defaults.fast.cache_interval if request.quality is Quality.FAST else 1,
            negative_prompt=self._negative_prompt(request, style),
            weights=steering_weights(style, request.controlnet_weights),
            draw_imagery=defaults.draw_imagery if request.draw_imagery is None else request.draw_imagery,
            priority=request.priority,
            quality=request.quality,
        )

    def _negative_prompt(self, request: GenerationRequest, style: StyleDefinition) -> str:
        """Return the request's negative prompt, or else the model's and the style's if the model uses one."""
        if request.negative_prompt is not None:
            return request.negative_prompt
        if self._model.settings.negative_prompt is None:
            return ""
        return ", ".join(filter(None, [self._model.settings.negative_prompt, style.negative_prompt]))

    def _parameters(self, inputs: DrawingInputs, kept: Attempt) -> Parameters:
        """Return what the kept picture was drawn from."""
        plan, prompt, scene, drawing = inputs.plan, inputs.prompt, inputs.scene, kept.best.drawing
        return Parameters(
            negative_prompt=drawing.negative_prompt.text,
            word=plan.word,
            language=prompt.meaning.language,
            reading=prompt.meaning.reading,
            translation=prompt.meaning.display,
            prompt_meaning=prompt.meaning.prompt,
            prompt_meaning_source=prompt.meaning.source,
            translation_note=prompt.meaning.note or "",
            imagery=depicted(prompt, scene),
            draw_imagery=plan.draw_imagery,
            imagery_note=imagery_note(scene),
            style=plan.style_name,
            seed=kept.best.seed,
            scene_seed=plan.scene_seed,
            num_inference_steps=plan.num_inference_steps,
            guidance_scale=kept.guidance_scale,
            guidance_end=plan.guidance_end,
            cache_interval=plan.cache_interval,
            quality=plan.quality,
            networks=self._pipeline.networks_name(plan.quality),
            width=plan.width,
            height=plan.height,
            scheduler=self._pipeline.scheduler_name,
            model_used="embedded" if self._model.name == "embedded" else self._model.settings.base,
            controlnet_model="union",
            controlnet_weights=kept.weights,
            control_guidance_end=kept.level.guidance_end,
            conditioning_methods=inputs.maps.methods,
            service_version=__version__,
        )


def _target(wanted: LegibilityTarget | None) -> float:
    """Return the score to reach. Without a target, any score is accepted."""
    return wanted.target if wanted is not None else 0.0


def _left_out(drawing: Drawing) -> dict[str, list[str]]:
    """Return the phrases that had no effect, by prompt; {} if all had."""
    prompts = {"prompt": drawing.prompt, "negative_prompt": drawing.negative_prompt}
    return {name: list(prompt.left_out) for name, prompt in prompts.items() if prompt.left_out}


def _log(metadata: GenerationMetadata) -> None:
    """Log one line per picture. In JSON logs it includes all metadata."""
    logger.info(
        "generated %r in %d ms: style %s, seed %d, %dx%d, %d steps, guidance %s, legibility %s",
        metadata.word,
        metadata.generation_time_ms,
        metadata.style,
        metadata.seed,
        metadata.width,
        metadata.height,
        metadata.num_inference_steps,
        metadata.guidance_scale,
        metadata.legibility.score,
        extra={"generation": metadata.model_dump(mode="json")},
    )
