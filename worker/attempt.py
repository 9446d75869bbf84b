"""An attempt at a job: its pictures, and how strongly the word steered them."""

from dataclasses import dataclass

from shared.schemas import ControlType
from shared.schemas.metadata import Legibility, LegibilityAttempt
from worker.engine.request import Drawing
from worker.legibility.control_levels import ControlLevel, ScoredLevel
from worker.plan import Plan


@dataclass(frozen=True)
class ScoredPicture:
    """A picture, the seed of its initial noise, and its legibility."""

    seed: int
    drawing: Drawing
    legibility: Legibility


@dataclass(frozen=True)
class Attempt:
    """Pictures that differ only in their noise, and how strongly the word steered them."""

    plan: Plan
    level: ControlLevel
    pictures: tuple[ScoredPicture, ...]

    @property
    def best(self) -> ScoredPicture:
        """The most legible picture; the first one in a tie."""
        return max(self.pictures, key=lambda picture: picture.legibility.of_print or 0.0)

    @property
    def weights(self) -> dict[ControlType, float]:
        """How strongly each control steered."""
        return self.level.apply(self.plan.weights)

    @property
    def guidance_scale(self) -> float:
        """How strongly the text steered."""
        return self.level.guidance_scale(self.plan.guidance_scale)

    @property
    def outcome(self) -> ScoredLevel:
        """The level and score from which the next level is chosen."""
        return ScoredLevel(self.level, self.best.legibility.of_print)

    def to_metadata(self, *, kept: bool) -> LegibilityAttempt:
        """Return the attempt's entry in the result's metadata."""
        return LegibilityAttempt(
            control_level=self.level.number,
            seed=self.best.seed,
            controlnet_weights=self.weights,
            guidance_scale=self.guidance_scale,
            control_guidance_end=self.level.guidance_end,
            score=self.best.legibility.score,
            of_print=self.best.legibility.of_print,
            read=self.best.legibility.read,
            kept=kept,
        )
