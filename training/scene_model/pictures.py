"""What the embedded model learns to draw: a scene in eight procedural styles.

Shapes and colours of the motifs are those of the maps that the service's conditioners draw of the same scene; what the
maps do not say (the ground, its ornaments, the texture) is left to chance, as it is left to the model. The word has the
strongest contrast of all.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from training.scene_model.palettes import Colour, Palette, choose_palette, colour, hue_of
from worker.scene import Scene

# OpenCV and NumPy return float32 or float64 here: both will do.
Plane = NDArray[Any]  # (height, width), mostly 0 to 1
Picture = NDArray[Any]  # (height, width, 3), 0 to 1

BLACK, WHITE = (0, 0, 0), (255, 255, 255)


@dataclass(frozen=True)
class Canvas:
    """A scene's layers, as a style paints them.

    Attributes:
        ink: (height, width), coverage of the word, 0 to 1.
        motifs: (height, width, 3), the motifs' colours, 0 to 1; beyond them, without meaning.
        shape: (height, width), coverage of the motifs.
        lines: (height, width), borders between their colours and their silhouettes.
        random: everything accidental.
    """

    ink: Plane
    motifs: Picture
    shape: Plane
    lines: Plane
    random: np.random.Generator

    @property
    def unit(self) -> float:
        """Pixels of a 512th of the shorter side."""
        return float(min(self.ink.shape) / 512)

    @cached_property
    def hue(self) -> float | None:
        """The motifs' hue; None: there are none, or they are grey."""
        shown = self.shape[::8, ::8].ravel()
        return hue_of(self.motifs[::8, ::8].reshape(-1, 3), shown) if shown.any() else None

    def palette(self, *, dark: bool | None = None) -> Palette:
        """Return a palette that suits the motifs."""
        return choose_palette(self.random, self.hue, dark=dark)

    def flat(self, paint: Colour) -> Picture:
        """Return one colour everywhere."""
        return np.broadcast_to(_unit(paint), (*self.ink.shape, 3))

    def noise(self, cells: float) -> Plane:
        """Return smooth noise, 0 to 1, with so many cells along the shorter side."""
        height, width = self.ink.shape
        down, across = (max(2, round(cells * side / min(height, width))) for side in (height, width))
        coarse = self.random.random((down + 2, across + 2), dtype=np.float32)
        return np.clip(cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC), 0, 1)

    def grain(self) -> Plane:
        """Return noise of mean 0 and deviation 1, a little larger than pixels."""
        height, width = self.ink.shape
        side = max(1.0, 1.2 * self.unit)
        fine = self.random.standard_normal((int(height / side) + 1, int(width / side) + 1), dtype=np.float32)
        return cv2.resize(fine, (width, height), interpolation=cv2.INTER_LINEAR)


def make_canvas(scene: Scene, random: np.random.Generator) -> Canvas:
    """Return a scene's layers."""
    height, width = scene.glyph.ink.shape
    colours, shape = np.full((height, width, 3), 0.5, np.float32), np.zeros((height, width), np.float32)
    flat = np.full((height, width, 3), -1, np.int16)
    for placed in scene.motifs:
        collage = placed.collage.astype(np.float32) / 255
        coverage = collage[:, :, 3]
        colours[placed.region()] = np.where(
            coverage[:, :, None] > 0.02, collage[:, :, :3] / np.maximum(coverage[:, :, None], 0.02), 0.5
        )
        shape[placed.region()] = coverage
        flat[placed.region()] = np.where(placed.flat[:, :, 3:] > 0, placed.flat[:, :, :3].astype(np.int16), -1)
    borders = np.zeros((height, width), np.float32)
    for axis in (0, 1):
        differs = (np.abs(np.diff(flat, axis=axis)).max(2) > 8).astype(np.float32)
        borders[: differs.shape[0], : differs.shape[1]] = np.maximum(
            borders[: differs.shape[0], : differs.shape[1]], differs
        )
    return Canvas(scene.glyph.ink.astype(np.float32) / 255, np.clip(colours, 0, 1), shape, borders, random)


