"""What a result's metadata says of the motifs."""

from shared.schemas.metadata import DepictedMotif
from worker.prompt_builder import PromptResult
from worker.scene import Scene


def depicted(prompt: PromptResult, scene: Scene) -> tuple[DepictedMotif, ...]:
    """Return the prompt's motifs with their places in the scene."""
    boxes = {placed.motif.name: placed.box for placed in scene.motifs}
    return tuple(DepictedMotif(name=name, box=boxes.get(name)) for name in prompt.imagery)


def imagery_note(scene: Scene) -> str:
    """Return a sentence that names the motifs for which there was no room; "" if there was room for all."""
    return f"no room beside the word, so not drawn: {', '.join(scene.left_out)}" if scene.left_out else ""
