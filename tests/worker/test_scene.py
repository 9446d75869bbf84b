"""Scenes: the places of motifs beside a word, and how the twelve methods draw them."""

import math
from collections.abc import Sequence

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.settings import load_settings
from shared.styles import Pen
from shared.writing.imagery import Imagery
from shared.writing.motif import Motif, Shape
from tests.conditioning_models import save_models
from worker.conditioning import Brush, Conditioning, make_conditionings
from worker.conditioning.depth import INK_NEAREST, MOTIF_NEAREST, MOTIF_RANGE, NEAR_BACKGROUND
from worker.conditioning.segmentation import GROUND, PART_COLOURS, WORD_COLOURS
from worker.glyphs import GlyphRenderer
from worker.metadata import imagery_note
from worker.scene import PlacedMotif, Scene, compose

IMAGERY = Imagery()
# Round, wide, tall, dense and light motifs.
NAMES = ("dog", "books", "umbrella", "coffee", "pan", "snowman", "candle", "glasses", "musical-notes", "gift")
WORDS = (
    "学",
    "一",
    "学习",
    "火山灰",
    "人工智能",
    "ひらがな",
    "한국",
    "kitchen",
    "good day",
    "Café",
    "شمس",
    "שלום",
    "ไทย",
    "हिन्दी",
    "a",
)
SIZES = ((256, 256), (512, 512), (256, 512), (640, 384), (1024, 256))


def motifs(*names: str) -> list[Motif]:
    return [IMAGERY.motif(name) for name in names]


@pytest.fixture(scope="module")
def conditionings(tmp_path_factory: pytest.TempPathFactory) -> tuple[Conditioning, ...]:
    """All twelve methods, the two AI methods with tiny models."""
    return make_conditionings(save_models(tmp_path_factory.mktemp("models")))


def covered(scene: Scene) -> np.ndarray:
    """Return where motifs are."""
    mask = np.zeros(scene.glyph.ink.shape, bool)
    for placed in scene.motifs:
        mask[placed.region()] |= placed.collage[:, :, 3] > 0
    return mask


def gap(one: PlacedMotif, other: PlacedMotif) -> int:
    """Return the distance of two boxes along the axis that separates them; negative if they overlap."""
    (left, top, width, height), (left2, top2, width2, height2) = one.box, other.box
    across = max(left2 - left - width, left - left2 - width2)
    return max(across, top2 - top - height, top - top2 - height2)