def comic(canvas: Canvas) -> Picture:
    """Flat colour, ink outlines, halftone dots, rays."""
    palette, unit = canvas.palette(), canvas.unit
    picture = canvas.flat(palette.ground)
    across, down = _coordinates(canvas)
    if canvas.random.random() < 0.5:
        middle = canvas.random.uniform(0.25, 0.75, 2)
        angle = np.arctan2(down - middle[0] * down.max(), across - middle[1] * across.max())
        count = int(canvas.random.integers(7, 13))
        picture = _mix(picture, palette.second, _step(np.sin(angle * count) * 3))
    slope = np.clip(canvas.random.uniform(-0.2, 0.3) + _ramp(canvas), 0, 1)
    dots = _halftone(canvas, slope * 0.75, canvas.random.uniform(10, 16))
    dot_colour = _toward(palette.ground, BLACK if not palette.is_dark else WHITE, 0.16)
    picture = _mix(picture, dot_colour, dots)
    # Motifs: flat colours, the side away from the light in dots.
    shadow = np.clip(
        cv2.GaussianBlur(canvas.shape, (0, 0), 12 * unit) - _moved(canvas.shape, -9 * unit, 12 * unit), 0, 1
    )
    body = canvas.motifs * (1 - 0.35 * _halftone(canvas, shadow * 1.3, 9)[:, :, None])
    picture = _mix(picture, WHITE, _grown(canvas.shape, 7 * unit))
    picture = _mix(picture, body, canvas.shape)
    lines = np.maximum(_grown(canvas.lines, 1.1 * unit), _ring(canvas.shape, 2.4 * unit))
    picture = _mix(picture, (16, 14, 20), lines)
    rim, gap = ((12, 10, 16), WHITE) if palette.is_dark else (WHITE, palette.ink)
    picture = _mix(
        picture, _toward(palette.accent, BLACK, 0.25), _moved(_grown(canvas.ink, 5 * unit), 6 * unit, 7 * unit)
    )
    picture = _mix(picture, rim, _grown(canvas.ink, 6 * unit))
    return _mix(picture, gap if palette.is_dark else palette.ink, canvas.ink)


def watercolor(canvas: Canvas) -> Picture:
    """Washes that bleed and leave the paper white at its border, pigment that gathers at edges, grain of paper."""
    palette, unit = canvas.palette(dark=False), canvas.unit
    tooth = canvas.grain() * 0.5 + canvas.noise(180) - 0.5
    picture = canvas.flat((252, 249, 241)) + 0.012 * tooth[:, :, None]
    edge = np.clip(_from_border(canvas) * 9 + 1.6 * canvas.noise(5) - 1.1, 0, 1)
    for paint, cells in ((palette.ground, 3), (palette.second, 5)):
        wash = _step((canvas.noise(cells) * 0.7 + canvas.noise(cells * 4) * 0.3 - 0.42) * 10) * edge
        picture = _stain(picture, paint, _pooled(wash, 5 * unit) * (0.55 + 0.35 * canvas.noise(9)) * 0.8)
    # Motifs: their own paper first, then paint that wanders over its lines.
    bleed = _wander(canvas, 2 * unit)
    body, cover = _remapped(canvas.motifs, bleed), _remapped(canvas.shape, bleed)
    picture = _mix(picture, (250, 247, 240), _grown(cover, 2 * unit) * 0.92)
    density = _pooled(cover, 3 * unit) * (0.88 + 0.16 * canvas.noise(14)) + 0.04 * tooth
    picture = _mix(picture, cv2.GaussianBlur(body, (0, 0), 1.1 * unit), np.clip(density, 0, 0.95))
    picture = picture * (1 - 0.5 * cv2.GaussianBlur(canvas.lines, (0, 0), 0.9 * unit)[:, :, None])
    word = _pooled(_remapped(canvas.ink, _wander(canvas, 1.2 * unit)), 3 * unit)
    picture = _mix(picture, (250, 247, 240), _grown(canvas.ink, 4 * unit) * 0.6)
    pigment = _blend(palette.ink, _toward(palette.ink, palette.accent, 0.35), canvas.noise(7))
    return _mix(picture, pigment, np.clip(word * (0.86 + 0.14 * canvas.noise(20)), 0, 0.97)) + 0.012 * tooth[:, :, None]


