"""A motif: one thing that a picture can show, as flat coloured shapes."""

import re
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from shared.writing.varint import read_varint, varint

# The most motifs that one picture shows.
MAX_MOTIFS = 3

# The values that a request may give instead of motifs.
ImageryMode = Literal["auto", "none"]

# The longer side of a motif's box, in units.
SIDE = 1000

Point = tuple[int, int]
Contour = tuple[Point, ...]


@dataclass(frozen=True, slots=True)
class Shape:
    """One flat region.

    Attributes:
        colour: red, green, blue, 0 to 255.
        contours: closed polygons in units, x to the right, y down, filled by the even-odd rule.
    """

    colour: tuple[int, int, int]
    contours: tuple[Contour, ...]


@dataclass(frozen=True, slots=True)
class Motif:
    """A motif.

    Attributes:
        name: the name in requests and results, in lower case with hyphens: "graduation-cap".
        phrase: the phrase in prompts: "a graduation cap".
        width: the width of its box, in units; the longer side is `SIDE`.
        height: the height of its box, in units.
        shapes: its shapes; later ones cover earlier ones.
    """

    name: str
    phrase: str
    width: int
    height: int
    shapes: tuple[Shape, ...]

    def to_svg(self) -> str:
        """Return the motif as an SVG document."""
        paths = "".join(
            f'<path fill="#{bytes(shape.colour).hex()}" fill-rule="evenodd" d="{_path(shape.contours)}"/>'
            for shape in self.shapes
        )
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {self.width} {self.height}" role="img">'
            f"<title>{self.phrase}</title>{paths}</svg>"
        )


def motif_name(text: str) -> str:
    """Return a name in the normal form of motifs: "Graduation Cap" becomes "graduation-cap"."""
    return re.sub(r"[\s_-]+", "-", text.strip().casefold())


def encode_shapes(shapes: Sequence[Shape]) -> bytes:
    """Return shapes as one compressed record: colours, then coordinates as varint differences."""
    payload = bytearray(varint(len(shapes)))
    previous = (0, 0)
    for shape in shapes:
        payload += bytes(shape.colour) + varint(len(shape.contours))
        for contour in shape.contours:
            payload += varint(len(contour))
            for point in contour:
                payload += varint(point[0] - previous[0]) + varint(point[1] - previous[1])
                previous = point
    return zlib.compress(bytes(payload), 9)


def decode_shapes(record: bytes) -> tuple[Shape, ...]:
    """Return the shapes that `encode_shapes` wrote.

    Raises:
        ValueError: the record is damaged.
    """
    try:
        return tuple(_shapes(zlib.decompress(record)))
    except (zlib.error, IndexError) as error:
        raise ValueError(f"a motif's record is damaged: {error}") from error


def _shapes(payload: bytes) -> Iterator[Shape]:
    position, x, y = 0, 0, 0

    def number() -> int:
        nonlocal position
        value, position = read_varint(payload, position)
        return value

    def points(count: int) -> Iterator[Point]:
        nonlocal x, y
        for _ in range(count):
            x += number()
            y += number()
            yield x, y

    for _ in range(number()):
        red, green, blue = payload[position : position + 3]
        position += 3
        yield Shape((red, green, blue), tuple(tuple(points(number())) for _ in range(number())))


def _path(contours: Sequence[Contour]) -> str:
    return "".join(f"M{' '.join(f'{x},{y}' for x, y in contour)}Z" for contour in contours)
