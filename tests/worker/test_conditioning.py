import dataclasses
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.errors import MethodUnavailable, SettingsError
from shared.schemas import AI_METHODS, CONDITIONING_METHODS
from shared.settings import ConditioningSettings, load_settings
from shared.styles import Pen
from shared.writing.characters import CharacterDatabase
from worker.conditioning import CONTROL_TYPE_INDEX, Brush, CannyConditioning, make_conditionings
from worker.conditioning.canny import adaptive_canny, opencv_canny, structured_edge_detection
from worker.conditioning.depth import distance_transform_depth, stroke_thickness_depth
from worker.conditioning.scribble import hand_drawn_simulation, skeletonization_scribble, style_aware_scribble
from worker.conditioning.segmentation import (
    OTHER_COLOUR,
    PART_COLOURS,
    RADICAL_COLOUR,
    STROKE_COLOURS,
    radical_notes,
    radical_segmentation,
    stroke_notes,
    stroke_type_segmentation,
)
from worker.conditioning.structured_forest import MODEL_PATH, load_forest
from worker.glyphs import Glyph, GlyphRenderer
from worker.picture_work import make_work

CONDITIONINGS = make_conditionings(ConditioningSettings(depth_model=None, segmentation_model=None))
HAND = Brush()


def colours_of(image: np.ndarray) -> set[tuple[int, ...]]:
    return set(map(tuple, np.unique(image.reshape(-1, 3), axis=0).tolist()))


def test_the_table_of_methods_is_the_contracts() -> None:
    """The API accepts the methods that the worker has, with the same default; only AI methods may be unavailable."""
    for kind in CONDITIONINGS:
        known = CONDITIONING_METHODS[kind.control_type]
        assert kind.available_methods[0] == known[0]
        assert {*kind.available_methods, *kind.unavailable_methods} == set(known)
        assert set(kind.unavailable_methods) <= AI_METHODS
    assert sum(len(kind.available_methods) for kind in CONDITIONINGS) == 10
    assert CONTROL_TYPE_INDEX == {"depth": 1, "scribble": 2, "canny": 3, "segmentation": 5}


@settings(max_examples=5)
@given(
    word=st.text("学龍ひ한a一永i丶", min_size=1, max_size=12),
    width=st.integers(4, 10).map(lambda n: n * 64),
    height=st.integers(4, 10).map(lambda n: n * 64),
    seed=st.integers(0, 2**53 - 1),
)
def test_every_map_has_the_pictures_size_is_never_empty_and_repeats(
    glyphs: GlyphRenderer, word: str, width: int, height: int, seed: int
) -> None:
    """For any word, size, aspect ratio and method, shape, type and range are right, and the seed reproduces the map."""
    glyph = glyphs.render(word, width, height)
    hand = Brush(Pen(width=0.03, pressure=0.8, speed=0.8, roughness=0.8, grain=0.8), seed)
    for kind in CONDITIONINGS:
        for method in kind.available_methods:
            image = kind.generate(glyph, method, hand)
            assert image.mode == "RGB"
            assert image.size == (width, height)
            pixels = np.asarray(image)
            assert pixels.dtype == np.uint8
            assert pixels.max() > 100, method
            assert pixels.min() < 100, method
            assert (np.asarray(kind.generate(glyph, method, hand)) == pixels).all(), method


def test_an_unknown_method_is_refused_by_name(glyphs: GlyphRenderer) -> None:
    with pytest.raises(MethodUnavailable, match="opencv_canny") as error:
        CannyConditioning().generate(glyphs.render("学", 256, 256), "nope")
    assert error.value.field == "conditioning_methods.canny"


def test_canny_is_white_edges_on_black(glyphs: GlyphRenderer) -> None:
    for method in (opencv_canny, adaptive_canny, structured_edge_detection):
        edges = method(glyphs.render("十", 256, 256), HAND)
        assert set(np.unique(edges)) == {0, 255}
        assert edges.mean() < 40


@pytest.mark.parametrize("contrast", [1.0, 0.3, 0.08])
@pytest.mark.parametrize("word", ["一", "鬱", "口"])
def test_adaptive_canny_sees_faint_ink_too(glyphs: GlyphRenderer, word: str, contrast: float) -> None:
    """It finds the same edges at a twelfth of the contrast, where fixed thresholds find none."""
    glyph = glyphs.render(word, 256, 256)
    full = adaptive_canny(glyph, HAND)
    faint = dataclasses.replace(glyph, ink=np.rint(glyph.ink * contrast).astype(np.uint8))
    edges = adaptive_canny(faint, HAND)
    both = cv2.dilate(edges, np.ones((3, 3), np.uint8))
    assert (both[full > 0] > 0).mean() > 0.97
    if contrast < 0.1:
        assert not opencv_canny(faint, HAND).any()