def ink_wash(canvas: Canvas) -> Picture:
    """Black ink on rice paper, motifs in tones of grey, mist and far hills, a red seal."""
    unit = canvas.unit
    fibres = canvas.noise(120) * 0.6 + canvas.noise(40) * 0.4
    paper = _blend((247, 241, 226), (229, 218, 194), fibres * 0.6 + canvas.noise(3) * 0.4)
    picture = paper
    height = canvas.ink.shape[0]
    down = np.arange(height, dtype=np.float32)[:, None] / height
    for depth in range(int(canvas.random.integers(0, 4))):
        crest = canvas.random.uniform(0.35, 0.75) + 0.16 * (canvas.noise(2 + depth)[:1] - 0.5) * 2
        hill = np.clip((down - crest) * height / (3 * unit), 0, 1) * np.exp(-np.clip(down - crest, 0, 1) * 7)
        picture = _mix(picture, (120, 122, 124), hill * (0.28 + 0.1 * depth))
    tone = cv2.cvtColor(canvas.motifs.astype(np.float32), cv2.COLOR_RGB2GRAY)
    bleed = _wander(canvas, 2.5 * unit)
    cover = _pooled(_remapped(canvas.shape, bleed), 4 * unit)
    grey = np.repeat((0.22 + 0.66 * _remapped(tone, bleed))[:, :, None], 3, axis=2)
    picture = _mix(picture, paper, _grown(canvas.shape, 5 * unit) * 0.85)
    picture = _mix(picture, cv2.GaussianBlur(grey, (0, 0), 1.3 * unit), cover * (0.72 + 0.24 * canvas.noise(16)))
    brush = np.clip(_grown(canvas.lines, 0.9 * unit) + _ring(canvas.shape, 1.8 * unit), 0, 1) * _dry(canvas, 0.55)
    picture = _mix(picture, (44, 42, 44), brush * 0.8)
    picture = _mix(picture, (18, 16, 18), canvas.ink * np.maximum(_dry(canvas, 0.9), 0.86))
    return _sealed(canvas, picture) + 0.01 * canvas.grain()[:, :, None]


def neon(canvas: Canvas) -> Picture:
    """Glowing tubes on a brick wall at night."""
    palette, unit = canvas.palette(dark=True), canvas.unit
    wall = _blend(_toward(palette.ground, BLACK, 0.45), _toward(palette.second, BLACK, 0.55), canvas.noise(3))
    picture = wall * (0.86 + 0.14 * canvas.noise(60)[:, :, None])
    if canvas.random.random() < 0.65:
        picture = picture * (1 - 0.4 * _mortar(canvas)[:, :, None])
    tubes = np.clip(_grown(_ring(canvas.shape, 3 * unit) + 0.85 * canvas.lines, 0.8 * unit), 0, 1)
    bright = _brightened(canvas.motifs, canvas.shape, 6 * unit)
    picture = picture + cv2.GaussianBlur(bright * tubes[:, :, None], (0, 0), 9 * unit) * 1.1
    picture = _mix(picture, bright * 0.16, canvas.shape * 0.55)
    picture = _mix(picture, bright * 0.92, tubes)
    glow = colour(canvas.random.uniform(), 0.62, 1.0)
    light = _unit(glow) * (cv2.GaussianBlur(canvas.ink, (0, 0), 7 * unit) * 0.75)[:, :, None]
    picture = picture + light + _unit(glow) * (cv2.GaussianBlur(canvas.ink, (0, 0), 24 * unit) * 0.4)[:, :, None]
    picture = _mix(picture, glow, canvas.ink)
    core = cv2.GaussianBlur(canvas.ink, (0, 0), 2 * unit)
    return _mix(picture, (255, 252, 244), np.clip(core * 2.2 - 1.0, 0, 1) * canvas.ink * 0.92)


