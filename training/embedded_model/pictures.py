"""Procedural pictures: a word in one of eight styles, with the palette and the motif of a meaning.

They are the ceiling of what the embedded model can draw, so each style keeps the word apart from its background in
lightness, motifs fade where they would touch the ink, and they differ from their ground in hue more than in lightness.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from training.embedded_model.meanings import Colour, Palette
from training.embedded_model.motifs import MOTIFS

# How far motifs, their outlines and sheets of paper may lie from their ground in lightness (CIE L*, 0 to 100). Readers
# go by lightness: of 480 held-out characters the OCR judge read 443 with free motifs, 479 without any, 471 with these
# (python -m bench.embedded_model --parts ceiling).
MOTIF_REACH, OUTLINE_REACH, SHEET_REACH = 12, 24, 24
WOODBLOCK_PAPER = (240, 226, 198)

# OpenCV and NumPy return float32 or float64 here: both will do.
Plane = NDArray[Any]  # (height, width), mostly 0 to 1
Picture = NDArray[Any]  # (height, width, 3), 0 to 255


@dataclass(frozen=True)
class Scene:
    """What a style draws.

    Attributes:
        ink: coverage of the word, 0 to 1.
        motifs: coverage of the scattered motifs, 0 to 1, faded near the ink.
        outlines: coverage of the motifs' outlines.
        palette: colours of the meaning.
        random: everything accidental.
    """

    ink: Plane
    motifs: Plane
    outlines: Plane
    palette: Palette
    random: np.random.Generator

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width."""
        return self.ink.shape[0], self.ink.shape[1]


def make_scene(ink: NDArray[np.uint8], palette: Palette, motif: str, random: np.random.Generator) -> Scene:
    """Scatter a motif around a word.

    Args:
        ink: (height, width), 0 to 255.
        palette: colours.
        motif: a key of `MOTIFS`.
        random: where and how large.
    """
    height, width = ink.shape
    scale = 2
    canvas = np.zeros((height * scale, width * scale), np.uint8)
    lines = np.zeros_like(canvas)
    room = cv2.distanceTransform((ink < 40).astype(np.uint8), cv2.DIST_L2, 3)
    figures = MOTIFS[motif]()
    for _ in range(int(random.integers(9, 16))):
        place = _free_place(room, random)
        size = min(float(random.uniform(0.055, 0.11)) * min(height, width), max(6.0, float(room[place]) * 1.1))
        turn = random.normal(0, 0.25)
        rotation = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
        for figure in figures:
            points = (figure @ rotation * size + (place[1], place[0])) * scale * 16
            fixed = np.round(points).astype(np.int32)
            cv2.fillPoly(canvas, [fixed], 255, cv2.LINE_AA, 4)
            cv2.polylines(lines, [fixed], True, 255, scale * 2, cv2.LINE_AA, 4)
    fade = np.clip((room - 2) / 8, 0, 1).astype(np.float32)
    return Scene(_unit(ink), _shrink(canvas, scale) * fade, _shrink(lines, scale) * fade, palette, random)


def _free_place(room: Plane, random: np.random.Generator) -> tuple[int, int]:
    """Return the roomiest of four random places: row, column."""
    places = [(int(random.integers(room.shape[0])), int(random.integers(room.shape[1]))) for _ in range(4)]
    return max(places, key=lambda place: float(room[place]))