@pytest.mark.parametrize("grow", [-5, 0, 6])
def test_adaptive_canny_outlines_thin_and_thick_ink(glyphs: GlyphRenderer, grow: int) -> None:
    """Edges follow the ink's entire rim, and there are none elsewhere."""
    glyph = glyphs.render("口", 256, 256)
    change = cv2.dilate if grow > 0 else cv2.erode
    ink = change(glyph.ink, np.ones((abs(grow) + 1, abs(grow) + 1), np.uint8)).astype(np.uint8)
    fixed = dataclasses.replace(glyph, ink=ink)
    edges = adaptive_canny(fixed, HAND)[:, :, 0]
    square = np.ones((3, 3), np.uint8)
    rim = cv2.morphologyEx(fixed.mask.astype(np.uint8), cv2.MORPH_GRADIENT, square).astype(bool)
    near = cv2.dilate(edges, np.ones((5, 5), np.uint8)) > 0
    assert near[rim].mean() > 0.97
    assert cv2.dilate(rim.astype(np.uint8), square)[edges > 0].all()


def crossing(glyph: Glyph) -> np.ndarray:
    """Return where two strokes overlap, away from the rim."""
    count = np.zeros(glyph.ink.shape, np.uint8)
    for outline in glyph.characters[0].outlines():
        stroke = np.zeros_like(count)
        cv2.fillPoly(stroke, [np.round(outline).astype(np.int32)], 1)
        count += stroke
    return cv2.dilate((count > 1).astype(np.uint8), np.ones((3, 3), np.uint8)).astype(bool)


def test_structured_edges_run_through_crossings_where_canny_sees_none(glyphs: GlyphRenderer) -> None:
    glyph = glyphs.render("十", 512, 512)
    inside = crossing(glyph) & (glyph.distance > 4)
    assert inside.any()
    assert not opencv_canny(glyph, HAND)[inside].any()
    assert structured_edge_detection(glyph, HAND)[inside].any()


@pytest.mark.parametrize(
    ("content", "reason"),
    [(None, "not found"), (b"", "is damaged"), (b"PK", "is damaged"), (MODEL_PATH.read_bytes()[:-1], "is damaged")],
    ids=["missing", "empty", "other", "cut"],
)
def test_a_forest_that_cannot_be_read_is_named_before_any_job(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes | None, reason: str
) -> None:
    path = tmp_path / "forest.npz"
    if content is not None:
        path.write_bytes(content)
    monkeypatch.setattr("worker.picture_work.work.load_forest", partial(load_forest, path))
    own = load_settings({})
    with pytest.raises(SettingsError, match=f"structured forest {reason}: {path}"):
        make_work(own, make_conditionings(own.conditioning))


def test_structured_edges_also_outline_the_ink(glyphs: GlyphRenderer) -> None:
    """Wherever Canny finds an edge, the forest has one within three pixels."""
    glyph = glyphs.render("鬱", 512, 512)
    canny = opencv_canny(glyph, HAND)[:, :, 0] > 0
    ours = structured_edge_detection(glyph, HAND)[:, :, 0]
    near = cv2.dilate(ours, np.ones((7, 7), np.uint8)) > 0
    assert near[canny].mean() > 0.95


def test_depth_is_near_in_the_ink_and_recedes_upwards(glyphs: GlyphRenderer) -> None:
    glyph = glyphs.render("口", 256, 256)
    core = cv2.erode(glyph.mask.astype(np.uint8), np.ones((5, 5), np.uint8)).astype(bool)
    for method in (distance_transform_depth, stroke_thickness_depth):
        depth = method(glyph, HAND)[:, :, 0].astype(int)
        assert depth[core].min() > 140
        assert depth[2].max() < depth[-3].max() < 80


def test_depth_is_highest_in_the_middle_of_the_stroke(glyphs: GlyphRenderer) -> None:
    glyph = glyphs.render("一", 512, 512)
    depth = distance_transform_depth(glyph, HAND)[:, :, 0].astype(int)
    assert glyph.distance[np.unravel_index(depth.argmax(), depth.shape)] > 0.9 * glyph.distance.max()