def papercut(canvas: Canvas) -> Picture:
    """Layered sheets of coloured paper, each with its shadow."""
    palette, unit = canvas.palette(), canvas.unit
    height, width = canvas.ink.shape
    picture = canvas.flat(palette.second)
    across = np.arange(width, dtype=np.float32) / width
    layers = int(canvas.random.integers(2, 5))
    far, near = palette.second, palette.ground
    for layer in range(layers):
        wave = np.sin(across * canvas.random.uniform(4, 11) + canvas.random.uniform(0, 6)) * 0.5
        wave = wave + np.sin(across * canvas.random.uniform(11, 23) + canvas.random.uniform(0, 6)) * 0.25
        crest = height * ((layer + 0.6) / (layers + 0.6) + 0.05 * wave)
        sheet = np.clip(np.arange(height, dtype=np.float32)[:, None] - crest, 0, 1)
        picture = _laid(picture, sheet, _toward(far, near, (layer + 1) / layers), 6 * unit)
    picture = _laid(picture, _grown(canvas.shape, 4 * unit), (250, 247, 240), 7 * unit)
    shade = np.clip(_moved(cv2.GaussianBlur(canvas.lines, (0, 0), 1.6 * unit), 1.8 * unit, 2.2 * unit) * 2.2, 0, 1)
    picture = _mix(picture, canvas.motifs * (1 - 0.42 * shade[:, :, None]), canvas.shape)
    if palette.is_dark:
        picture = _laid(picture, canvas.ink, palette.ink, 6 * unit)
    else:
        picture = _laid(picture, _grown(canvas.ink, 5 * unit), (252, 250, 245), 6 * unit)
        picture = _laid(picture, canvas.ink, palette.ink, 3 * unit)
    return picture + 0.012 * canvas.grain()[:, :, None]


def oil(canvas: Canvas) -> Picture:
    """Thick strokes of paint, with light on their ridges."""
    palette, unit = canvas.palette(), canvas.unit
    ground = _blend(palette.ground, palette.second, np.clip(canvas.noise(3) * 2 - 0.5, 0, 1))
    ground = _blend(ground, _toward(palette.ground, palette.accent, 0.35), np.clip(canvas.noise(5) * 2.4 - 1.5, 0, 1))
    rough = _wander(canvas, 1.4 * unit)
    picture = _mix(ground, _remapped(canvas.motifs, rough), _remapped(canvas.shape, rough))
    word = np.clip(_remapped(canvas.ink, _wander(canvas, 1.2 * unit)) * 1.15, 0, 1)
    picture = _mix(picture, palette.ground, _grown(canvas.ink, 6 * unit) * 0.75)
    picture = _mix(picture, palette.ink, word)
    strokes = _strokes(canvas, cv2.GaussianBlur(canvas.shape + word, (0, 0), 6 * unit))
    # Paint lies calmer where it has a form to show.
    calm = 1 - 0.75 * np.clip(word + canvas.shape, 0, 1)
    picture = picture * (1 + 0.2 * (strokes - 0.5) * calm)[:, :, None]
    relief = strokes * 1.5 * calm + cv2.GaussianBlur(word, (0, 0), 2 * unit) * 1.6
    relief = relief + cv2.GaussianBlur(canvas.shape, (0, 0), 2 * unit) * 0.6
    light = -(np.gradient(relief, axis=0) + np.gradient(relief, axis=1)) * min(1.0, unit * 1.4)
    result: Plane = picture + np.clip(light, -0.2, 0.2)[:, :, None] * 0.6
    return result


