"""The training targets of the embedded model: a scene in eight procedural styles.

The motifs have the shapes and colours of the maps that the service's conditioners draw of the same scene. Everything
that the maps leave open (the ground, its ornaments, the texture) is random, as it is up to the model. The word has the
strongest contrast.
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
    brush_strokes,
    coordinates,
    dry,
    from_border,
    grown,
    halftone,
    laid,
    mix,
    mortar,
    moved,
    pooled,
    ramp,
    remapped,
    ring,
    sealed,
    stain,
    stepped,
    toward,
    wander,
)
from training.embedded_model.palettes import colour
from worker.scene import Scene


def comic(canvas: Canvas) -> Picture:
    """Flat colour, ink outlines, halftone dots, rays."""
    palette, unit = canvas.palette(), canvas.unit
    picture = canvas.flat(palette.ground)
    across, down = coordinates(canvas)
    if canvas.random.random() < 0.5:
        middle = canvas.random.uniform(0.25, 0.75, 2)
        angle = np.arctan2(down - middle[0] * down.max(), across - middle[1] * across.max())
        count = int(canvas.random.integers(7, 13))
        picture = mix(picture, palette.second, stepped(np.sin(angle * count) * 3))
    slope = np.clip(canvas.random.uniform(-0.2, 0.3) + ramp(canvas), 0, 1)
    dots = halftone(canvas, slope * 0.75, canvas.random.uniform(14, 22))
    dot_colour = toward(palette.ground, BLACK if not palette.is_dark else WHITE, 0.16)
    picture = mix(picture, dot_colour, dots)
    # Motifs: flat colours, with dots on the side away from the light.
    shadow = np.clip(
        cv2.GaussianBlur(canvas.shape, (0, 0), 12 * unit) - moved(canvas.shape, -9 * unit, 12 * unit), 0, 1
    )
    body = canvas.motifs * (1 - 0.35 * halftone(canvas, shadow * 1.3, 13)[:, :, None])
    picture = mix(picture, WHITE, grown(canvas.shape, 7 * unit))
    picture = mix(picture, body, canvas.shape)
    lines = np.maximum(grown(canvas.lines, 1.1 * unit), ring(canvas.shape, 2.4 * unit))
    picture = mix(picture, (16, 14, 20), lines)
    rim, gap = ((12, 10, 16), WHITE) if palette.is_dark else (WHITE, palette.ink)
    picture = mix(picture, toward(palette.accent, BLACK, 0.25), moved(grown(canvas.ink, 5 * unit), 6 * unit, 7 * unit))
    picture = mix(picture, rim, grown(canvas.ink, 6 * unit))
    return mix(picture, gap if palette.is_dark else palette.ink, canvas.ink)


def watercolor(canvas: Canvas) -> Picture:
    """Washes that bleed and leave the paper's border white, pigment that gathers at edges, paper grain."""
    palette, unit = canvas.palette(dark=False), canvas.unit
    tooth = canvas.grain() * 0.5 + canvas.noise(180) - 0.5
    picture = canvas.flat((252, 249, 241)) + 0.012 * tooth[:, :, None]
    edge = np.clip(from_border(canvas) * 9 + 1.6 * canvas.noise(5) - 1.1, 0, 1)
    for paint, cells in ((palette.ground, 3), (palette.second, 5)):
        wash = stepped((canvas.noise(cells) * 0.7 + canvas.noise(cells * 4) * 0.3 - 0.42) * 10) * edge
        picture = stain(picture, paint, pooled(wash, 5 * unit) * (0.55 + 0.35 * canvas.noise(9)) * 0.8)
    # Motifs: white paper first, then paint that wanders across its lines.
    bleed = wander(canvas, 2 * unit)
    body, cover = remapped(canvas.motifs, bleed), remapped(canvas.shape, bleed)
    picture = mix(picture, (250, 247, 240), grown(cover, 2 * unit) * 0.92)
    density = pooled(cover, 3 * unit) * (0.88 + 0.16 * canvas.noise(14)) + 0.04 * tooth
    picture = mix(picture, cv2.GaussianBlur(body, (0, 0), 1.1 * unit), np.clip(density, 0, 0.95))
    picture = picture * (1 - 0.5 * cv2.GaussianBlur(canvas.lines, (0, 0), 0.9 * unit)[:, :, None])
    word = pooled(remapped(canvas.ink, wander(canvas, 1.2 * unit)), 3 * unit)
    picture = mix(picture, (250, 247, 240), grown(canvas.ink, 4 * unit) * 0.6)
    pigment = blend(palette.ink, toward(palette.ink, palette.accent, 0.35), canvas.noise(7))
    return mix(picture, pigment, np.clip(word * (0.86 + 0.14 * canvas.noise(20)), 0, 0.97)) + 0.012 * tooth[:, :, None]