def comic(scene: Scene) -> Picture:
    """Halftone dots, flat colours, dark outlines."""
    height, width = scene.shape
    rows, columns = np.mgrid[0:height, 0:width].astype(np.float32)
    pitch = 7 * height / 256
    distance = np.hypot((columns + rows) % pitch - pitch / 2, (columns - rows) % pitch - pitch / 2)
    slope = rows / height * 0.75
    dots = np.clip(slope * pitch * 0.55 - distance + 0.5, 0, 1)
    picture = _mix(_flat(scene, scene.palette.light), _tint(scene.palette.light, scene.palette.accent, 0.45), dots)
    picture = _mix(picture, _near(scene.palette.accent, scene.palette.light, MOTIF_REACH), scene.motifs)
    picture = _mix(picture, _near(scene.palette.deep, scene.palette.light, OUTLINE_REACH), scene.outlines)
    thick = max(3, round(5 * height / 256))
    rim = cv2.dilate(scene.ink, np.ones((thick, thick), np.uint8))
    picture = _mix(picture, (255, 255, 255), cv2.dilate(rim, np.ones((thick, thick), np.uint8)))
    return _mix(picture, _tint(scene.palette.deep, (0, 0, 0), 0.35), rim if scene.random.random() < 0.3 else scene.ink)


def watercolor(scene: Scene) -> Picture:
    """Washes that run into one another, pigment that gathers at the edges, paper grain."""
    wash = np.clip(_noise(scene, 5) * 1.4 - 0.35, 0, 1)
    picture = _mix(_flat(scene, _tint(scene.palette.light, (255, 255, 255), 0.55)), scene.palette.light, wash)
    # The paint is thin, which takes a good third of the contrast away.
    wet_motifs = _wet(scene.motifs, scene) * 0.7
    picture = _mix(picture, _near(scene.palette.accent, scene.palette.light, 1.7 * MOTIF_REACH), wet_motifs)
    pigment = _wet(scene.ink, scene)
    colour = _mix(
        _flat(scene, scene.palette.deep), _tint(scene.palette.deep, scene.palette.accent, 0.25), _noise(scene, 8)
    )
    return _mix(picture, colour, pigment * 0.92) + _grain(scene, 4)


def ink_wash(scene: Scene) -> Picture:
    """Black ink on rice paper, grey washes, a red seal."""
    paper = _mix(_flat(scene, (244, 238, 224)), (226, 216, 196), _noise(scene, 6) * 0.6)
    picture = _mix(
        paper, _tint(scene.palette.deep, (150, 146, 138), 0.75), cv2.GaussianBlur(scene.motifs, (0, 0), 1.6) * 0.45
    )
    dry = np.clip(1.25 - 0.5 * _noise(scene, 40) * _noise(scene, 10), 0, 1)
    picture = _mix(picture, (22, 20, 22), scene.ink * dry)
    height, width = scene.shape
    size = height // 15
    top, left = height - 2 * size, size if scene.random.random() < 0.5 else width - 2 * size
    seal = np.zeros(scene.shape, np.float32)
    seal[top : top + size, left : left + size] = 1
    return _mix(picture, (184, 34, 26), seal * (1 - scene.ink)) + _grain(scene, 3)


def neon(scene: Scene) -> Picture:
    """Tubes of light on a dark wall."""
    picture = _mix(_flat(scene, (12, 10, 20)), _tint(scene.palette.deep, (10, 8, 24), 0.6), _noise(scene, 4))
    picture = _shine(picture, scene.palette.accent, scene.outlines * 0.3, 3.0)
    return _shine(picture, scene.palette.glow, scene.ink, 6.0)


def papercut(scene: Scene) -> Picture:
    """Layers of coloured paper, each with its shadow."""
    height, width = scene.shape
    columns = np.arange(width, dtype=np.float32)
    picture = _flat(scene, scene.palette.light)
    darkest = _near(scene.palette.accent, scene.palette.light, SHEET_REACH)
    for layer in range(3):
        crest = height * (0.3 + 0.24 * layer) + height * 0.05 * np.sin(
            columns / width * scene.random.uniform(5, 11) + scene.random.uniform(0, 6)
        )
        sheet = (np.arange(height, dtype=np.float32)[:, None] > crest).astype(np.float32)
        picture = _lay(picture, sheet, _tint(scene.palette.light, darkest, 0.24 * (layer + 1)), 3)
    picture = _lay(picture, scene.motifs, _near(scene.palette.accent, scene.palette.light, MOTIF_REACH), 1)
    return _lay(picture, scene.ink, scene.palette.deep, 4)


