import cv2
import numpy as np
import pytest
from skimage.morphology import skeletonize

from worker.glyphs import Glyph, GlyphRenderer


def ends(skeleton: np.ndarray) -> int:
    """Return the number of pixels with one neighbour."""
    lines = skeleton.astype(np.uint8)
    neighbours = cv2.filter2D(lines, cv2.CV_8U, np.ones((3, 3)), borderType=cv2.BORDER_CONSTANT) - lines
    return int((skeleton & (neighbours == 1)).sum())


def parts(skeleton: np.ndarray) -> int:
    return cv2.connectedComponents(skeleton.astype(np.uint8))[0] - 1


def thinned(glyph: Glyph) -> np.ndarray:
    return np.asarray(skeletonize(glyph.mask, method="zhang"))


@pytest.mark.parametrize(("word", "count"), [("ー", 2), ("コ", 3), ("エ", 4), ("ラ", 4)])
@pytest.mark.parametrize("side", [512, pytest.param(1024, marks=pytest.mark.slow)])
def test_a_line_ends_where_a_fonts_stroke_ends(glyphs: GlyphRenderer, word: str, count: int, side: int) -> None:
    """Thinning forks towards the corners of each end: ー was >—<."""
    glyph = glyphs.render(word, side, side)
    assert ends(thinned(glyph)) > count
    assert ends(glyph.skeleton) == count


@pytest.mark.parametrize("word", ["ー", "コ", "カメラ", "ひらがな", "good", "نور", "서울", "ßäü", "เด็ก"])
def test_lines_stay_whole_and_reach_as_far(glyphs: GlyphRenderer, word: str) -> None:
    glyph = glyphs.render(word, 512, 512)
    assert parts(glyph.skeleton) == parts(thinned(glyph))
    assert not (glyph.skeleton & ~glyph.mask).any()
    rows, columns = np.nonzero(glyph.skeleton)
    old_rows, old_columns = np.nonzero(thinned(glyph))
    reach = glyph.distance.max()
    for new, old in ((rows, old_rows), (columns, old_columns)):
        assert abs(int(new.min()) - int(old.min())) <= reach
        assert abs(int(new.max()) - int(old.max())) <= reach


@pytest.mark.parametrize("word", ["一", "学习", "龍", "永"])
def test_brush_strokes_keep_their_skeletons(glyphs: GlyphRenderer, word: str) -> None:
    glyph = glyphs.render(word, 512, 512)
    assert (glyph.skeleton == thinned(glyph)).all()
    beside_kana = glyphs.render(f"{word}ー", 512, 512)
    for placed in beside_kana.characters[:-1]:
        region = placed.box.region(512, 512)
        assert (beside_kana.skeleton[region] == thinned(beside_kana)[region]).all()
