"""How a character's ink looks in a drawn picture: its colours, textures and blur; it may be spoilt to any degree."""

import cv2
import numpy as np
from numpy.typing import NDArray

from worker.legibility.recogniser import prepare

Picture = NDArray[np.float32]

BLANK_SHARE = 0.04  # of the pictures without ink
BLANK = 64  # their height, pixels
SPOILT_SHARE = 0.25
PRINT_SHARE = 0.12
DOTS_SHARE, EDGE_SHARE, SMALL_SHARE = 0.25, 0.35, 0.4
LUMA = np.array([0.299, 0.587, 0.114])  # ITU-R BT.601


class Looks:
    """Pictures of ink in random looks; one in eight is plain print."""

    def __init__(self, random: np.random.Generator) -> None:
        self._random = random

    def picture(self, mask: Picture | None, *, may_spoil: bool = True) -> Picture:
        """Return ink (height, width), 0 to 1, as a picture in the recogniser's input format; None is no ink."""
        if mask is None:
            mask = np.zeros((BLANK, self._between(BLANK // 3, BLANK)), np.float32)
        if self._random.random() < PRINT_SHARE:
            return prepare(np.repeat((255 - 255 * mask[..., None]).astype(np.uint8), 3, axis=2))
        is_spoilt = may_spoil and self._random.random() < SPOILT_SHARE
        coloured = self._coloured(self._bent(mask), is_spoilt=is_spoilt)
        return prepare(self._blurred(coloured, is_spoilt=is_spoilt))

    def of_drawn(self, pixels: NDArray[np.uint8]) -> Picture:
        """Return a cut of a drawn picture (height, width, 3), moved and blurred a little, or spoilt."""
        is_spoilt = self._random.random() < SPOILT_SHARE
        matrix, size = self._matrix(pixels.shape), pixels.shape[1::-1]
        moved = cv2.warpAffine(pixels, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        return prepare(self._blurred(np.asarray(moved, np.float32), is_spoilt=is_spoilt))

    def _between(self, low: int, high: int) -> int:
        return int(self._random.integers(low, high))

    def _bent(self, mask: Picture) -> Picture:
        """Return ink that is rotated, sheared, scaled and shifted a little, thicker or thinner."""
        bent = cv2.warpAffine(mask, self._matrix(mask.shape), mask.shape[::-1], flags=cv2.INTER_LINEAR)
        kernel = np.ones((self._between(2, 4),) * 2, np.uint8)
        change = self._random.random()
        if change < 0.15:
            return np.asarray(cv2.dilate(bent, kernel), np.float32)
        return np.asarray(cv2.erode(bent, kernel[:2, :2]) if change > 0.93 else bent, np.float32)

    def _matrix(self, shape: tuple[int, ...]) -> NDArray[np.float64]:
        """Return an affine matrix (2, 3) close to the identity, for pictures (height, width, …)."""
        angle, shear = self._random.normal(0, 0.03), self._random.normal(0, 0.05)
        scale = self._random.normal(1, 0.05, 2)
        matrix = np.array([[scale[0], shear + angle, 0], [-angle, scale[1], 0]])
        centre = np.array(shape[1::-1]) / 2
        matrix[:, 2] = centre - matrix[:, :2] @ centre + self._random.normal(0, 1.3, 2)
        return matrix

    def _coloured(self, mask: Picture, *, is_spoilt: bool) -> Picture:
        """Return ink and paper (height, width, 3), 0 to 255, with an outline, a shadow and textures."""
        random, shape = self._random, mask.shape
        paper, ink, third = self._colours(is_spoilt=is_spoilt)
        picture = paper + self._texture(shape, random.uniform(0, 45)) * random.uniform(0.3, 1, 3)
        if random.random() < DOTS_SHARE:
            dots = self._dots(shape)
            picture = picture * (1 - dots) + third * dots
        if random.random() < EDGE_SHARE:
            edge = self._edge(mask) * random.uniform(0.4, 1)
            picture = picture * (1 - edge) + third * edge
        cover = mask[..., None] * random.uniform(0.15 if is_spoilt else 0.75, 1)
        inked = ink + self._texture(shape, random.uniform(0, 30)) * random.uniform(0.3, 1, 3)
        return np.asarray(picture * (1 - cover) + inked * cover, np.float32)

    def _dots(self, shape: tuple[int, ...]) -> Picture:
        """Return a grid of dots (height, width, 1), 0 to 1."""
        dots = np.zeros(shape, np.float32)
        step = self._between(4, 10)
        dots[::step, ::step] = 1
        grown = cv2.dilate(dots, np.ones((3, 3), np.uint8))
        return np.asarray(cv2.GaussianBlur(grown, (0, 0), 0.7), np.float32)[..., None]

    def _edge(self, mask: Picture) -> Picture:
        """Return an outline or shadow (height, width, 1) of the ink, 0 to 1."""
        wide = cv2.dilate(mask, np.ones((self._between(3, 7),) * 2, np.uint8))
        moved = np.roll(wide, tuple(self._random.integers(-2, 3, 2)), (0, 1))
        soft = cv2.GaussianBlur(np.ascontiguousarray(moved), (0, 0), self._random.uniform(0.5, 2.5))
        return np.asarray(soft, np.float32)[..., None]

    def _colours(self, *, is_spoilt: bool) -> NDArray[np.float64]:
        """Return three colours; the ink's lightness differs from the paper's, unless the picture may be spoilt."""
        while True:
            colours = self._random.uniform(0, 255, (3, 3))
            if self._random.random() < 0.5:
                colours[self._between(0, 2)] = self._random.uniform(0, 40) + self._random.choice([0, 215])
            if abs((colours[0] - colours[1]) @ LUMA) > (10 if is_spoilt else 55):
                return colours

    def _texture(self, shape: tuple[int, ...], strength: float) -> Picture:
        """Return smooth noise (height, width, 1) of a standard deviation."""
        cells = [max(2, length // self._between(2, 20)) for length in shape]
        coarse = self._random.normal(0, strength, cells)
        return np.asarray(cv2.resize(coarse, shape[::-1], interpolation=cv2.INTER_LINEAR), np.float32)[..., None]

    def _blurred(self, picture: Picture, *, is_spoilt: bool) -> NDArray[np.uint8]:
        """Return a picture (height, width, 3), 0 to 255, blurred, noisy and, if spoilt, under blots."""
        random = self._random
        height, width = picture.shape[:2]
        small = random.uniform(0.3, 1) if random.random() < SMALL_SHARE else 1.0
        size = (max(12, round(width * small)), max(8, round(height * small)))
        shrunk = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
        scaled = cv2.resize(shrunk, (width, height), interpolation=cv2.INTER_LINEAR)
        blurred = cv2.GaussianBlur(scaled, (0, 0), random.uniform(0.1, 6.0 if is_spoilt else 1.6))
        for _ in range(self._between(0, 5) if is_spoilt else 0):
            place, colour = (self._between(0, width), self._between(0, height)), random.uniform(0, 255, 3)
            cv2.circle(blurred, place, self._between(2, 14), colour.tolist(), -1)
        noisy = blurred + random.normal(0, random.uniform(0, 45 if is_spoilt else 14), picture.shape)
        return np.clip(noisy, 0, 255).astype(np.uint8)