def oil(scene: Scene) -> Picture:
    """Thick strokes of paint with light on their ridges."""
    picture = _mix(
        _flat(scene, scene.palette.light), _tint(scene.palette.light, scene.palette.accent, 0.6), _brushwork(scene)
    )
    picture = _mix(picture, _near(scene.palette.accent, scene.palette.light, MOTIF_REACH), scene.motifs)
    picture = _mix(picture, scene.palette.deep, scene.ink)
    relief = _brushwork(scene) + 1.2 * cv2.GaussianBlur(scene.ink, (0, 0), 1.2) + 0.4 * scene.motifs
    light = cv2.Sobel(relief, cv2.CV_32F, 1, 0) + cv2.Sobel(relief, cv2.CV_32F, 0, 1)
    result: Picture = picture + np.clip(light, -1, 1)[:, :, None] * 34
    return result


def woodblock(scene: Scene) -> Picture:
    """Flat bands of colour with the grain of the wood, dark lines."""
    height, width = scene.shape
    rows = np.arange(height, dtype=np.float32)[:, None]
    bend = _noise(scene, 3) * 14
    grain = np.clip(np.sin((rows + bend) * 1.15) * 2 - 1.2, 0, 1)
    band = np.clip((rows / height - 0.55) * 3 + np.zeros((1, width), np.float32), 0, 1)
    picture = _mix(_flat(scene, WOODBLOCK_PAPER), _tint(scene.palette.light, scene.palette.accent, 0.55), band)
    picture = _mix(picture, _near(scene.palette.accent, WOODBLOCK_PAPER, MOTIF_REACH), scene.motifs)
    picture = _mix(picture, (70, 56, 44), grain * 0.35)
    picture = _mix(picture, _near(scene.palette.deep, WOODBLOCK_PAPER, OUTLINE_REACH), scene.outlines)
    return _mix(picture, (26, 22, 26), scene.ink * (1 - 0.25 * grain))


def chalk(scene: Scene) -> Picture:
    """Pastel chalk on a green board."""
    board = _mix(_flat(scene, (34, 62, 54)), (58, 88, 78), _noise(scene, 4) * 0.7)
    dust = np.clip(scene.random.normal(0.85, 0.28, scene.shape), 0, 1).astype(np.float32)
    picture = _mix(board, _tint(scene.palette.accent, (255, 255, 255), 0.15), scene.outlines * dust * 0.4)
    halo = cv2.GaussianBlur(scene.ink, (0, 0), 4) * 0.16
    picture = _mix(picture, (230, 230, 220), halo)
    return _mix(picture, _tint(scene.palette.glow, (255, 255, 255), 0.45), scene.ink * dust)


STYLES: dict[str, Callable[[Scene], Picture]] = {
    "comic": comic,
    "watercolor": watercolor,
    "ink_wash": ink_wash,
    "neon": neon,
    "papercut": papercut,
    "oil": oil,
    "woodblock": woodblock,
    "chalk": chalk,
}


def draw(style: str, scene: Scene) -> NDArray[np.uint8]:
    """Return the scene in a style, (height, width, 3)."""
    return np.clip(np.rint(STYLES[style](scene)), 0, 255).astype(np.uint8)


def _unit(plane: NDArray[np.uint8]) -> Plane:
    return plane.astype(np.float32) / 255


