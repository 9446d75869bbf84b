"""Colours of a picture's background and ink, chosen at random or to suit the motifs."""

import colorsys
from dataclasses import dataclass

import numpy as np

Colour = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Palette:
    """Colours of a picture, RGB.

    Attributes:
        ground: the background's colour.
        second: the colour of the background's other half: a neighbouring hue, lighter or darker.
        ink: the word's colour, far from both in lightness.
        accent: the ornaments' colour.
        is_dark: whether the ground is dark and the ink light.
    """

    ground: Colour
    second: Colour
    ink: Colour
    accent: Colour
    is_dark: bool


# Kinds of ground: ranges of lightness and saturation (HLS), and the kind's share.
KINDS = (
    ((0.84, 0.93), (0.45, 0.95), 0.35),  # pale
    ((0.62, 0.76), (0.55, 0.95), 0.40),  # strong
    ((0.12, 0.24), (0.30, 0.75), 0.25),  # dark
)


def choose_palette(random: np.random.Generator, hue: float | None = None, *, dark: bool | None = None) -> Palette:
    """Return a palette.

    Args:
        random: the source of randomness.
        hue: the foreground's hue, 0 to 1, which the ground avoids; None if there is no foreground.
        dark: whether the ground is dark; None to choose at random.
    """
    shares = np.array([kind[2] for kind in KINDS])
    if dark is not None:
        shares *= [not dark, not dark, dark]
    lightness, saturation, _ = KINDS[int(random.choice(len(KINDS), p=shares / shares.sum()))]
    ground_hue = random.uniform() if hue is None else (hue + random.uniform(0.25, 0.75)) % 1
    light, strength = random.uniform(*lightness), random.uniform(*saturation)
    is_dark = light < 0.4
    step = random.uniform(0.06, 0.12) * (1 if is_dark else random.choice([-1, 1]))
    ink_light = random.uniform(0.88, 0.97) if is_dark else random.uniform(0.04, 0.15)
    ink_hue = (ground_hue + random.choice([0.0, 0.45, 0.55])) % 1
    return Palette(
        colour(ground_hue, light, strength),
        colour(ground_hue + random.uniform(-0.09, 0.09), light + step, strength),
        colour(ink_hue, ink_light, random.uniform(0.3, 0.9)),
        colour(ground_hue + random.choice([0.33, 0.5, 0.67]), 0.5, random.uniform(0.7, 1.0)),
        is_dark,
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
