"""The documentation's gallery: its words and its files."""

import io

import numpy as np
import pytest
from PIL import Image

from local.gallery import MAX_BYTES, WORDS, to_jpeg
from shared.writing.dictionaries import Dictionaries
from shared.writing.meanings import find_meaning


def test_there_are_64_words_and_the_lexica_know_them(dictionaries: Dictionaries) -> None:
    assert len(set(WORDS)) == len(WORDS) == 64
    meanings = [find_meaning(word, "", dictionaries) for word in WORDS]
    assert {meaning.source for meaning in meanings} == {"lexicon"}
    assert len({meaning.language for meaning in meanings}) == 11


@pytest.mark.parametrize("noise", [0, 255])
def test_a_picture_becomes_a_small_file(noise: int) -> None:
    """Even one that compresses badly."""
    pixels = np.random.default_rng(0).integers(0, noise + 1, (512, 512, 3), np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    jpeg = to_jpeg(file.getvalue())
    assert len(jpeg) <= MAX_BYTES
    assert Image.open(io.BytesIO(jpeg)).size == (256, 256)