# Pigments of Japanese prints: indigo, Prussian blue, light blue, vermilion, madder, rose, orange, ochre, yellow, moss,
# green, violet, brown, light brown, grey, black, paper. The first nine may be sky or land.
INKS = np.array(
    [(38, 52, 96), (44, 96, 140), (140, 186, 208), (196, 62, 44), (150, 40, 52), (222, 152, 140), (222, 128, 56),
     (206, 158, 78), (238, 208, 104), (120, 142, 70), (52, 112, 84), (110, 84, 128), (104, 72, 52), (176, 136, 98),
     (134, 134, 130), (44, 40, 42), (243, 234, 212)], np.float32,
) / 255  # fmt: skip
GROUNDS = 9


def woodblock(canvas: Canvas) -> Picture:
    """Few inks printed over carved lines, a graded sky, the grain of the wood."""
    unit = canvas.unit
    paper = _blend((243, 232, 206), (232, 216, 184), canvas.noise(4))
    height, width = canvas.ink.shape
    down = np.arange(height, dtype=np.float32)[:, None] / height + np.zeros((1, width), np.float32)
    sky, land = INKS[canvas.random.permutation(GROUNDS)[:2]]
    fade = canvas.random.uniform(0.25, 0.5)
    picture = paper
    picture = _mix(picture, sky, np.clip(1 - down / fade, 0, 1) ** 1.4 * 0.8)
    crest = canvas.random.uniform(0.6, 0.85) + 0.05 * np.sin(np.arange(width) / width * canvas.random.uniform(3, 9))
    picture = _mix(picture, _blend(land, paper, np.full_like(down, 0.35)), np.clip((down - crest) * height, 0, 1) * 0.8)
    bend = canvas.noise(3) * 26
    wood = np.clip(np.sin((np.arange(height, dtype=np.float32)[:, None] / unit + bend) * 0.62) * 1.6 - 0.9, 0, 1)
    # Each motif is printed in the nearest inks, a little beside its lines.
    lab = cv2.cvtColor(canvas.motifs.astype(np.float32), cv2.COLOR_RGB2Lab)
    inks = cv2.cvtColor(INKS[None], cv2.COLOR_RGB2Lab)[0]
    nearest = INKS[((lab[:, :, None, :] - inks) ** 2).sum(3).argmin(2)]
    off = canvas.random.uniform(-1.5, 1.5, 2) * unit
    picture = _mix(picture, paper, _grown(canvas.shape, 5 * unit))
    picture = _mix(picture, _moved(nearest, *off), _moved(canvas.shape, *off) * (1 - 0.2 * wood))
    carved = _remapped(_grown(canvas.lines, 0.6 * unit) + _ring(canvas.shape, 2 * unit), _wander(canvas, 0.7 * unit))
    picture = _mix(picture, (38, 32, 36), np.clip(carved, 0, 1) * (1 - 0.3 * wood))
    picture = _mix(picture, (120, 100, 80), wood * 0.14)
    picture = _mix(picture, paper, _grown(canvas.ink, 5 * unit))
    word = _remapped(canvas.ink, _wander(canvas, 0.8 * unit))
    return _mix(picture, (24, 20, 24), word * (1 - 0.14 * wood)) + 0.01 * canvas.grain()[:, :, None]


