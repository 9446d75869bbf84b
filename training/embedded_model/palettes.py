"""Colours of a picture's background and ink, chosen to suit the motifs."""

import colorsys
from dataclasses import dataclass

import numpy as np

Colour = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Palette:
    """Colours of a picture, RGB.

    Attributes:
        hue: the background's hue, 0 to 1.
        ground: the background's colour.
        second: the colour of the background's other half: a neighbouring hue, nearer to medium lightness.
        ink: the word's colour, far from both in lightness.
        accent: the ornaments' colour.
    """

    hue: float
    ground: Colour
    second: Colour
    ink: Colour
    accent: Colour


# Ranges of a ground's lightness and saturation (HLS).
LIGHT = ((0.66, 0.74), (0.65, 0.9))
DARK = ((0.14, 0.2), (0.4, 0.65))
# How far hues deviate, as a share of the circle.
DEVIATION = 0.05


def choose_palette(random: np.random.Generator, hue: float, *, dark: bool) -> Palette:
    """Return the palette of a ground.

    Chance plays a small part, because a small model draws the mean of what it cannot know: grounds of any hue become
    grey.

    Args:
        random: the source of randomness.
        hue: the ground's hue, as a share of the circle.
        dark: whether the ground is dark and the ink light.
    """
    lightnesses, saturations = DARK if dark else LIGHT
    hue = (hue + random.uniform(-DEVIATION, DEVIATION)) % 1
    light, saturation = random.uniform(*lightnesses), random.uniform(*saturations)
    return Palette(
        hue,
        colour(hue, light, saturation),
        colour(hue + 0.06, light + (0.08 if dark else -0.1), saturation),
        colour(hue, 0.93 if dark else 0.09, 0.6),
        colour(hue + 0.5, 0.5, 0.85),
    )


def colour(hue: float, lightness: float, saturation: float) -> Colour:
    """Return a colour by hue, lightness and saturation (HLS), 0 to 1."""
    red, green, blue = colorsys.hls_to_rgb(hue % 1, min(1.0, max(0.0, lightness)), saturation)
    return round(red * 255), round(green * 255), round(blue * 255)


def hue_of(colours: np.ndarray, weights: np.ndarray) -> float | None:
    """Return the dominant hue of colours (n, 3), RGB from 0 to 1; None if they are grey."""
    hls = np.array([colorsys.rgb_to_hls(*one) for one in colours.tolist()])
    strength = weights * hls[:, 2] * (1 - np.abs(2 * hls[:, 1] - 1))
    if strength.sum() < 0.05 * weights.sum():
        return None
    angle = np.angle((strength * np.exp(2j * np.pi * hls[:, 0])).sum())
    return float(angle / (2 * np.pi) % 1)
