"""PNG encoders on a noisy picture, in one thread.

python -m bench.png
"""

import argparse
import io
import time
from collections.abc import Callable

import cv2
import numpy as np
from PIL import Image

from bench.report import table, write
from worker.png import encode_png

SIDE, REPEATS = 1024, 10


def noisy_picture() -> Image.Image:
    """Return smooth colours with grain, about as hard to compress as a photograph."""
    random = np.random.default_rng(0)
    smooth = cv2.resize(random.integers(0, 255, (64, 64, 3), np.uint8), (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)
    return Image.fromarray(np.clip(smooth + random.normal(0, 4, smooth.shape), 0, 255).astype(np.uint8))


def by_pillow(picture: Image.Image) -> bytes:
    """Encode with Pillow at compress_level 1."""
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


def by_opencv(picture: Image.Image) -> bytes:
    """Encode with OpenCV at level 1."""
    return bytes(cv2.imencode(".png", np.asarray(picture), [cv2.IMWRITE_PNG_COMPRESSION, 1])[1])


def main() -> None:
    """Measure and write the report."""
    cv2.setNumThreads(1)
    picture = noisy_picture()
    variants: dict[str, Callable[[Image.Image], bytes]] = {
        "Pillow, level 1": by_pillow,
        "OpenCV, level 1": by_opencv,
        "worker/png.py (zlib-ng)": encode_png,
    }
    rows: list[list[object]] = []
    for name, encode in variants.items():
        size = len(encode(picture))
        started = time.perf_counter()
        for _ in range(REPEATS):
            encode(picture)
        rows.append([name, f"{1000 * (time.perf_counter() - started) / REPEATS:.0f}", f"{size / 1e6:.2f}"])
    write("png", "python -m bench.png", table([f"{SIDE}²", "ms", "MB"], rows))


if __name__ == "__main__":
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    main()