def chalk(canvas: Canvas) -> Picture:
    """Dusty lines and hatching on a board."""
    unit = canvas.unit
    boards = ((34, 62, 54), (40, 44, 48), (30, 46, 74), (60, 44, 40))
    board = boards[int(canvas.random.integers(len(boards)))]
    smear = np.clip(canvas.noise(3) * 0.7 + canvas.noise(9) * 0.3, 0, 1)
    picture = _blend(board, _toward(board, WHITE, 0.16), smear) + 0.012 * canvas.grain()[:, :, None]
    dust = np.clip(0.8 + 0.3 * cv2.GaussianBlur(canvas.grain(), (0, 0), 1.2 * unit) * 2, 0.15, 1)
    pastel = canvas.motifs * 0.8 + 0.2
    across, down = _coordinates(canvas)
    turn = canvas.random.uniform(0.5, 1.0)
    hatch = _step(np.sin((across * turn + down) / (2.6 * unit) + canvas.noise(6) * 2) * 2 + 0.4)
    picture = _mix(picture, pastel, canvas.shape * (0.52 + 0.36 * hatch) * dust)
    lines = np.clip(
        _remapped(_grown(canvas.lines, 0.9 * unit) + _ring(canvas.shape, 2.6 * unit), _wander(canvas, unit)), 0, 1
    )
    picture = _mix(picture, canvas.motifs * 0.35 + 0.65, lines * dust)
    picture = _mix(picture, _toward(board, BLACK, 0.25), _grown(canvas.ink, 6 * unit) * 0.6)
    tint = colour(canvas.random.uniform(), 0.9, canvas.random.uniform(0, 1))
    picture = _mix(picture, tint, cv2.GaussianBlur(canvas.ink, (0, 0), 7 * unit) * 0.12)
    return _mix(picture, tint, canvas.ink * np.clip(dust + 0.25, 0, 1))


STYLES: dict[str, Callable[[Canvas], Picture]] = {
    "comic": comic,
    "watercolor": watercolor,
    "ink_wash": ink_wash,
    "neon": neon,
    "papercut": papercut,
    "oil": oil,
    "woodblock": woodblock,
    "chalk": chalk,
}


def draw(style: str, scene: Scene, random: np.random.Generator) -> NDArray[np.uint8]:
    """Return a scene in a style, (height, width, 3), RGB."""
    picture = STYLES[style](make_canvas(scene, random))
    result: NDArray[np.uint8] = np.clip(np.rint(picture * 255), 0, 255).astype(np.uint8)
    return result


def _unit(paint: Any) -> Picture:
    """Return a colour of 0 to 255, or a picture of 0 to 1, in 0 to 1."""
    return np.array(paint, np.float32) / 255 if isinstance(paint, tuple) else paint


def _toward(paint: Colour, other: Colour, share: float) -> Colour:
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(paint, other, strict=True))
    return red, green, blue


def _mix(picture: Picture, paint: Any, coverage: Plane) -> Picture:
    alpha = np.clip(coverage, 0, 1)[:, :, None]
    mixed: Picture = picture * (1 - alpha) + _unit(paint) * alpha
    return mixed


def _blend(one: Any, other: Any, share: Plane) -> Picture:
    return _mix(_unit(one), other, share)


def _stain(picture: Picture, paint: Colour, coverage: Plane) -> Picture:
    """Return the picture under transparent paint: light goes through it."""
    alpha = np.clip(coverage, 0, 1)[:, :, None]
    stained: Picture = picture * (1 - alpha + alpha * _unit(paint))
    return stained


def _coordinates(canvas: Canvas) -> tuple[Plane, Plane]:
    rows, columns = np.mgrid[0 : canvas.ink.shape[0], 0 : canvas.ink.shape[1]].astype(np.float32)
    return columns, rows


def _ramp(canvas: Canvas) -> Plane:
    """Return 0 to 1 across the picture in a random direction."""
    across, down = _coordinates(canvas)
    angle = canvas.random.uniform(0, 2 * np.pi)
    along = across * np.cos(angle) + down * np.sin(angle)
    result: Plane = (along - along.min()) / (along.max() - along.min())
    return result


def _step(value: Plane) -> Plane:
    return np.clip(value + 0.5, 0, 1)


