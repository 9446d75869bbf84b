"""What every conditioning is: a table of methods that turn a glyph into an RGB image."""

from abc import ABC
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from shared.errors import MethodUnavailable
from shared.schemas import ControlType
from worker.glyphs import Glyph

RGB = NDArray[np.uint8]
Method = Callable[[Glyph], RGB]

# Position of each type in the Union ControlNet's control-type vector (model card of xinsir/controlnet-union-sdxl-1.0:
# 0 openpose, 1 depth, 2 hed/pidi/scribble, 3 canny/lineart/mlsd, 4 normal, 5 segment).
CONTROL_TYPE_INDEX: Mapping[ControlType, int] = {"depth": 1, "scribble": 2, "canny": 3, "segmentation": 5}

# The width of drawn lines, as a share of the picture's shorter side: 3 px at 256, 12 px at 1024.
LINE_WIDTH = 3 / 256


class Conditioning(ABC):
    """One conditioning type."""

    control_type: ClassVar[ControlType]
    methods: ClassVar[Mapping[str, Method]]

    @property
    def available_methods(self) -> tuple[str, ...]:
        """The methods that can run here, the default first."""
        return tuple(self.methods)

    def generate(self, glyph: Glyph, method: str | None = None) -> Image.Image:
        """Return the conditioning image.

        Args:
            glyph: the word, drawn at the picture's size.
            method: one of `available_methods`; None takes the first.

        Returns:
            An RGB image of the glyph's size.

        Raises:
            MethodUnavailable: the method is not one of `available_methods`.
        """
        name = method or self.available_methods[0]
        if name not in self.available_methods:
            raise MethodUnavailable(
                f"{name!r} is not available; {self.control_type} has {', '.join(self.available_methods)}",
                field=f"conditioning_methods.{self.control_type}",
            )
        return Image.fromarray(self.methods[name](glyph))


def to_rgb(gray: NDArray[Any]) -> RGB:
    """Return a (height, width) image of 0 to 255 as (height, width, 3), uint8."""
    return np.repeat(gray[:, :, None].astype(np.uint8), 3, axis=2)
