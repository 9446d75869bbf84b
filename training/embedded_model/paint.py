"""The painting operations of the styles: mixing, growing, moving, and the marks of brushes, paper and light.

Planes are coverage, (height, width), 0 to 1. Pictures are (height, width, 3), 0 to 1. Sizes are in pixels.
"""

from typing import Any

import cv2
import numpy as np

from training.embedded_model.canvas import Canvas, Picture, Plane, to_unit
from training.embedded_model.palettes import Colour

BLACK, WHITE = (0, 0, 0), (255, 255, 255)


def toward(paint: Colour, other: Colour, share: float) -> Colour:
    """Return a colour moved by a share of the way towards another."""
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(paint, other, strict=True))
    return red, green, blue


def mix(picture: Picture, paint: Any, coverage: Plane) -> Picture:
    """Return a picture with paint, which is a colour (0 to 255) or a picture, applied according to its coverage."""
    alpha = np.clip(coverage, 0, 1)[:, :, None]
    mixed: Picture = picture * (1 - alpha) + to_unit(paint) * alpha
    return mixed


def blend(one: Any, other: Any, share: Plane) -> Picture:
    """Return one paint with another blended in by shares."""
    return mix(to_unit(one), other, share)


def coordinates(canvas: Canvas) -> tuple[Plane, Plane]:
    """Return each pixel's column and row."""
    rows, columns = np.mgrid[0 : canvas.ink.shape[0], 0 : canvas.ink.shape[1]].astype(np.float32)
    return columns, rows


def downward(canvas: Canvas) -> Plane:
    """Return a gradient from 0 at the top to 1 at the bottom."""
    height, width = canvas.ink.shape
    return np.broadcast_to(np.linspace(0, 1, height, dtype=np.float32)[:, None], (height, width))


def waves(canvas: Canvas, crest: float, swing: float, phase: float) -> Plane:
    """Return the distance below a wavy line, as a share of the height; above it, it is negative.

    Args:
        canvas: the canvas.
        crest: the line's mean distance from the top, as a share of the height.
        swing: how far the line departs from it.
        phase: where its waves begin, in radians.
    """
    width = canvas.ink.shape[1]
    across = np.arange(width, dtype=np.float32) / width
    wave = 0.67 * np.sin(across * 7 + phase) + 0.33 * np.sin(across * 17 + 2 * phase)
    result: Plane = downward(canvas) - (crest + swing * wave)[None]
    return result


def stepped(value: Plane) -> Plane:
    """Return coverage with a sharp step at value 0."""
    return np.clip(value + 0.5, 0, 1)


def from_border(canvas: Canvas) -> Plane:
    """Return the distance to the picture's border, as a share of its shorter side."""
    height, width = canvas.ink.shape
    down, across = (np.minimum(np.arange(side), np.arange(side)[::-1]) for side in (height, width))
    result: Plane = (np.minimum(down[:, None], across[None]) / min(height, width)).astype(np.float32)
    return result


def halftone(canvas: Canvas, tone: Plane, pitch: float) -> Plane:
    """Return dots on a rotated grid, whose size grows with the tone (0 to 1); at 1 they cover everything."""
    across, down = coordinates(canvas)
    period = pitch * canvas.unit
    distance = np.hypot((across + down) * 0.7071 % period - period / 2, (across - down) * 0.7071 % period - period / 2)
    result: Plane = np.clip(np.sqrt(np.clip(tone, 0, 1)) * period * 0.72 - distance + 0.5, 0, 1)
    return result


def grown(coverage: Plane, pixels: float) -> Plane:
    """Return coverage grown by a number of pixels, with a smooth border."""
    if pixels < 0.5:
        return coverage
    side = 2 * max(1, round(pixels)) + 1
    larger = cv2.dilate(coverage.astype(np.float32), cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)))
    return cv2.GaussianBlur(larger, (0, 0), max(0.5, 0.12 * side))