def _from_border(canvas: Canvas) -> Plane:
    """Return the distance to the picture's border, as a share of its shorter side."""
    height, width = canvas.ink.shape
    down, across = (np.minimum(np.arange(side), np.arange(side)[::-1]) for side in (height, width))
    result: Plane = (np.minimum(down[:, None], across[None]) / min(height, width)).astype(np.float32)
    return result


def _halftone(canvas: Canvas, tone: Plane, pitch: float) -> Plane:
    """Return dots on a turned grid, the larger the more tone (0 to 1) there is."""
    across, down = _coordinates(canvas)
    period = pitch * canvas.unit
    distance = np.hypot((across + down) * 0.7071 % period - period / 2, (across - down) * 0.7071 % period - period / 2)
    result: Plane = np.clip(np.sqrt(np.clip(tone, 0, 1)) * period * 0.62 - distance + 0.5, 0, 1)
    return result


def _grown(coverage: Plane, pixels: float) -> Plane:
    """Return coverage, grown by some pixels with a smooth border."""
    if pixels < 0.5:
        return coverage
    side = 2 * max(1, round(pixels)) + 1
    grown = cv2.dilate(coverage.astype(np.float32), cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)))
    return cv2.GaussianBlur(grown, (0, 0), max(0.5, 0.12 * side))


def _ring(coverage: Plane, pixels: float) -> Plane:
    """Return the border of coverage as a line of some pixels."""
    side = 2 * max(1, round(pixels / 2)) + 1
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    plane = coverage.astype(np.float32)
    return cv2.GaussianBlur(cv2.morphologyEx(plane, cv2.MORPH_GRADIENT, kernel), (0, 0), 0.6)


def _moved(picture: Any, right: float, down: float) -> Any:
    """Return a picture or coverage, moved by some pixels."""
    height, width = picture.shape[:2]
    shift = np.array([[1, 0, right], [0, 1, down]], np.float32)
    return cv2.warpAffine(np.asarray(picture, np.float32), shift, (width, height), borderMode=cv2.BORDER_REPLICATE)


def _wander(canvas: Canvas, pixels: float) -> tuple[Plane, Plane]:
    """Return where each pixel comes from when paint wanders by some pixels."""
    across, down = _coordinates(canvas)
    reach = 4 * pixels
    return (
        (across + (canvas.noise(28) - 0.5) * reach).astype(np.float32),
        (down + (canvas.noise(28) - 0.5) * reach).astype(np.float32),
    )