def ink_wash(canvas: Canvas) -> Picture:
    """Black ink on rice paper, motifs in tones of grey, mist and far hills, a red seal."""
    unit = canvas.unit
    fibres = canvas.noise(120) * 0.6 + canvas.noise(40) * 0.4
    paper = blend((247, 241, 226), (229, 218, 194), fibres * 0.6 + canvas.noise(3) * 0.4)
    picture = paper
    height = canvas.ink.shape[0]
    down = np.arange(height, dtype=np.float32)[:, None] / height
    for depth in range(int(canvas.random.integers(0, 4))):
        crest = canvas.random.uniform(0.35, 0.75) + 0.16 * (canvas.noise(2 + depth)[:1] - 0.5) * 2
        hill = np.clip((down - crest) * height / (3 * unit), 0, 1) * np.exp(-np.clip(down - crest, 0, 1) * 7)
        picture = mix(picture, (120, 122, 124), hill * (0.28 + 0.1 * depth))
    tone = cv2.cvtColor(canvas.motifs.astype(np.float32), cv2.COLOR_RGB2GRAY)
    bleed = wander(canvas, 2.5 * unit)
    cover = pooled(remapped(canvas.shape, bleed), 4 * unit)
    grey = np.repeat((0.22 + 0.66 * remapped(tone, bleed))[:, :, None], 3, axis=2)
    picture = mix(picture, paper, grown(canvas.shape, 5 * unit) * 0.85)
    picture = mix(picture, cv2.GaussianBlur(grey, (0, 0), 1.3 * unit), cover * (0.72 + 0.24 * canvas.noise(16)))
    brush = np.clip(grown(canvas.lines, 0.9 * unit) + ring(canvas.shape, 1.8 * unit), 0, 1) * dry(canvas, 0.55)
    picture = mix(picture, (44, 42, 44), brush * 0.8)
    picture = mix(picture, (18, 16, 18), canvas.ink * np.maximum(dry(canvas, 0.9), 0.86))
    return sealed(canvas, picture) + 0.01 * canvas.grain()[:, :, None]


def neon(canvas: Canvas) -> Picture:
    """Glowing tubes on a brick wall at night."""
    palette, unit = canvas.palette(dark=True), canvas.unit
    wall = blend(toward(palette.ground, BLACK, 0.45), toward(palette.second, BLACK, 0.55), canvas.noise(3))
    picture = wall * (0.86 + 0.14 * canvas.noise(60)[:, :, None])
    if canvas.random.random() < 0.65:
        picture = picture * (1 - 0.4 * mortar(canvas)[:, :, None])
    tubes = np.clip(grown(ring(canvas.shape, 3 * unit) + 0.85 * canvas.lines, 0.8 * unit), 0, 1)
    bright = brightened(canvas.motifs, canvas.shape, 6 * unit)
    picture = picture + cv2.GaussianBlur(bright * tubes[:, :, None], (0, 0), 9 * unit) * 1.1
    picture = mix(picture, bright * 0.16, canvas.shape * 0.55)
    picture = mix(picture, bright * 0.92, tubes)
    glow = colour(canvas.random.uniform(), 0.62, 1.0)
    light = to_unit(glow) * (cv2.GaussianBlur(canvas.ink, (0, 0), 7 * unit) * 0.75)[:, :, None]
    picture = picture + light + to_unit(glow) * (cv2.GaussianBlur(canvas.ink, (0, 0), 24 * unit) * 0.4)[:, :, None]
    picture = mix(picture, glow, canvas.ink)
    core = cv2.GaussianBlur(canvas.ink, (0, 0), 2 * unit)
    return mix(picture, (255, 252, 244), np.clip(core * 2.2 - 1.0, 0, 1) * canvas.ink * 0.92)


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
        picture = laid(picture, sheet, toward(far, near, (layer + 1) / layers), 6 * unit)
    picture = laid(picture, grown(canvas.shape, 4 * unit), (250, 247, 240), 7 * unit)
    shade = np.clip(moved(cv2.GaussianBlur(canvas.lines, (0, 0), 1.6 * unit), 1.8 * unit, 2.2 * unit) * 2.2, 0, 1)
    picture = mix(picture, canvas.motifs * (1 - 0.42 * shade[:, :, None]), canvas.shape)
    if palette.is_dark:
        picture = laid(picture, canvas.ink, palette.ink, 6 * unit)
    else:
        picture = laid(picture, grown(canvas.ink, 5 * unit), (252, 250, 245), 6 * unit)
        picture = laid(picture, canvas.ink, palette.ink, 3 * unit)
    return picture + 0.012 * canvas.grain()[:, :, None]


