"""The documentation's gallery: its words and its files."""

import io

import numpy as np
import pytest
from PIL import Image

from local.gallery import MAX_BYTES, WORDS, to_jpeg
from shared.writing.characters import CharacterDatabase
from shared.writing.words import resolve_meaning


def test_there_are_48_words_and_the_lexicon_knows_them(database: CharacterDatabase) -> None:
    assert len(set(WORDS)) == len(WORDS) == 48
    assert all(resolve_meaning(word, "", database).reading for word in WORDS)


@pytest.mark.parametrize("noise", [0, 255])
def test_a_picture_becomes_a_small_file(noise: int) -> None:
    """Even one that compresses badly."""
    pixels = np.random.default_rng(0).integers(0, noise + 1, (512, 512, 3), np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    jpeg = to_jpeg(file.getvalue())
    assert len(jpeg) <= MAX_BYTES
    assert Image.open(io.BytesIO(jpeg)).size == (256, 256)