def _shrink(canvas: NDArray[np.uint8], scale: int) -> Plane:
    height, width = canvas.shape
    return _unit(cv2.resize(canvas, (width // scale, height // scale), interpolation=cv2.INTER_AREA).astype(np.uint8))


def _flat(scene: Scene, colour: Colour) -> Picture:
    return np.broadcast_to(np.array(colour, np.float32), (*scene.shape, 3))


def _tint(colour: Colour, towards: Colour, share: float) -> Colour:
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(colour, towards, strict=True))
    return red, green, blue


def _near(colour: Colour, ground: Colour, reach: float) -> Colour:
    """Return a colour with its lightness (CIE L*, 0 to 100) brought within reach of the ground's."""
    lab = cv2.cvtColor(np.array([[colour, ground]], np.float32) / 255, cv2.COLOR_RGB2Lab)
    lab[0, 0, 0] = np.clip(lab[0, 0, 0], lab[0, 1, 0] - reach, lab[0, 1, 0] + reach)
    red, green, blue = np.rint(cv2.cvtColor(lab, cv2.COLOR_Lab2RGB)[0, 0] * 255).astype(int).tolist()
    return red, green, blue


def _mix(picture: Picture, colour: Colour | Picture, coverage: Plane) -> Picture:
    alpha = np.clip(coverage, 0, 1)[:, :, None]
    mixed: Picture = picture * (1 - alpha) + np.asarray(colour, np.float32) * alpha
    return mixed


def _noise(scene: Scene, cells: int) -> Plane:
    """Return smooth noise, 0 to 1, with so many cells across."""
    coarse = scene.random.random((cells + 2, cells + 2)).astype(np.float32)
    height, width = scene.shape
    return np.clip(cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC), 0, 1).astype(np.float32)


def _grain(scene: Scene, strength: float) -> Picture:
    return scene.random.normal(0, strength, scene.shape).astype(np.float32)[:, :, None]


def _wet(coverage: Plane, scene: Scene) -> Plane:
    """Return pigment that has run a little and gathered at its edge."""
    soft = cv2.GaussianBlur(coverage, (0, 0), 1.1)
    edge = np.clip(soft - cv2.GaussianBlur(coverage, (0, 0), 3.5), 0, 1)
    result: Picture = np.clip(soft * (0.72 + 0.28 * _noise(scene, 9)) + 0.5 * edge, 0, 1)
    return result


def _shine(picture: Picture, colour: Colour, tube: Plane, radius: float) -> Picture:
    """Return the picture with a glowing tube: halo, coloured tube, white core."""
    halo = cv2.GaussianBlur(tube, (0, 0), radius) * 0.8 + cv2.GaussianBlur(tube, (0, 0), 2.2 * radius) * 0.5
    lit = picture + np.array(colour, np.float32) * np.clip(halo, 0, 1)[:, :, None] * 0.6
    lit = _mix(lit, colour, tube)
    core = cv2.erode(tube, np.ones((3, 3), np.uint8))
    return _mix(lit, _tint(colour, (255, 255, 255), 0.7), core * 0.8)


def _lay(picture: Picture, sheet: Plane, colour: Colour, lift: int) -> Picture:
    """Return the picture with a sheet of paper on it, which casts a shadow to the lower right."""
    shadow = cv2.GaussianBlur(np.roll(sheet, (lift, lift), (0, 1)), (0, 0), lift * 0.8)
    return _mix(_mix(picture, (0, 0, 0), shadow * 0.35), colour, sheet)


def _brushwork(scene: Scene) -> Plane:
    """Return noise drawn out into strokes of a random direction, 0 to 1."""
    height, width = scene.shape
    speckle = scene.random.random((height, width)).astype(np.float32)
    length = 17
    kernel = np.zeros((length, length), np.float32)
    angle = scene.random.uniform(0, np.pi)
    reach = np.array([np.cos(angle), np.sin(angle)]) * (length // 2)
    middle = length // 2
    start, end = (tuple(round(middle + sign * float(value)) for value in reach) for sign in (-1, 1))
    cv2.line(kernel, start, end, 1.0, 2)
    strokes = cv2.filter2D(speckle, -1, kernel / kernel.sum())
    result: Picture = np.clip((strokes - 0.5) * 3.2 + 0.5, 0, 1).astype(np.float32)
    return result
