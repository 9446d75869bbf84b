"""The training targets of the embedded model: a scene in eight procedural styles.

The motifs have the shapes and colours of the maps that the service's conditioners draw of the same scene. The ground
follows from them: a small model draws the mean of what it cannot know, so chance decides only fine texture. The word
has the strongest contrast.
"""

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from training.embedded_model.canvas import Canvas, Picture, make_canvas, to_unit
from training.embedded_model.paint import (
    BLACK,
    WHITE,
    blend,
    brightened,
    coordinates,
    downward,
    dry,
    from_border,
    grown,
    halftone,
    laid,
    mix,
    mortar,
    moved,
    pooled,
    remapped,
    ring,
    sealed,
    stepped,
    surroundings,
    toward,
    wander,
    waves,
)
from training.embedded_model.palettes import colour
from worker.scene import Scene

# Sizes in 512ths of the shorter side. Patterns repeat every 16 or 32 pixels, so that latents repeat with them.
LATTICE = 16 * 2**0.5  # the distance of halftone dots, on a lattice turned by 45 degrees
GRAIN = 16  # the distance of the wood's lines, and of chalk's hatching
STROKE = 32  # the width of a light and a dark stroke of oil paint
SHEETS = 3
INK = (16, 14, 20)


def comic(canvas: Canvas) -> Picture:
    """Flat colour, ink outlines, halftone dots that grow into a ground of colour away from the motifs."""
    palette, unit = canvas.palette(0.62), canvas.unit
    far = 1 - surroundings(canvas, 24, 160)
    picture = mix(canvas.flat(WHITE), palette.ground, halftone(canvas, 1.4 * far, LATTICE))
    picture = mix(picture, WHITE, grown(canvas.shape, 9 * unit))
    picture = mix(picture, canvas.motifs, canvas.shape)
    picture = mix(picture, INK, np.maximum(0.4 * canvas.lines, ring(canvas.shape, 1.8 * unit)))
    picture = mix(picture, palette.accent, moved(grown(canvas.ink, 5 * unit), 6 * unit, 7 * unit))
    picture = mix(picture, WHITE, grown(canvas.ink, 6 * unit))
    return mix(picture, INK, canvas.ink)


def watercolor(canvas: Canvas) -> Picture:
    """A wash that leaves the paper white at its border and around motifs, pigment that gathers at edges, grain."""
    palette, unit = canvas.palette(0.08, turn=1 / 3), canvas.unit
    tooth = canvas.noise(180) - 0.5
    picture = canvas.flat((252, 249, 241)) + 0.012 * tooth[:, :, None]
    wash = stepped((from_border(canvas) * 14 + canvas.noise(7) - 1.2) * 5) * (1 - surroundings(canvas, 20, 110))
    pigment = blend(palette.ground, palette.second, downward(canvas))
    picture = mix(picture, pigment, pooled(wash, 5 * unit) * (0.7 + 0.2 * canvas.noise(5)))
    bleed = wander(canvas, 0.6 * unit)
    body, cover = remapped(canvas.motifs, bleed), remapped(canvas.shape, bleed)
    density = pooled(cover, 3 * unit) * (0.92 + 0.1 * canvas.noise(14)) + 0.04 * tooth
    picture = mix(picture, cv2.GaussianBlur(body, (0, 0), 0.7 * unit), np.clip(density, 0, 0.96) * (cover > 0))
    pencil = np.maximum(canvas.lines, ring(canvas.shape, 1.2 * unit))
    picture = picture * (1 - 0.3 * cv2.GaussianBlur(pencil, (0, 0), 0.8 * unit)[:, :, None])
    word = pooled(remapped(canvas.ink, wander(canvas, 1.2 * unit)), 3 * unit)
    picture = mix(picture, (250, 247, 240), grown(canvas.ink, 5 * unit) * 0.7)
    return (
        mix(picture, palette.ink, np.clip(word * (0.88 + 0.12 * canvas.noise(20)), 0, 0.97)) + 0.012 * tooth[:, :, None]
    )


