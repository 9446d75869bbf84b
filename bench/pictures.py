"""Pictures as the API returns them, and the similarity of two pictures."""

import base64
import io
import math

import numpy as np
from PIL import Image


def decoded(encoded: str) -> Image.Image:
    """Return a base64 PNG as an RGB picture."""
    return Image.open(io.BytesIO(base64.b64decode(encoded))).convert("RGB")


def psnr(one: Image.Image, other: Image.Image) -> float:
    """Return the peak signal-to-noise ratio of two pictures of the same size, in dB; infinite if they are equal."""
    difference = np.asarray(one, dtype=np.float64) - np.asarray(other, dtype=np.float64)
    error = float(np.mean(difference**2))
    return 10 * math.log10(255**2 / error) if error else math.inf