def _remapped(picture: Any, places: tuple[Plane, Plane]) -> Any:
    return cv2.remap(np.asarray(picture, np.float32), *places, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def _pooled(coverage: Plane, pixels: float) -> Plane:
    """Return pigment that has gathered at the edge of its wash."""
    plane = np.asarray(coverage, np.float32)
    soft = cv2.GaussianBlur(plane, (0, 0), max(0.6, 0.3 * pixels))
    result: Plane = np.clip(
        0.82 * soft + 0.75 * np.clip(soft - cv2.GaussianBlur(plane, (0, 0), 1.6 * pixels), 0, 1), 0, 1
    )
    return result


def _dry(canvas: Canvas, wet: float) -> Plane:
    """Return how much of a dry brush's ink gets on the paper, 0 to 1."""
    streaks = cv2.GaussianBlur(canvas.grain(), (0, 0), sigmaX=6 * canvas.unit, sigmaY=0.7 * canvas.unit)
    return np.clip(wet + 0.9 * streaks + 0.4 * canvas.noise(12), 0, 1)


def _sealed(canvas: Canvas, picture: Picture) -> Picture:
    """Return the picture with a red seal in the corner that has most room."""
    height, width = canvas.ink.shape
    side = round(30 * canvas.unit)
    gap = round(16 * canvas.unit)
    corners = [(top, left) for top in (gap, height - gap - side) for left in (gap, width - gap - side)]
    busy = canvas.ink + canvas.shape
    top, left = min(corners, key=lambda corner: busy[corner[0] : corner[0] + side, corner[1] : corner[1] + side].sum())
    if busy[top : top + side, left : left + side].mean() > 0.02:
        return picture
    seal = np.zeros_like(canvas.ink)
    seal[top : top + side, left : left + side] = 1
    inner = max(2, side // 7)
    carved = canvas.random.random((4, 4)) < 0.45
    cells = cv2.resize(carved.astype(np.float32), (side - 2 * inner, side - 2 * inner), interpolation=cv2.INTER_NEAREST)
    seal[top + inner : top + side - inner, left + inner : left + side - inner] -= 0.85 * cells
    return _mix(picture, (186, 34, 26), cv2.GaussianBlur(seal, (0, 0), 0.7) * (0.8 + 0.2 * canvas.noise(60)))


def _mortar(canvas: Canvas) -> Plane:
    """Return the joints between bricks."""
    across, down = _coordinates(canvas)
    tall, wide, joint = 26 * canvas.unit, 64 * canvas.unit, 2 * canvas.unit
    course = np.floor(down / tall)
    beside = (across + (course % 2) * wide / 2) % wide
    return np.clip(np.maximum(joint - down % tall, joint - beside) + 0.5, 0, 1)


def _brightened(colours: Picture, shape: Plane, reach: float) -> Picture:
    """Return colours as lamps would have them, also around their shapes."""
    side = 2 * max(1, round(reach)) + 1
    spread = cv2.dilate((colours * (shape > 0.5)[:, :, None]).astype(np.float32), np.ones((side, side), np.uint8))
    hsv = cv2.cvtColor(np.where((shape > 0.5)[:, :, None], colours, spread).astype(np.float32), cv2.COLOR_RGB2HSV)
    hsv[:, :, 1] = np.clip(hsv[:, :, 1] * 1.1, 0, 0.9)
    hsv[:, :, 2] = 0.55 + 0.45 * hsv[:, :, 2]
    return cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB)


def _laid(picture: Picture, sheet: Plane, paint: Any, lift: float) -> Picture:
    """Return the picture with a sheet of paper on it, which casts a shadow to the lower right."""
    shadow = cv2.GaussianBlur(_moved(sheet, 0.7 * lift, lift), (0, 0), 0.8 * lift)
    return _mix(_mix(picture, BLACK, shadow * 0.42), paint, sheet)


def _strokes(canvas: Canvas, forms: Plane) -> Plane:
    """Return brush strokes, 0 to 1, that follow forms and drift between them.

    Noise is drawn out along a field of directions (line integral convolution; Cabral and Leedom 1993).
    """
    drift = canvas.noise(3) * 2 * np.pi
    down, across = np.gradient(np.asarray(forms, np.float64))
    weight = np.clip(np.hypot(across, down) * 60, 0, 1)
    right = (1 - weight) * np.cos(drift) - weight * down * 40
    below = (1 - weight) * np.sin(drift) + weight * across * 40
    length = np.maximum(np.hypot(right, below), 1e-6)
    right, below = right / length, below / length
    columns, rows = _coordinates(canvas)
    speckle = cv2.GaussianBlur(canvas.grain(), (0, 0), 2.2 * canvas.unit)
    total = np.zeros_like(speckle)
    step = 2.4 * canvas.unit
    for direction in (-1, 1):
        x, y = columns.copy(), rows.copy()
        for _ in range(8):
            x = (x + direction * step * cv2.remap(right.astype(np.float32), x, y, cv2.INTER_LINEAR)).astype(np.float32)
            y = (y + direction * step * cv2.remap(below.astype(np.float32), x, y, cv2.INTER_LINEAR)).astype(np.float32)
            total = total + cv2.remap(speckle, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
    result: Plane = np.clip(0.5 + total / (6.4 * total.std() + 1e-6), 0, 1)
    return result
