"""A scene: the word, and motifs of what it means in the free room around it."""

from worker.scene.composition import compose
from worker.scene.scene import PlacedMotif, Scene

__all__ = ["PlacedMotif", "Scene", "compose"]
