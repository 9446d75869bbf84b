"""A result's metadata: how its picture was made."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from shared.schemas import ControlType
from shared.writing.language import Language
from worker.legibility.judge import Legibility
from worker.prompt_builder import PromptResult
from worker.scene import Scene

# Omitted from the document if empty.
NOTES = ("translation_note", "imagery_note")


@dataclass(frozen=True, slots=True)
class DepictedMotif:
    """A motif of the prompt and its place: x, y, width and height in pixels; None if it was not drawn."""

    name: str
    box: tuple[int, int, int, int] | None

    def to_dict(self) -> dict[str, Any]:
        """Return the motif in its wire format."""
        return {"name": self.name, "box": list(self.box) if self.box else None}


@dataclass(frozen=True, slots=True)
class Parameters:
    """All parameters of a picture; the same values reproduce it. Sizes are in pixels, weights 0 to 2."""

    prompt: str
    negative_prompt: str
    word: str
    language: Language
    reading: str | None
    translation: str
    prompt_meaning: str
    prompt_meaning_source: str
    translation_note: str | None
    imagery: tuple[DepictedMotif, ...]
    draw_imagery: bool
    imagery_note: str | None
    style: str
    seed: int
    scene_seed: int
    num_inference_steps: int
    guidance_scale: float
    guidance_end: float
    cache_interval: int
    quality: str
    networks: str
    width: int
    height: int
    scheduler: str
    model_used: str
    controlnet_model: str
    controlnet_weights: Mapping[ControlType, float]
    control_guidance_end: float
    conditioning_methods: Mapping[ControlType, list[str]]
    service_version: str

    def to_dict(self) -> dict[str, Any]:
        """Return the parameters for the PNG's text chunks and in the wire format."""
        values = asdict(self) | {"imagery": [motif.to_dict() for motif in self.imagery]}
        return {name: value for name, value in values.items() if name not in NOTES or value is not None}


@dataclass(frozen=True, slots=True)
class AttemptMetadata:
    """How an attempt at a legibility target was steered, and its best picture's legibility, 0 to 1."""

    control_level: int
    seed: int
    controlnet_weights: Mapping[ControlType, float]
    guidance_scale: float
    control_guidance_end: float
    score: float | None
    of_print: float | None
    read: str
    kept: bool


@dataclass(frozen=True, slots=True)
class GenerationMetadata:
    """A result's complete metadata.

    Attributes:
        generation_time_ms: from when the worker took the job to its end.
        parameters: what the picture was made from.
        left_out: phrases that had no effect, by prompt: those that the text encoders had no room for, and a negative
            prompt without guidance.
        legibility: of the picture that was kept.
        legibility_attempts: the attempts at a legibility target, in order.
        conditioning_notes: the methods' notes on the word, by method.
        timings_ms: milliseconds by stage.
        batch_size_max: the largest number of rows that shared a step.
    """

    generation_time_ms: int
    parameters: Parameters
    left_out: Mapping[str, list[str]]
    legibility: Legibility
    legibility_attempts: tuple[AttemptMetadata, ...]
    conditioning_notes: Mapping[str, Mapping[str, Any]]
    timings_ms: Mapping[str, int]
    batch_size_max: int

    def to_dict(self) -> dict[str, Any]:
        """Return it in the wire format. The result has a separate field for the prompt."""
        attempts = [asdict(attempt) for attempt in self.legibility_attempts]
        own = asdict(self) | {"legibility_attempts": attempts}
        own |= self.parameters.to_dict()
        return {name: value for name, value in own.items() if name not in {"parameters", "prompt"}}


def depicted(prompt: PromptResult, scene: Scene) -> tuple[DepictedMotif, ...]:
    """Return the prompt's motifs with their places in the scene."""
    boxes = {placed.motif.name: placed.box for placed in scene.motifs}
    return tuple(DepictedMotif(name, boxes.get(name)) for name in prompt.imagery)


def imagery_note(scene: Scene) -> str | None:
    """Return a sentence that names the motifs for which there was no room; None if there was room for all."""
    return f"no room beside the word, so not drawn: {', '.join(scene.left_out)}" if scene.left_out else None