def surroundings(canvas: Canvas, near: float, far: float) -> Plane:
    """Return coverage of the motifs and of what is near them: 1 up to a distance, 0 from another one."""
    if not (canvas.shape > 0.5).any():
        return np.zeros_like(canvas.shape)
    distance = cv2.distanceTransform((canvas.shape <= 0.5).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    share: Plane = np.clip((far - distance / canvas.unit) / (far - near), 0, 1)
    result: Plane = share * share * (3 - 2 * share)
    return result


def ring(coverage: Plane, pixels: float) -> Plane:
    """Return the border of coverage as a line of the given width."""
    side = 2 * max(1, round(pixels / 2)) + 1
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    plane = coverage.astype(np.float32)
    return cv2.GaussianBlur(cv2.morphologyEx(plane, cv2.MORPH_GRADIENT, kernel), (0, 0), 0.6)


def moved(picture: Any, right: float, down: float) -> Any:
    """Return a picture or coverage moved by a number of pixels."""
    height, width = picture.shape[:2]
    shift = np.array([[1, 0, right], [0, 1, down]], np.float32)
    return cv2.warpAffine(np.asarray(picture, np.float32), shift, (width, height), borderMode=cv2.BORDER_REPLICATE)


def wander(canvas: Canvas, pixels: float) -> tuple[Plane, Plane]:
    """Return the source position of each pixel when paint wanders by a number of pixels."""
    across, down = coordinates(canvas)
    reach = 4 * pixels
    return (
        (across + (canvas.noise(28) - 0.5) * reach).astype(np.float32),
        (down + (canvas.noise(28) - 0.5) * reach).astype(np.float32),
    )


def remapped(picture: Any, places: tuple[Plane, Plane]) -> Any:
    """Return a picture or coverage resampled at other positions."""
    return cv2.remap(np.asarray(picture, np.float32), *places, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def pooled(coverage: Plane, pixels: float) -> Plane:
    """Return pigment that has gathered at the edge of its wash."""
    plane = np.asarray(coverage, np.float32)
    soft = cv2.GaussianBlur(plane, (0, 0), max(0.6, 0.3 * pixels))
    result: Plane = np.clip(
        0.82 * soft + 0.75 * np.clip(soft - cv2.GaussianBlur(plane, (0, 0), 1.6 * pixels), 0, 1), 0, 1
    )
    return result


def dry(canvas: Canvas, wet: float) -> Plane:
    """Return how much of a dry brush's ink reaches the paper, 0 to 1."""
    streaks = cv2.GaussianBlur(canvas.grain(), (0, 0), sigmaX=6 * canvas.unit, sigmaY=0.7 * canvas.unit)
    return np.clip(wet + 0.9 * streaks + 0.4 * canvas.noise(12), 0, 1)


def sealed(canvas: Canvas, picture: Picture) -> Picture:
    """Return the picture with a red seal in the corner with the most room."""
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
    return mix(picture, (186, 34, 26), cv2.GaussianBlur(seal, (0, 0), 0.7) * (0.8 + 0.2 * canvas.noise(60)))


def mortar(canvas: Canvas) -> Plane:
    """Return the joints between bricks."""
    across, down = coordinates(canvas)
    tall, wide, joint = 16 * canvas.unit, 32 * canvas.unit, 2 * canvas.unit
    course = np.floor(down / tall)
    beside = (across + (course % 2) * wide / 2) % wide
    return np.clip(np.maximum(joint - down % tall, joint - beside) + 0.5, 0, 1)


def brightened(colours: Picture, shape: Plane, reach: float) -> Picture:
    """Return colours as bright as lamps, also around their shapes."""
    side = 2 * max(1, round(reach)) + 1
    spread = cv2.dilate((colours * (shape > 0.5)[:, :, None]).astype(np.float32), np.ones((side, side), np.uint8))
    hsv = cv2.cvtColor(np.where((shape > 0.5)[:, :, None], colours, spread).astype(np.float32), cv2.COLOR_RGB2HSV)
    hsv[:, :, 1] = np.clip(hsv[:, :, 1] * 1.1, 0, 0.9)
    hsv[:, :, 2] = 0.55 + 0.45 * hsv[:, :, 2]
    return cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB)


def laid(picture: Picture, sheet: Plane, paint: Any, lift: float) -> Picture:
    """Return the picture with a sheet of paper on top, which casts a shadow to the lower right."""
    shadow = cv2.GaussianBlur(moved(sheet, 0.7 * lift, lift), (0, 0), 0.8 * lift)
    return mix(mix(picture, BLACK, shadow * 0.42), paint, sheet)
