import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.errors import MethodUnavailable
from shared.schemas import CONDITIONING_METHODS
from worker.conditioning import CONDITIONINGS, CONTROL_TYPE_INDEX, CannyConditioning
from worker.conditioning.canny import opencv_canny
from worker.conditioning.depth import distance_transform_depth
from worker.conditioning.scribble import skeletonization_scribble
from worker.conditioning.segmentation import OTHER_COLOUR, RADICAL_COLOUR, radical_segmentation
from worker.glyphs import GlyphRenderer


def test_the_table_of_methods_is_the_contracts() -> None:
    """What the API accepts and what the worker has are the same methods, in the same order."""
    assert {kind.control_type: kind().available_methods for kind in CONDITIONINGS} == dict(CONDITIONING_METHODS)
    assert CONTROL_TYPE_INDEX == {"depth": 1, "scribble": 2, "canny": 3, "segmentation": 5}


@settings(max_examples=25, deadline=None)
@given(
    word=st.text("学龍ひ한a一永", min_size=1, max_size=12),
    width=st.integers(4, 10).map(lambda n: n * 64),
    height=st.integers(4, 10).map(lambda n: n * 64),
)
def test_every_map_has_the_pictures_size_and_is_never_empty(
    glyphs: GlyphRenderer, word: str, width: int, height: int
) -> None:
    glyph = glyphs.render(word, width, height)
    for kind in CONDITIONINGS:
        for method in kind().available_methods:
            image = kind().generate(glyph, method)
            assert image.mode == "RGB"
            assert image.size == (width, height)
            assert np.asarray(image).max() > 0, method
            assert (np.asarray(kind().generate(glyph, method)) == np.asarray(image)).all(), "not deterministic"


def test_an_unknown_method_is_refused_by_name(glyphs: GlyphRenderer) -> None:
    with pytest.raises(MethodUnavailable, match="opencv_canny") as error:
        CannyConditioning().generate(glyphs.render("学", 256, 256), "nope")
    assert error.value.field == "conditioning_methods.canny"


def test_canny_is_white_edges_on_black(glyphs: GlyphRenderer) -> None:
    edges = opencv_canny(glyphs.render("十", 256, 256))
    assert set(np.unique(edges)) == {0, 255}
    assert edges.mean() < 40


def test_depth_is_near_in_the_ink_and_recedes_upwards(glyphs: GlyphRenderer) -> None:
    glyph = glyphs.render("口", 256, 256)
    depth = distance_transform_depth(glyph)[:, :, 0].astype(int)
    core = cv2.erode(glyph.mask.astype(np.uint8), np.ones((5, 5), np.uint8)).astype(bool)
    assert depth[core].min() > 140
    assert depth[2].max() < depth[-3].max() < 80
    assert depth.max() <= 255


def test_depth_is_highest_in_the_middle_of_the_stroke(glyphs: GlyphRenderer) -> None:
    glyph = glyphs.render("一", 512, 512)
    depth = distance_transform_depth(glyph)[:, :, 0].astype(int)
    distance = cv2.distanceTransform(glyph.mask.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    assert distance[np.unravel_index(depth.argmax(), depth.shape)] > 0.9 * distance.max()


def test_scribble_is_one_thin_connected_line_for_one_stroke(glyphs: GlyphRenderer) -> None:
    glyph = glyphs.render("一", 256, 256)
    scribble = skeletonization_scribble(glyph)[:, :, 0]
    count, _ = cv2.connectedComponents(scribble)
    assert count == 2  # the background and the line
    assert 0 < (scribble > 0).sum() < glyph.mask.sum()


def test_segmentation_colours_the_radical(glyphs: GlyphRenderer) -> None:
    """The lower part of 学 is its radical 子, the upper part is not."""
    colours = radical_segmentation(glyphs.render("学", 256, 256))
    radical = (colours == RADICAL_COLOUR).all(-1)
    other = (colours == OTHER_COLOUR).all(-1)
    assert radical.any()
    assert other.any()
    assert np.argwhere(radical)[:, 0].mean() > np.argwhere(other)[:, 0].mean()
    assert (radical | other | (colours == 0).all(-1)).all()
