"""PNG with the picture's parameters in text chunks.

Compressed with zlib-ng: the "up" row filter, run lengths and Huffman codes only. On a noisy 1024² picture that is
7 times as fast as Pillow's compress_level 1, and smaller (docs/reference/performance.md).
"""

import json
import struct
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from zlib_ng import zlib_ng

SIGNATURE = b"\x89PNG\r\n\x1a\n"
BITS, RGB = 8, 2  # per sample; the colour type
FILTER_UP = 2  # a row's bytes minus those of the row above
LEVEL, WINDOW_BITS, MEMORY_LEVEL = 1, 15, 9


def encode_png(image: Image.Image, parameters: Mapping[str, Any] | None = None) -> bytes:
    """Return an image as PNG.

    Args:
        image: RGB.
        parameters: what the picture was made from. Stored in the chunk `parameters`, in the line format that
            image-generation tools read ("prompt / Negative prompt: … / Steps: …, Seed: …"), and as JSON in full in
            `writing-service`.
    """
    info = PngInfo()
    if parameters is not None:
        info.add_text("parameters", parameter_text(parameters))
        info.add_text("writing-service", json.dumps(dict(parameters), ensure_ascii=False))
    header = struct.pack(">IIBBBBB", *image.size, BITS, RGB, 0, 0, 0)
    chunks = [
        (b"IHDR", header),
        *((kind, data) for kind, data, *_ in info.chunks),
        (b"IDAT", _compress(np.asarray(image.convert("RGB")))),
        (b"IEND", b""),
    ]
    return SIGNATURE + b"".join(_chunk(kind, data) for kind, data in chunks)


def parameter_text(parameters: Mapping[str, Any]) -> str:
    """Return the parameters in the line format that image-generation tools read."""
    lines = [parameters["prompt"]]
    if parameters["negative_prompt"]:
        lines.append(f"Negative prompt: {parameters['negative_prompt']}")
    settings = {
        "Steps": parameters["num_inference_steps"],
        "Sampler": parameters["scheduler"],
        "CFG scale": parameters["guidance_scale"],
        "Seed": parameters["seed"],
        "Size": f"{parameters['width']}x{parameters['height']}",
        "Model": parameters["model_used"],
    }
    lines.append(", ".join(f"{name}: {value}" for name, value in settings.items()))
    return "\n".join(lines)


def _compress(pixels: NDArray[np.uint8]) -> bytes:
    """Return pixels (height, width, 3), filtered and deflated."""
    rows = pixels.reshape(len(pixels), -1)
    filtered = np.empty((len(rows), rows.shape[1] + 1), np.uint8)
    filtered[:, 0] = FILTER_UP
    filtered[0, 1:] = rows[0]
    np.subtract(rows[1:], rows[:-1], out=filtered[1:, 1:])
    deflate = zlib_ng.compressobj(LEVEL, zlib_ng.DEFLATED, WINDOW_BITS, MEMORY_LEVEL, zlib_ng.Z_RLE)
    return deflate.compress(filtered) + deflate.flush()


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib_ng.crc32(data, zlib_ng.crc32(kind)))
