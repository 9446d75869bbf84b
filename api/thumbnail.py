"""Small versions of pictures, for lists of many."""

import io
from collections.abc import Mapping

from PIL import Image

# JPEG comes first: it is for clients that accept everything, of which some cannot read WebP.
FORMATS: Mapping[str, str] = {"image/jpeg": "JPEG", "image/webp": "WEBP"}
LEAST_SIDE = 64
QUALITY = 80


def thumbnail(png: bytes, side: int, media_type: str) -> bytes:
    """Return a picture without its parameters, its longer side reduced to `side` pixels; it is never enlarged.

    Args:
        png: the picture.
        side: pixels.
        media_type: one of `FORMATS`.
    """
    with Image.open(io.BytesIO(png)) as picture:
        small = picture.convert("RGB")
    small.thumbnail((side, side), Image.Resampling.LANCZOS)
    sink = io.BytesIO()
    small.save(sink, FORMATS[media_type], quality=QUALITY)
    return sink.getvalue()
