"""A scene: the word, and motifs of its meaning in the free space around it."""

from worker.scene.composition import compose
from worker.scene.scene import PlacedMotif, Scene

__all__ = ["PlacedMotif", "Scene", "compose"]