def ink_wash(canvas: Canvas) -> Picture:
    """Black ink on rice paper, motifs in tones of grey, mist and far hills, a red seal."""
    unit = canvas.unit
    paper = blend((247, 241, 226), (233, 223, 200), canvas.noise(40) * 0.5 + downward(canvas) * 0.5)
    picture = paper
    for depth in range(2):
        crest = waves(canvas, 0.56 + 0.16 * depth, 0.07, 1.7 * depth)
        hill = np.clip(crest * 170, 0, 1) * np.exp(-np.clip(crest, 0, 1) * 7)
        picture = mix(picture, (120, 122, 124), hill * (0.28 + 0.1 * depth))
    tone = cv2.cvtColor(canvas.motifs.astype(np.float32), cv2.COLOR_RGB2GRAY)
    bleed = wander(canvas, 0.6 * unit)
    cover = pooled(remapped(canvas.shape, bleed), 4 * unit)
    grey = np.repeat((0.12 + 0.84 * remapped(tone, bleed))[:, :, None], 3, axis=2)
    picture = mix(picture, paper, grown(canvas.shape, 7 * unit) * 0.9)
    picture = mix(picture, cv2.GaussianBlur(grey, (0, 0), 1.1 * unit), cover * (0.82 + 0.14 * canvas.noise(16)))
    brush = np.clip(grown(canvas.lines, 0.9 * unit) + ring(canvas.shape, 1.8 * unit), 0, 1) * dry(canvas, 0.6)
    picture = mix(picture, (44, 42, 44), brush * 0.65)
    picture = mix(picture, (18, 16, 18), canvas.ink * np.maximum(dry(canvas, 0.9), 0.86))
    return sealed(canvas, picture)


def neon(canvas: Canvas) -> Picture:
    """Glowing tubes on a brick wall at night."""
    palette, unit = canvas.palette(0.1, dark=True), canvas.unit
    picture = canvas.flat(toward(palette.ground, BLACK, 0.4)) * (1 - 0.35 * mortar(canvas)[:, :, None])
    tubes = np.clip(grown(ring(canvas.shape, 3 * unit) + 0.85 * canvas.lines, 0.8 * unit), 0, 1)
    bright = brightened(canvas.motifs, canvas.shape, 6 * unit)
    picture = picture + cv2.GaussianBlur(bright * tubes[:, :, None], (0, 0), 9 * unit) * 0.9
    picture = mix(picture, canvas.motifs * 0.8, canvas.shape * 0.85)
    picture = mix(picture, bright * 0.95, tubes)
    glow = colour(palette.hue, 0.62, 1.0)
    light = to_unit(glow) * (cv2.GaussianBlur(canvas.ink, (0, 0), 7 * unit) * 0.75)[:, :, None]
    picture = picture + light + to_unit(glow) * (cv2.GaussianBlur(canvas.ink, (0, 0), 24 * unit) * 0.4)[:, :, None]
    picture = mix(picture, glow, canvas.ink)
    core = cv2.GaussianBlur(canvas.ink, (0, 0), 2 * unit)
    return mix(picture, (255, 252, 244), np.clip(core * 2.2 - 1.0, 0, 1) * canvas.ink * 0.92)


def papercut(canvas: Canvas) -> Picture:
    """Layered sheets of coloured paper, each with its shadow."""
    palette, unit = canvas.palette(0.95, turn=2 / 3), canvas.unit
    picture = canvas.flat(palette.second)
    for layer in range(SHEETS):
        crest = waves(canvas, (layer + 0.6) / (SHEETS + 0.6), 0.04, 2.1 * layer)
        sheet = np.clip(crest * canvas.ink.shape[0], 0, 1)
        picture = laid(picture, sheet, toward(palette.second, palette.ground, (layer + 1) / SHEETS), 6 * unit)
    picture = laid(picture, grown(canvas.shape, 14 * unit), (250, 247, 240), 5 * unit)
    picture = laid(picture, canvas.shape, canvas.motifs, 2 * unit)
    picture = laid(picture, grown(canvas.ink, 5 * unit), (252, 250, 245), 6 * unit)
    return laid(picture, canvas.ink, palette.ink, 3 * unit)


def oil(canvas: Canvas) -> Picture:
    """Forms that stand out from a dark ground, thick winding strokes of paint, light on every ridge."""
    palette, unit = canvas.palette(0.12, dark=True), canvas.unit
    across, down = (place / unit * 2 * np.pi for place in coordinates(canvas))
    shade, paint = toward(palette.ground, BLACK, 0.3), colour(palette.hue, 0.38, 0.6)
    far = 1 - surroundings(canvas, 30, 140)
    stroke = np.sin(down / STROKE + 1.6 * np.sin(across / (4 * STROKE))) * far
    picture = mix(canvas.flat(shade), paint, far)
    picture = mix(picture, colour(palette.hue + 0.06, 0.52, 0.6), np.clip(stroke, 0, 1) * 0.6)
    picture = mix(picture, shade, np.clip(-stroke, 0, 1) * 0.4)
    rough = wander(canvas, 0.5 * unit)
    motifs, word = remapped(canvas.shape, rough), np.clip(remapped(canvas.ink, rough) * 1.15, 0, 1)
    picture = mix(picture, remapped(canvas.motifs, rough), motifs)
    picture = mix(picture, shade, grown(canvas.ink, 6 * unit) * 0.8)
    picture = mix(picture, palette.ink, word)
    relief = 0.8 * (cv2.GaussianBlur(motifs, (0, 0), 2 * unit) + cv2.GaussianBlur(word, (0, 0), 2 * unit))
    relief = relief + 0.4 * stroke + 0.05 * canvas.noise(70)
    light = -(np.gradient(relief, axis=0) + np.gradient(relief, axis=1)) * min(1.0, unit * 1.4)
    result: Picture = picture + np.clip(light, -0.2, 0.2)[:, :, None] * 0.6
    return result