def test_the_distance_is_the_exact_euclidean_one(glyphs: GlyphRenderer) -> None:
    glyph = glyphs.render("永", 192, 256)
    paper = np.argwhere(~glyph.mask)
    for row, column in np.argwhere(glyph.mask)[::97]:
        nearest = np.sqrt(((paper - (row, column)) ** 2).sum(1).min())
        assert glyph.distance[row, column] == pytest.approx(nearest, abs=1e-3)


def test_thick_strokes_are_nearer_than_thin_ones() -> None:
    """Of two bars, one is three times as thick: each is flat, and the thick one is nearer."""
    ink = np.zeros((256, 256), np.uint8)
    ink[40:50, 30:220] = 255
    ink[120:150, 30:220] = 255
    depth = stroke_thickness_depth(Glyph("=", 256, 256, (), ink), HAND)[:, :, 0].astype(int)
    thin, thick = depth[43:47, 60:190], depth[125:145, 60:190]
    assert thick.min() > thin.max() + 20
    assert np.ptp(thick) <= 12


def test_scribble_is_one_thin_connected_line_for_one_stroke(glyphs: GlyphRenderer) -> None:
    glyph = glyphs.render("一", 256, 256)
    scribble = skeletonization_scribble(glyph, HAND)[:, :, 0]
    count, _ = cv2.connectedComponents(scribble)
    assert count == 2  # the background and the line
    assert 0 < (scribble > 0).sum() < glyph.mask.sum()


def test_an_even_line_is_as_thick_relative_to_the_picture_at_every_size(glyphs: GlyphRenderer) -> None:
    small, large = (skeletonization_scribble(glyphs.render("一", side, side), HAND).mean() for side in (256, 1024))
    assert large == pytest.approx(small, rel=0.1)


def test_each_attribute_of_a_pen_shows_in_its_line(glyphs: GlyphRenderer) -> None:
    """In 一, pressure makes the line uneven, speed lengthens it, and roughness bends it."""
    glyph = glyphs.render("一", 512, 512)

    def lines(**pen: float) -> list[np.ndarray]:
        return [style_aware_scribble(glyph, Brush(Pen(width=0.02, **pen), seed))[:, :, 0] > 127 for seed in range(6)]

    def thickness(line: np.ndarray) -> np.ndarray:
        return np.asarray(line[:, 120:400].sum(0))

    def middle(line: np.ndarray) -> np.ndarray:
        return np.asarray((line * np.arange(512)[:, None]).sum(0)[120:400] / thickness(line))

    even = lines()[0]
    assert np.ptp(thickness(even)) <= 2
    assert min(np.ptp(thickness(line)) for line in lines(pressure=0.9)) > 3
    ends = [np.flatnonzero(line.any(0))[-1] for line in (even, *lines(speed=0.8))]
    assert max(ends) > ends[0] + 5
    assert min(np.abs(middle(line) - middle(even)).max() for line in lines(roughness=0.8)) > 2


def test_the_widest_pen_does_not_fill_a_dense_character(glyphs: GlyphRenderer) -> None:
    glyph = glyphs.render("鬱", 512, 512)
    drawing = style_aware_scribble(glyph, Brush(Pen(width=0.1)))[:, :, 0] > 127
    assert drawing.sum() < 1.5 * glyph.mask.sum()


@pytest.mark.parametrize("word", ["永", "ひ"])
def test_a_hand_follows_the_strokes_but_never_twice_the_same(glyphs: GlyphRenderer, word: str) -> None:
    glyph = glyphs.render(word, 512, 512)
    drawings = [hand_drawn_simulation(glyph, Brush(seed=seed))[:, :, 0] > 127 for seed in range(4)]
    for drawing in drawings:
        near_ink = cv2.dilate(glyph.mask.astype(np.uint8), np.ones((25, 25), np.uint8)).astype(bool)
        assert near_ink[drawing].mean() > 0.97
    for other in drawings[1:]:
        overlap = (drawings[0] & other).sum() / (drawings[0] | other).sum()
        assert 0.1 < overlap < 0.95


def test_each_style_has_its_own_scribble(glyphs: GlyphRenderer) -> None:
    """An ink brush is wider and more uneven than a neon tube, and chalk lets the paper show through."""
    glyph = glyphs.render("永", 512, 512)
    styles = load_settings({}).styles
    ink = {name: style_aware_scribble(glyph, Brush(style.pen)) > 127 for name, style in styles.items()}
    assert len({drawing.tobytes() for drawing in ink.values()}) == len(styles)
    assert ink["ink_wash"].sum() > 1.3 * ink["neon"].sum()
    holes = {
        name: (cv2.morphologyEx(drawing.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((9, 9), np.uint8)) - drawing).mean()
        for name, drawing in ink.items()
    }
    assert holes["chalk"] > 3 * holes["neon"]


