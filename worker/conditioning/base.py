"""The base of all conditionings: a table of methods that turn a scene into an RGB image."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from shared.errors import MethodUnavailable
from shared.schemas import ControlType
from shared.styles import Pen
from worker.glyphs import Glyph
from worker.scene import Scene

RGB = NDArray[np.uint8]

# Position of each type in the Union ControlNet's control-type vector (model card of xinsir/controlnet-union-sdxl-1.0:
# 0 openpose, 1 depth, 2 hed/pidi/scribble, 3 canny/lineart/mlsd, 4 normal, 5 segment).
CONTROL_TYPE_INDEX: Mapping[ControlType, int] = {"depth": 1, "scribble": 2, "canny": 3, "segmentation": 5}

# The width of drawn lines as a share of the picture's shorter side: 3 px at 256, 12 px at 1024.
LINE_WIDTH = 3 / 256


@dataclass(frozen=True, slots=True)
class Brush:
    """How to draw by hand: the style's pen, and the seed of every random detail."""

    pen: Pen = field(default_factory=Pen)
    seed: int = 0


def always() -> str | None:
    """Return None: a method without requirements is always available."""
    return None


def no_notes(_glyph: Glyph) -> dict[str, Any]:
    """Return no notes, as most methods do."""
    return {}


Draw = Callable[[Scene, Brush], RGB]


def layered(draw_word: Callable[[Glyph, Brush], RGB], add_motifs: Callable[[RGB, Scene, Brush], None]) -> Draw:
    """Return a function that draws a scene in two layers.

    Args:
        draw_word: returns an image of the word alone.
        add_motifs: draws the motifs into that image.
    """

    def draw(scene: Scene, brush: Brush) -> RGB:
        image = draw_word(scene.glyph, brush)
        if scene.motifs:
            add_motifs(image, scene, brush)
        return image

    return draw


@dataclass(frozen=True, slots=True)
class Method:
    """One way to draw a conditioning image.

    Attributes:
        draw: turns scene and brush into an RGB image (height, width, 3) of the scene's size. Deterministic.
        notes: the method's entry in the result's metadata for a glyph, e.g. that a fallback was used.
        unavailable: returns why the method cannot run here, or None.
    """

    draw: Draw
    notes: Callable[[Glyph], dict[str, Any]] = no_notes
    unavailable: Callable[[], str | None] = always


class Conditioning:
    """One conditioning type: its methods, the default first."""

    control_type: ClassVar[ControlType]

    def __init__(self, methods: Mapping[str, Method]) -> None:
        """Set the methods by name."""
        self._methods = methods

    @property
    def available_methods(self) -> tuple[str, ...]:
        """The methods that can run here, the default first."""
        return tuple(name for name, method in self._methods.items() if method.unavailable() is None)

    @property
    def unavailable_methods(self) -> dict[str, str]:
        """The methods that cannot run here, each with the reason."""
        return {name: reason for name, method in self._methods.items() if (reason := method.unavailable()) is not None}

    def generate(self, scene: Scene | Glyph, method: str | None = None, brush: Brush | None = None) -> Image.Image:
        """Return the conditioning image.

        Args:
            scene: the word and its motifs, or the word alone, at the picture's size.
            method: one of `available_methods`; the first by default.
            brush: pen and seed for hand-drawn methods; by default an even pen and seed 0.

        Returns:
            An RGB image of the scene's size.

        Raises:
            MethodUnavailable: the method is unknown or cannot run here.
        """
        whole = Scene(scene) if isinstance(scene, Glyph) else scene
        return Image.fromarray(self._method(method).draw(whole, brush or Brush()))

    def notes(self, scene: Scene | Glyph, method: str | None = None) -> dict[str, Any]:
        """Return this method's metadata notes for this word. Raises the same errors as `generate`."""
        return self._method(method).notes(scene if isinstance(scene, Glyph) else scene.glyph)

    def _method(self, name: str | None) -> Method:
        chosen = name or next(iter(self._methods))
        available = ", ".join(self.available_methods)
        field_name = f"conditioning_methods.{self.control_type}"
        if chosen not in self._methods:
            raise MethodUnavailable(
                f"{self.control_type} has no method {chosen!r}; available: {available}", field=field_name
            )
        reason = self._methods[chosen].unavailable()
        if reason is not None:
            raise MethodUnavailable(f"{chosen}: {reason}; available: {available}", field=field_name)
        return self._methods[chosen]


def to_rgb(gray: NDArray[Any]) -> RGB:
    """Return a (height, width) image with values 0 to 255 as (height, width, 3), uint8."""
    return cv2.cvtColor(gray.astype(np.uint8, copy=False), cv2.COLOR_GRAY2RGB).astype(np.uint8, copy=False)


def brighten(image: RGB, region: tuple[slice, slice], gray: NDArray[np.uint8]) -> None:
    """Draw white lines into a region of an image, keeping the brighter value of each pixel.

    Args:
        image: (height, width, 3).
        region: its rows and columns.
        gray: (rows, columns), 0 to 255.
    """
    image[region] = cv2.max(image[region], to_rgb(gray))