# Pigments of Japanese prints: indigo, Prussian blue, light blue, vermilion, madder, rose, orange, ochre, yellow, moss,
# green, violet, brown, light brown, grey, black, paper.
INKS = np.array(
    [(38, 52, 96), (44, 96, 140), (140, 186, 208), (196, 62, 44), (150, 40, 52), (222, 152, 140), (222, 128, 56),
     (206, 158, 78), (238, 208, 104), (120, 142, 70), (52, 112, 84), (110, 84, 128), (104, 72, 52), (176, 136, 98),
     (134, 134, 130), (44, 40, 42), (243, 234, 212)], np.float32,
) / 255  # fmt: skip
# Sky and land.
NOON, SUNSET = ((44, 96, 140), (206, 158, 78)), ((222, 108, 62), (120, 142, 70))


def woodblock(canvas: Canvas) -> Picture:
    """A few inks printed over carved lines, a graded sky, wood grain."""
    unit = canvas.unit
    paper = blend((243, 232, 206), (236, 222, 192), canvas.noise(4))
    sky, land = SUNSET if canvas.is_cool else NOON
    picture = mix(paper, sky, np.clip(1 - downward(canvas) / 0.45, 0, 1) ** 1.4 * 0.85)
    crest = waves(canvas, 0.74, 0.04, 0.5)
    picture = mix(picture, land, np.clip(crest * canvas.ink.shape[0], 0, 1) * 0.6)
    wood = np.clip(np.sin(coordinates(canvas)[1] / unit * 2 * np.pi / GRAIN) * 1.6 - 0.9, 0, 1)
    # Each motif is printed in the nearest inks.
    lab = cv2.cvtColor(canvas.motifs.astype(np.float32), cv2.COLOR_RGB2Lab)
    inks = cv2.cvtColor(INKS[None], cv2.COLOR_RGB2Lab)[0]
    nearest = INKS[((lab[:, :, None, :] - inks) ** 2).sum(3).argmin(2)]
    picture = mix(picture, paper, grown(canvas.shape, 7 * unit))
    picture = mix(picture, nearest, canvas.shape)
    carved = remapped(0.7 * canvas.lines + ring(canvas.shape, 1.6 * unit), wander(canvas, 0.7 * unit))
    picture = mix(picture, (38, 32, 36), np.clip(carved, 0, 1) * (1 - 0.3 * wood))
    picture = mix(picture, (120, 100, 80), wood * (0.12 - 0.1 * canvas.shape))
    picture = mix(picture, paper, grown(canvas.ink, 5 * unit))
    word = remapped(canvas.ink, wander(canvas, 0.8 * unit))
    return mix(picture, (24, 20, 24), word * (1 - 0.14 * wood))


def chalk(canvas: Canvas) -> Picture:
    """Dusty lines and hatching on a board."""
    unit = canvas.unit
    board = (44, 46, 52) if canvas.is_cool else (32, 64, 54)
    smear = 0.6 * downward(canvas) + 0.4 * canvas.noise(4)
    picture = blend(board, toward(board, WHITE, 0.14), smear)
    dust = np.clip(0.85 + 0.4 * cv2.GaussianBlur(canvas.grain(), (0, 0), 1.2 * unit), 0.3, 1)
    pastel = canvas.motifs * 0.85 + 0.15
    across, down = coordinates(canvas)
    hatch = stepped(np.sin((across + down) / unit * 2 * np.pi / GRAIN) * 2 + 0.8)
    picture = mix(picture, pastel, canvas.shape * (0.62 + 0.3 * hatch) * dust)
    lines = np.clip(grown(canvas.lines, 0.9 * unit) + ring(canvas.shape, 2.6 * unit), 0, 1)
    picture = mix(picture, canvas.motifs * 0.35 + 0.65, lines * dust)
    picture = mix(picture, toward(board, BLACK, 0.25), grown(canvas.ink, 6 * unit) * 0.6)
    tint = (255, 244, 214)
    picture = mix(picture, tint, cv2.GaussianBlur(canvas.ink, (0, 0), 7 * unit) * 0.12)
    return mix(picture, tint, canvas.ink * np.clip(dust + 0.25, 0, 1))


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