def oil(canvas: Canvas) -> Picture:
    """Thick strokes of paint, with light on their ridges."""
    palette, unit = canvas.palette(), canvas.unit
    ground = blend(palette.ground, palette.second, np.clip(canvas.noise(3) * 2 - 0.5, 0, 1))
    ground = blend(ground, toward(palette.ground, palette.accent, 0.35), np.clip(canvas.noise(5) * 2.4 - 1.5, 0, 1))
    rough = wander(canvas, 1.4 * unit)
    picture = mix(ground, remapped(canvas.motifs, rough), remapped(canvas.shape, rough))
    word = np.clip(remapped(canvas.ink, wander(canvas, 1.2 * unit)) * 1.15, 0, 1)
    picture = mix(picture, palette.ground, grown(canvas.ink, 6 * unit) * 0.75)
    picture = mix(picture, palette.ink, word)
    strokes = brush_strokes(canvas, cv2.GaussianBlur(canvas.shape + word, (0, 0), 6 * unit))
    # Paint is calmer where it depicts a form.
    calm = 1 - 0.75 * np.clip(word + canvas.shape, 0, 1)
    picture = picture * (1 + 0.2 * (strokes - 0.5) * calm)[:, :, None]
    relief = strokes * 1.5 * calm + cv2.GaussianBlur(word, (0, 0), 2 * unit) * 1.6
    relief = relief + cv2.GaussianBlur(canvas.shape, (0, 0), 2 * unit) * 0.6
    light = -(np.gradient(relief, axis=0) + np.gradient(relief, axis=1)) * min(1.0, unit * 1.4)
    result: Picture = picture + np.clip(light, -0.2, 0.2)[:, :, None] * 0.6
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
    """A few inks printed over carved lines, a graded sky, wood grain."""
    unit = canvas.unit
    paper = blend((243, 232, 206), (232, 216, 184), canvas.noise(4))
    height, width = canvas.ink.shape
    down = np.arange(height, dtype=np.float32)[:, None] / height + np.zeros((1, width), np.float32)
    sky, land = INKS[canvas.random.permutation(GROUNDS)[:2]]
    fade = canvas.random.uniform(0.25, 0.5)
    picture = paper
    picture = mix(picture, sky, np.clip(1 - down / fade, 0, 1) ** 1.4 * 0.8)
    crest = canvas.random.uniform(0.6, 0.85) + 0.05 * np.sin(np.arange(width) / width * canvas.random.uniform(3, 9))
    picture = mix(picture, blend(land, paper, np.full_like(down, 0.35)), np.clip((down - crest) * height, 0, 1) * 0.8)
    bend = canvas.noise(3) * 26
    wood = np.clip(np.sin((np.arange(height, dtype=np.float32)[:, None] / unit + bend) * 0.62) * 1.6 - 0.9, 0, 1)
    # Each motif is printed in the nearest inks, slightly out of register with its lines.
    lab = cv2.cvtColor(canvas.motifs.astype(np.float32), cv2.COLOR_RGB2Lab)
    inks = cv2.cvtColor(INKS[None], cv2.COLOR_RGB2Lab)[0]
    nearest = INKS[((lab[:, :, None, :] - inks) ** 2).sum(3).argmin(2)]
    off = canvas.random.uniform(-1.5, 1.5, 2) * unit
    picture = mix(picture, paper, grown(canvas.shape, 5 * unit))
    picture = mix(picture, moved(nearest, *off), moved(canvas.shape, *off) * (1 - 0.2 * wood))
    carved = remapped(grown(canvas.lines, 0.6 * unit) + ring(canvas.shape, 2 * unit), wander(canvas, 0.7 * unit))
    picture = mix(picture, (38, 32, 36), np.clip(carved, 0, 1) * (1 - 0.3 * wood))
    picture = mix(picture, (120, 100, 80), wood * 0.14)
    picture = mix(picture, paper, grown(canvas.ink, 5 * unit))
    word = remapped(canvas.ink, wander(canvas, 0.8 * unit))
    return mix(picture, (24, 20, 24), word * (1 - 0.14 * wood)) + 0.01 * canvas.grain()[:, :, None]


def chalk(canvas: Canvas) -> Picture:
    """Dusty lines and hatching on a board."""
    unit = canvas.unit
    boards = ((34, 62, 54), (40, 44, 48), (30, 46, 74), (60, 44, 40))
    board = boards[int(canvas.random.integers(len(boards)))]
    smear = np.clip(canvas.noise(3) * 0.7 + canvas.noise(9) * 0.3, 0, 1)
    picture = blend(board, toward(board, WHITE, 0.16), smear) + 0.012 * canvas.grain()[:, :, None]
    dust = np.clip(0.8 + 0.3 * cv2.GaussianBlur(canvas.grain(), (0, 0), 1.2 * unit) * 2, 0.15, 1)
    pastel = canvas.motifs * 0.8 + 0.2
    across, down = coordinates(canvas)
    turn = canvas.random.uniform(0.5, 1.0)
    hatch = stepped(np.sin((across * turn + down) / (2.6 * unit) + canvas.noise(6) * 2) * 2 + 0.4)
    picture = mix(picture, pastel, canvas.shape * (0.52 + 0.36 * hatch) * dust)
    lines = np.clip(
        remapped(grown(canvas.lines, 0.9 * unit) + ring(canvas.shape, 2.6 * unit), wander(canvas, unit)), 0, 1
    )
    picture = mix(picture, canvas.motifs * 0.35 + 0.65, lines * dust)
    picture = mix(picture, toward(board, BLACK, 0.25), grown(canvas.ink, 6 * unit) * 0.6)
    tint = colour(canvas.random.uniform(), 0.9, canvas.random.uniform(0, 1))
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
