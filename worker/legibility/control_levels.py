"""From a legibility target to control strength: which control level to try next, and which attempt to keep.

Level 0 has the style's own weights over all steps. Each level up raises the weights and their lower bound, so that weak
controls help too, and lowers the text's guidance, which works against them. Each level down lowers the weights and
releases the last steps from control. The schedule is in docs/explanation/legibility.md.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from shared.schemas import ControlType

MAX_WEIGHT = 2.0

# How far a score must exceed the target before less control is tried.
FAR_OVER = 0.2


@dataclass(frozen=True, slots=True)
class ControlLevel:
    """A setting of how strongly the word steers.

    Attributes:
        number: 0 for the style's own weights, higher for more control.
        factor: multiplies the weights.
        floor: the lower bound for the weights of controls that steer.
        guidance_end: share of the steps after which the ControlNet stops.
        text: multiplies the part of the guidance scale above 1.
    """

    number: int
    factor: float
    floor: float
    guidance_end: float
    text: float = 1.0

    def apply(self, weights: Mapping[ControlType, float]) -> dict[ControlType, float]:
        """Return the weights at this level, at most 2. Controls that do not steer are omitted."""
        return {
            control_type: round(min(MAX_WEIGHT, max(self.floor, self.factor * weight)), 3)
            for control_type, weight in weights.items()
        }

    def steers(self, num_inference_steps: int) -> bool:
        """Return whether the word steers at least one step at this level."""
        return 1 / num_inference_steps <= self.guidance_end

    def guidance_scale(self, scale: float) -> float:
        """Return the guidance scale at this level; at least 1, which disables guidance."""
        return round(1 + (scale - 1) * self.text, 3)


LEVELS = {
    level.number: level
    for level in (
        ControlLevel(-3, 0.40, 0.0, 0.4),
        ControlLevel(-2, 0.55, 0.0, 0.6),
        ControlLevel(-1, 0.75, 0.0, 0.8),
        ControlLevel(0, 1.00, 0.0, 1.0),
        ControlLevel(1, 1.20, 0.6, 1.0, 0.6),
        ControlLevel(2, 1.40, 0.8, 1.0, 0.4),
        ControlLevel(3, 1.60, 1.0, 1.0, 0.25),
    )
}
FIRST = LEVELS[0]


@dataclass(frozen=True, slots=True)
class ScoredLevel:
    """An attempt's level and its score as a share of print's (None if unknown)."""

    level: ControlLevel
    score: float | None


def next_level(outcomes: Sequence[ScoredLevel], target: float, num_inference_steps: int) -> ControlLevel | None:
    """Return the level to try after these attempts, or None to stop.

    The attempts go in one direction: up from level 0 until the target is met, or down while the score far exceeds it
    and the word steers at least one step.

    Args:
        outcomes: the attempts so far, at least one.
        target: the score to reach, 0 to 1.
        num_inference_steps: the steps of an attempt.
    """
    latest = outcomes[-1]
    if latest.score is None:
        return None
    number = latest.level.number
    if latest.score < target:
        return LEVELS.get(number + 1) if number >= 0 else None
    lower = LEVELS.get(number - 1) if number <= 0 and latest.score - target > FAR_OVER else None
    return lower if lower is not None and lower.steers(num_inference_steps) else None


def best(outcomes: Sequence[ScoredLevel], target: float) -> int:
    """Return the index of the attempt to keep.

    It is the one with the least control that meets the target, or else the most legible one.
    """
    meeting = [index for index, outcome in enumerate(outcomes) if outcome.score is not None and outcome.score >= target]
    if meeting:
        return min(meeting, key=lambda index: outcomes[index].level.number)
    return max(range(len(outcomes)), key=lambda index: outcomes[index].score or 0.0)
