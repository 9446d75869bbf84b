"""Time the conditioning methods at 1024², in one thread, and equivalent stock calls. ``make bench``.

    python -m bench.conditioning [--words 50] [--size 1024]

A method's time includes everything from the glyph's ink to the RGB image. The skeleton and the distance map, which
methods share, count for each method that needs them. Only the bare call of a peer is timed, on the same glyphs.
"""

import argparse
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from functools import partial

import cv2
import numpy as np
import psutil
from scipy import ndimage
from skimage.feature import canny
from skimage.morphology import medial_axis, skeletonize, thin
from tqdm import tqdm

from bench.report import table, write
from shared.settings import load_settings
from shared.writing.characters import CharacterDatabase
from shared.writing.fonts import read_fonts
from worker.conditioning import Conditioning, make_conditionings
from worker.conditioning.canny import HIGH, LOW
from worker.glyphs import Glyph, GlyphRenderer

MIB = 1024**2

# Other libraries' calls for the same step.
PEERS: dict[str, dict[str, Callable[[Glyph], object]]] = {
    "opencv_canny": {
        "cv2.Canny": lambda glyph: cv2.Canny(glyph.ink, 100, 200),
        "skimage.feature.canny": lambda glyph: canny(glyph.ink),
    },
    "distance_transform_depth": {
        "cv2.distanceTransform (exact)": lambda glyph: cv2.distanceTransform(
            glyph.mask.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE
        ),
        "scipy distance_transform_edt": lambda glyph: ndimage.distance_transform_edt(glyph.mask),
    },
    "stroke_thickness_depth": {
        "skimage medial_axis + distance": lambda glyph: medial_axis(glyph.mask, return_distance=True),
    },
    "skeletonization_scribble": {
        "skimage skeletonize (zhang)": lambda glyph: skeletonize(glyph.mask, method="zhang"),
        "skimage thin": lambda glyph: thin(glyph.mask),
    },
}


# The same step as our methods do it, without what follows: background, pen, colours.
OWN_STEP: dict[str, Callable[[Glyph], object]] = {
    "opencv_canny": lambda glyph: cv2.Canny(glyph.ink, LOW, HIGH),
    "distance_transform_depth": lambda glyph: glyph.distance,
    "stroke_thickness_depth": lambda glyph: (glyph.skeleton, glyph.distance),
    "skeletonization_scribble": lambda glyph: glyph.skeleton,
}


def sample_words(count: int) -> list[str]:
    """Return words of one to four characters from the database, always the same ones."""
    random = np.random.default_rng(1)
    characters = CharacterDatabase().characters()
    return ["".join(random.choice(characters, size)) for size in random.integers(1, 5, count)]


def fresh(glyph: Glyph) -> Glyph:
    """Return the glyph without its cached results, so that each timing includes everything."""
    return replace(glyph)


def median_ms(run: Callable[[Glyph], object], glyphs: list[Glyph]) -> float:
    """Return the median time over the glyphs in milliseconds."""
    times = []
    for glyph in glyphs:
        own = fresh(glyph)
        started = time.perf_counter()
        run(own)
        times.append(time.perf_counter() - started)
    return statistics.median(times) * 1000


@contextmanager
def peak_memory() -> Iterator[list[float]]:
    """Yield a list that afterwards contains the largest growth of the process during the block, in MiB."""
    process, peak, stop = psutil.Process(), [0.0], threading.Event()
    before = process.memory_info().rss

    def watch() -> None:
        while not stop.wait(0.0005):
            peak[0] = max(peak[0], (process.memory_info().rss - before) / MIB)

    watcher = threading.Thread(target=watch)
    watcher.start()
    yield peak
    stop.set()
    watcher.join()


def side_by_side(conditionings: tuple[Conditioning, ...], glyphs: list[Glyph]) -> tuple[float, float]:
    """Return the median milliseconds of the four default methods, sequentially and in four threads at once."""

    def in_turn(glyph: Glyph) -> None:
        for kind in conditionings:
            kind.generate(glyph)

    with ThreadPoolExecutor(4) as pool:

        def at_once(glyph: Glyph) -> None:
            list(pool.map(lambda kind: kind.generate(glyph), conditionings))

        return median_ms(in_turn, glyphs), median_ms(at_once, glyphs)


def main(words: int, size: int) -> None:
    """Measure and write the report."""
    cv2.setNumThreads(1)
    settings = load_settings()
    conditionings = make_conditionings(settings.conditioning.model_copy(update={"depth_model": None}))
    renderer = GlyphRenderer(CharacterDatabase(), read_fonts(settings.fonts))
    chosen = sample_words(words)
    glyphs = [renderer.render(word, size, size) for word in tqdm(chosen, desc="glyphs")]
    ai_free = [(kind, name) for kind in conditionings for name in kind.available_methods if not name.startswith("ai_")]
    for kind, name in ai_free:
        kind.generate(fresh(glyphs[0]), name)  # loads models, fills caches
    raster = median_ms(lambda glyph: renderer.render(glyph.word, size, size), glyphs)
    rows: list[list[object]] = [["(the glyph's raster)", f"{raster:.1f}", "", ""]]
    times: dict[str, float] = {}
    for kind, name in tqdm(ai_free, desc="methods"):
        times[name] = median_ms(partial(kind.generate, method=name), glyphs)
        peers = {peer: median_ms(call, glyphs) for peer, call in PEERS.get(name, {}).items()}
        own = f"{median_ms(OWN_STEP[name], glyphs):.1f}" if name in OWN_STEP else ""
        rows.append([name, f"{times[name]:.1f}", own, " · ".join(f"{peer} {ms:.1f}" for peer, ms in peers.items())])
    defaults = sum(times[kind.available_methods[0]] for kind in conditionings)
    rows.append(["**the four defaults**", f"**{defaults:.1f}**", "", ""])
    rows.append(["**all ten without AI**", f"**{sum(times.values()):.1f}**", "", ""])
    in_turn, at_once = side_by_side(conditionings, glyphs)
    with peak_memory() as peak:
        for kind, name in ai_free:
            kind.generate(fresh(glyphs[0]), name)
    body = table(["method", "whole, ms", "its main step, ms", "stock calls for that step, ms"], rows)
    body += (
        f"\n\nMedian of {words} words at {size} × {size}; one OpenCV thread."
        f"\n\nThe four defaults one after another {in_turn:.1f} ms, in four threads at once "
        f"{at_once:.1f} ms: {in_turn / at_once:.2f} times as fast."
        f"\n\nPeak extra memory while all ten run one after another: {peak[0]:.0f} MiB."
    )
    write("conditioning", f"python -m bench.conditioning --words {words} --size {size}", body)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--words", type=int, default=50)
    parser.add_argument("--size", type=int, default=1024)
    arguments = parser.parse_args()
    main(arguments.words, arguments.size)