@settings(max_examples=15)
@given(
    word=st.sampled_from(WORDS),
    size=st.sampled_from(SIZES),
    names=st.lists(st.sampled_from(NAMES), min_size=1, max_size=3, unique=True),
    seed=st.integers(0, 2**53 - 1),
)
def test_motifs_are_clear_of_the_ink_of_the_border_and_of_one_another(
    glyphs: GlyphRenderer, word: str, size: tuple[int, int], names: list[str], seed: int
) -> None:
    scene = compose(glyphs, word, *size, motifs(*names), seed)
    shorter = min(size)
    assert scene.glyph.ink.shape == size[::-1]
    assert [*sorted([placed.motif.name for placed in scene.motifs] + [*scene.left_out])] == sorted(names)
    assert [placed.motif.name for placed in scene.motifs] == [name for name in names if name not in scene.left_out]
    distance = cv2.distanceTransform((scene.glyph.ink == 0).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    for placed in scene.motifs:
        left, top, width, height = placed.box
        assert min(left, top, size[0] - left - width, size[1] - top - height) >= 0.02 * shorter
        assert distance[placed.region()].min() > 0.01 * shorter, "clear of the ink"
        taken = np.zeros(scene.glyph.ink.shape, bool)
        taken[placed.region()] = True
        assert not any(taken[one.box.region(*size)].any() for one in scene.glyph.drawn), "outside what the judge reads"
        assert math.sqrt(width * height) >= 0.14 * shorter, "large enough to be recognised"
        assert width / height == pytest.approx(placed.motif.width / placed.motif.height, rel=0.12)
    for index, placed in enumerate(scene.motifs):
        assert all(gap(placed, other) > 0.01 * shorter for other in scene.motifs[:index])
    areas = [placed.box[2] * placed.box[3] for placed in scene.motifs]
    assert areas == sorted(areas, reverse=True), "the best motif is the largest"


@settings(max_examples=15)
@given(
    word=st.sampled_from(["学", "一", "狗", "学习", "朋友", "한국", "ab", "ب", "ไ"]),
    size=st.sampled_from(SIZES),
    names=st.lists(st.sampled_from(NAMES), min_size=1, max_size=3, unique=True),
    seed=st.integers(0, 2**53 - 1),
)
def test_one_or_two_characters_keep_their_size(
    glyphs: GlyphRenderer, word: str, size: tuple[int, int], names: list[str], seed: int
) -> None:
    """Together, their em boxes span 55 % of the shorter side."""
    scene = compose(glyphs, word, *size, motifs(*names), seed)
    boxes = [placed.box for placed in scene.glyph.characters]
    across = max(box.left + box.advance for box in boxes) - min(box.left for box in boxes)
    down = max(box.top + box.em for box in boxes) - min(box.top for box in boxes)
    assert max(across, down) >= 0.55 * min(size)
    assert scene.motifs


@pytest.mark.parametrize("word", ["学", "学习", "火山灰", "kitchen", "شمس", "人工智能学习"])
def test_motifs_of_short_words_can_be_told_at_a_glance(glyphs: GlyphRenderer, word: str) -> None:
    """The first one spans at least a fifth of the shorter side, and none is omitted."""
    for seed in range(3):
        scene = compose(glyphs, word, 512, 512, motifs("dog", "gift"), seed)
        assert not scene.left_out
        assert max(scene.motifs[0].box[2:]) >= 0.2 * 512


@pytest.mark.parametrize("word", ["kitchen", "شمس"])
def test_the_first_motif_moves_aside_so_that_the_second_one_grows(glyphs: GlyphRenderer, word: str) -> None:
    """They share a strip beside the word. In its middle, the first one would leave room for one half as large."""
    for seed in range(3):
        first, second = compose(glyphs, word, 256, 256, motifs("dog", "gift"), seed).motifs
        assert math.prod(second.box[2:]) >= 0.6 * math.prod(first.box[2:])


def relative(scene: Scene) -> np.ndarray:
    """Return all boxes as shares of the shorter side: the characters', then the motifs'."""
    shorter = min(scene.glyph.width, scene.glyph.height)
    characters = [(box.left, box.top, box.advance, box.em) for box in (one.box for one in scene.glyph.characters)]
    return np.array([*characters, *(placed.box for placed in scene.motifs)]) / shorter


@pytest.mark.parametrize("word", ["学", "学习", "kitchen", "شمس", "火山灰人工智能学习朋友天"])
@pytest.mark.parametrize(
    "sizes",
    [
        ((256, 512), (512, 1024)),
        pytest.param(((256, 256), (512, 512), (1024, 1024), (2048, 2048)), marks=pytest.mark.slow),
        pytest.param(((256, 512), (1024, 2048)), marks=pytest.mark.slow),
    ],
)
def test_a_scene_is_the_same_at_every_size(glyphs: GlyphRenderer, word: str, sizes: Sequence[tuple[int, int]]) -> None:
    """Except for the rounding of boxes to pixels."""
    for seed in range(3):
        small, *others = [compose(glyphs, word, *size, motifs("dog", "umbrella"), seed) for size in sizes]
        for other in others:
            assert other.left_out == small.left_out
            assert np.abs(relative(other) - relative(small)).max() <= 1 / min(sizes[0])


def test_the_seed_chooses_among_arrangements_and_repeats_them(glyphs: GlyphRenderer) -> None:
    first = [compose(glyphs, "学习", 256, 256, motifs("books", "graduation-cap"), seed) for seed in range(12)]
    again = [compose(glyphs, "学习", 256, 256, motifs("books", "graduation-cap"), seed) for seed in range(12)]
    assert [one.motifs for one in first] == [one.motifs for one in again]
    assert all((one.glyph.ink == other.glyph.ink).all() for one, other in zip(first, again, strict=True))
    assert len({one.motifs[0].box for one in first}) >= 3


def test_a_word_that_fills_the_picture_makes_motifs_smaller_or_leaves_them_out(glyphs: GlyphRenderer) -> None:
    """The word keeps 70 % of its size, and motifs without room are named."""
    word = "火山灰人工智能学习朋友天"
    wanted = motifs("dog", "gift", "books")
    alone = glyphs.render(word, 256, 2048)
    for seed in range(2):
        scene = compose(glyphs, word, 256, 2048, wanted, seed)
        assert scene.glyph.characters[0].box.em >= 0.7 * alone.characters[0].box.em
        assert {*scene.left_out, *(placed.motif.name for placed in scene.motifs)} == {"dog", "gift", "books"}
    line = Motif("line", "a line", 1000, 4, (Shape((9, 9, 9), (((0, 0), (1000, 0), (1000, 4), (0, 4)),)),))
    scene = compose(glyphs, "学", 256, 256, [line], 0)
    assert scene.left_out == ("line",)
    assert imagery_note(scene) == "no room beside the word, so not drawn: line"
    assert not scene.motifs
    assert (scene.glyph.ink == glyphs.render("学", 256, 256).ink).all()


@pytest.mark.parametrize("word", ["学习", pytest.param("شمس a", marks=pytest.mark.slow)])
def test_without_motifs_every_map_is_that_of_the_word(
    glyphs: GlyphRenderer, conditionings: tuple[Conditioning, ...], word: str
) -> None:
    """A bare glyph, a scene without motifs, and one composed of none are bit-identical by all twelve methods."""
    glyph = glyphs.render(word, 384, 256)
    composed = compose(glyphs, word, 384, 256, (), 7)
    assert composed.glyph.characters == glyph.characters
    assert (composed.glyph.ink == glyph.ink).all()
    hand = Brush(load_settings({}).styles["chalk"].pen, 3)
    methods = [(kind, method) for kind in conditionings for method in kind.available_methods]
    assert len(methods) == 12
    for kind, method in methods:
        bare = np.asarray(kind.generate(glyph, method, hand))
        assert (np.asarray(kind.generate(Scene(glyph), method, hand)) == bare).all(), method
        assert (np.asarray(kind.generate(composed, method, hand)) == bare).all(), method
        assert kind.notes(composed, method) == kind.notes(glyph, method)


@pytest.mark.parametrize("size", [pytest.param((256, 256), marks=pytest.mark.slow), (576, 384)])
def test_every_method_draws_both_layers(
    glyphs: GlyphRenderer, conditionings: tuple[Conditioning, ...], size: tuple[int, int]
) -> None:
    """Away from the motifs the map is the word's, on them it is not, and the same seed reproduces it."""
    scene = compose(glyphs, "学习", *size, motifs("books", "dog"), 5)
    beside = cv2.dilate(covered(scene).astype(np.uint8), np.ones((25, 25), np.uint8)) > 0
    hand = Brush(load_settings({}).styles["comic"].pen, 3)
    for kind in conditionings:
        for method in kind.available_methods:
            both = np.asarray(kind.generate(scene, method, hand))
            word = np.asarray(kind.generate(scene.glyph, method, hand))
            assert both.shape == (*size[::-1], 3)
            for placed in scene.motifs:
                changed = (both[placed.region()] != word[placed.region()]).any(2).mean()
                # The tests' tiny models hardly recognise anything.
                assert changed > (0 if method.startswith("ai_") else 0.02), method
            if not method.startswith("ai_"):
                assert (both == word)[~beside].all(), method
            assert (np.asarray(kind.generate(scene, method, hand)) == both).all(), method


def test_outlines_show_silhouettes_and_borders_between_colours(
    glyphs: GlyphRenderer, conditionings: tuple[Conditioning, ...]
) -> None:
    """Even of white motifs on white paper, and as thin as the word's."""
    square = ((100, 100), (900, 100), (900, 900), (100, 900))
    frame = ((0, 0), (1000, 0), (1000, 1000), (0, 1000))
    motif = Motif("tile", "a tile", 1000, 1000, (Shape((255, 255, 255), (frame,)), Shape((40, 60, 200), (square,))))
    scene = compose(glyphs, "学", 512, 512, [motif], 0)
    (placed,) = scene.motifs
    side = placed.box[2]
    edges = np.asarray(conditionings[0].generate(scene))[placed.region(3)][:, :, 0] > 0
    across = np.flatnonzero(edges[3 + side // 2])
    assert len(across) == 4, "frame, square, square, frame"
    expected = np.array([3, 3 + 0.1 * side, 3 + 0.9 * side, 3 + side])
    assert np.abs(across - expected).max() <= 2


def test_only_the_styles_scribble_is_drawn_with_its_pen(
    glyphs: GlyphRenderer, conditionings: tuple[Conditioning, ...]
) -> None:
    """Motifs, too: chalk lets the paper show through their outlines."""
    scene = compose(glyphs, "学", 512, 512, motifs("dog"), 0)
    (dog,) = scene.motifs
    hands = [Brush(Pen(width=0.02, grain=grain)) for grain in (0, 0.6)]
    plain, chalk = (np.asarray(conditionings[3].generate(scene, "style_aware_scribble", hand)) for hand in hands)
    assert (plain[dog.region()] > chalk[dog.region()]).mean() > 0.01
    same, again = (np.asarray(conditionings[3].generate(scene, "hand_drawn_simulation", hand)) for hand in hands)
    assert (same == again).all()


def test_depth_puts_motifs_between_ink_and_background(
    glyphs: GlyphRenderer, conditionings: tuple[Conditioning, ...]
) -> None:
    scene = compose(glyphs, "学习", 512, 512, motifs("dog", "books"), 1)
    for method in ("distance_transform_depth", "stroke_thickness_depth"):
        depth = np.asarray(conditionings[1].generate(scene, method))[:, :, 0]
        for placed in scene.motifs:
            inner = cv2.erode(placed.collage[:, :, 3], np.ones((15, 15), np.uint8)) == 255
            near = depth[placed.region()][inner]
            assert near.min() > NEAR_BACKGROUND
            assert near.max() <= MOTIF_NEAREST + MOTIF_RANGE < INK_NEAREST
            assert near.max() - near.min() > 15, "a relief"


@pytest.mark.parametrize("colour", [PART_COLOURS[0], GROUND])
def test_segmentation_shows_motifs_in_their_own_colours_never_in_the_words_or_the_grounds(
    glyphs: GlyphRenderer, conditionings: tuple[Conditioning, ...], colour: tuple[int, int, int]
) -> None:
    frame = ((0, 0), (1000, 0), (1000, 1000), (0, 1000))
    hole = ((300, 300), (700, 300), (700, 700), (300, 700))
    motif = Motif("ring", "a ring", 1000, 1000, (Shape(colour, (frame, hole)),))
    scene = compose(glyphs, "学", 512, 512, [*motifs("dog"), motif], 0)
    dog, ring = scene.motifs
    for method in conditionings[2].available_methods:
        colours = np.asarray(conditionings[2].generate(scene, method))
        inside = colours[dog.region()][dog.flat[:, :, 3] > 0]
        assert {tuple(colour) for colour in inside.tolist()} <= {shape.colour for shape in dog.motif.shapes}
        painted = colours[ring.region()]
        corner = tuple(painted[5, 5].tolist())
        assert corner not in {*WORD_COLOURS, GROUND}
        assert np.abs(np.subtract(corner, colour)).max() <= 1
        if not method.startswith("ai_"):
            middle = painted[painted.shape[0] // 2, painted.shape[1] // 2]
            assert not middle.any(), "even-odd: a hole is a hole"


def test_the_page_is_black_ink_and_coloured_motifs_on_white(glyphs: GlyphRenderer) -> None:
    scene = compose(glyphs, "学", 256, 256, motifs("dog"), 0)
    elsewhere = ~covered(scene)
    assert (scene.page[elsewhere] == 255 - scene.glyph.ink[elsewhere][:, None]).all()
    (dog,) = scene.motifs
    assert (
        scene.page[dog.region()][dog.collage[:, :, 3] == 255] == dog.collage[dog.collage[:, :, 3] == 255][:, :3]
    ).all()


def test_a_motif_covers_as_much_as_its_polygons() -> None:
    """Anti-aliased without a rim: the coverage equals the polygon's area at any size."""
    triangle = Motif("triangle", "a triangle", 1000, 1000, (Shape((255, 0, 0), (((0, 0), (1000, 0), (0, 1000)),)),))
    for side in (40, 137, 400):
        placed = PlacedMotif(triangle, (0, 0, side, side))
        assert placed.collage[:, :, 3].sum() / 255 == pytest.approx(side * side / 2, rel=0.03)
        assert (placed.collage[:, :, 0] == placed.collage[:, :, 3]).all()