def test_a_neon_tube_is_even(glyphs: GlyphRenderer) -> None:
    """Without pressure, tremor and grain, every seed draws the same."""
    glyph = glyphs.render("永", 256, 256)
    pen = load_settings({}).styles["neon"].pen
    assert (style_aware_scribble(glyph, Brush(pen, 1)) == style_aware_scribble(glyph, Brush(pen, 2))).all()


def test_segmentation_colours_the_radical(glyphs: GlyphRenderer) -> None:
    """The lower part of 学 is its radical 子, the upper part is not."""
    glyph = glyphs.render("学", 256, 256)
    colours = radical_segmentation(glyph, HAND)
    radical = (colours == RADICAL_COLOUR).all(-1)
    other = (colours == OTHER_COLOUR).all(-1)
    assert np.argwhere(radical)[:, 0].mean() > np.argwhere(other)[:, 0].mean()
    assert colours_of(colours) == {(0, 0, 0), RADICAL_COLOUR, OTHER_COLOUR}
    assert ((colours != 0).any(-1) == glyph.mask).all()


def test_a_character_that_is_a_radical_is_one_colour(glyphs: GlyphRenderer) -> None:
    assert colours_of(radical_segmentation(glyphs.render("龍", 256, 256), HAND)) == {(0, 0, 0), RADICAL_COLOUR}


def test_the_radical_is_whole_where_other_strokes_cross_it(glyphs: GlyphRenderer) -> None:
    """That of 井 is 二, which is written first."""
    glyph = glyphs.render("井", 256, 256)
    inside = crossing(glyph) & (glyph.distance > 4)
    assert inside.any()
    assert (radical_segmentation(glyph, HAND)[inside] == RADICAL_COLOUR).all(-1).mean() > 0.9


def test_radicals_are_named(glyphs: GlyphRenderer) -> None:
    """Each character has its own (学 child, 火 fire); a kana has none, and the notes describe the fallback."""
    notes = radical_notes(glyphs.render("学火ひ", 256, 256))
    assert notes["radicals"] == [
        {"character": "学", "number": 39, "name": "子", "meaning": "child", "strokes": 3},
        {"character": "火", "number": 86, "name": "火", "meaning": "fire", "strokes": 4},
    ]
    assert notes["connected_parts"] == ["ひ"]


def test_strokes_are_coloured_by_type_in_writing_order(glyphs: GlyphRenderer) -> None:
    """In 十 the vertical stroke is written last, so it lies on top of the horizontal one."""
    glyph = glyphs.render("十", 256, 256)
    colours = stroke_type_segmentation(glyph, HAND)
    heng, shu = (STROKE_COLOURS[kind] for kind in ("heng", "shu"))
    assert colours_of(colours) == {(0, 0, 0), heng, shu}
    inside = crossing(glyph) & (glyph.distance > 4)
    assert (colours[inside] == shu).all(-1).mean() > 0.9
    assert stroke_notes(glyph) == {"stroke_types": {"十": ["heng", "shu"]}}


def test_fonts_fall_back_to_connected_parts(glyphs: GlyphRenderer) -> None:
    """い has two parts; the stroke and the radical method colour them differently and say so."""
    glyph = glyphs.render("い", 256, 256)
    for method, notes in ((stroke_type_segmentation, stroke_notes), (radical_segmentation, radical_notes)):
        colours = method(glyph, HAND)
        assert colours_of(colours) == {(0, 0, 0), *PART_COLOURS[:2]}
        assert ((colours != 0).any(-1) == glyph.mask).all()
        assert notes(glyph)["connected_parts"] == ["い"]


def test_radical_numbers_agree_with_the_marked_strokes(database: CharacterDatabase) -> None:
    """The two sources are independent: Unihan's residual stroke counts, and hanzi-writer's marked strokes.

    All characters of a radical should have the same number of radical strokes, except variants (⺅ 2, 氵 3 or 水 4).
    """
    for character, strokes in (("河", 3), ("住", 2), ("林", 4), ("好", 3), ("国", 3), ("草", 3)):
        found = database.character(character)
        assert found is not None
        assert sum(stroke.in_radical for stroke in found.strokes) == strokes, character
    radicals = {"河": 85, "住": 9, "林": 75, "好": 38, "国": 31, "草": 140, "學": 39, "龍": 212}
    assert {name: database.character(name).radical for name in radicals} == radicals  # type: ignore[union-attr]
