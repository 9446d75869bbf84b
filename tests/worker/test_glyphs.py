from itertools import groupby

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from worker.glyphs import Glyph, GlyphRenderer
from worker.glyphs.layout import Box, PlacedRun, Typesetter
from worker.glyphs.outlines import flatten
from worker.glyphs.runs import Run


def squares(word: str) -> list[Run | None]:
    """A layout in which every character fills a square."""
    return [Run(character, (character,), (1.0,), is_square=True) for character in word]


def letters(word: str, above: float = 0.0, below: float = 0.0) -> list[Run | None]:
    """A layout in which every character is a letter of half an em."""
    return [None if letter == " " else Run(letter, (letter,), (0.5,), above=above, below=below) for letter in word]


def boxes(placed: list[PlacedRun]) -> list[tuple[str, Box]]:
    return [one for run in placed for one in run.boxes()]


SIDES = st.integers(4, 32).map(lambda n: n * 64)


@given(st.text("学习山水火花", min_size=1, max_size=12), SIDES, SIDES)
def test_every_word_fits_every_picture(word: str, width: int, height: int) -> None:
    """All em boxes lie inside the picture, have one size and do not overlap."""
    placed = boxes(Typesetter(squares(word)).lay_out(width, height))
    assert [character for character, _ in placed] == list(word)
    for _, box in placed:
        assert box.left >= 0
        assert box.top >= 0
        assert box.left + box.advance <= width + 1e-6
        assert box.top + box.em <= height + 1e-6
    corners = {(round(box.left, 3), round(box.top, 3)) for _, box in placed}
    assert len(corners) == len(word)


@pytest.mark.parametrize(
    ("length", "width", "height", "rows"),
    [(1, 256, 256, 1), (2, 256, 256, 1), (4, 256, 256, 2), (4, 1024, 256, 1), (4, 256, 1024, 4), (9, 512, 512, 3)],
)
def test_the_number_of_lines_follows_the_aspect_ratio(length: int, width: int, height: int, rows: int) -> None:
    placed = boxes(Typesetter(squares("学" * length)).lay_out(width, height))
    assert len({box.top for _, box in placed}) == rows


def test_one_character_fills_the_picture() -> None:
    ((_, box),) = boxes(Typesetter(squares("学")).lay_out(1024, 1024))
    assert box.em > 0.9 * 1024


def test_letters_stay_on_a_line_and_words_break_at_spaces() -> None:
    one = boxes(Typesetter(letters("hello")).lay_out(256, 256))
    assert len({box.top for _, box in one}) == 1
    two = boxes(Typesetter(letters("good day")).lay_out(256, 256))
    assert [character for character, _ in two] == list("goodday")
    assert len({box.top for _, box in two}) == 2


def test_the_lines_are_in_the_middle_of_the_picture() -> None:
    placed = boxes(Typesetter(letters("to be good")).lay_out(256, 256))
    lines = [[box for _, box in line] for _, line in groupby(placed, key=lambda one: one[1].top)]
    assert [len(line) for line in lines] == [4, 4]
    for line in lines:
        assert line[0].left + line[-1].left + line[-1].advance == pytest.approx(256)
    assert lines[0][0].top + lines[-1][0].top + lines[-1][0].em == pytest.approx(256)


@pytest.mark.parametrize("below", [0.0, 0.25])
def test_lines_keep_apart_what_reaches_beyond_their_em_boxes(below: float) -> None:
    """With accents of half an em on two lines, the second line is lower, and both fit in the picture."""
    placed = boxes(Typesetter(letters("good day", above=0.5, below=below)).lay_out(256, 256))
    first, second = sorted({box.top for _, box in placed})
    em, above = placed[0][1].em, placed[0][1].above
    assert above == pytest.approx(em / 2 + 1)  # plus a pixel to be sure
    assert second - first == pytest.approx((1.5 + below) * em)
    assert first - above >= 0
    assert second + em + placed[0][1].below <= 256


@pytest.mark.parametrize("word", ["ケーキ", "ちょっと", "（笑）", "すごい！", "三人行，必有我师"])
def test_square_characters_are_written_vertically_where_that_makes_them_larger(
    glyphs: GlyphRenderer, word: str
) -> None:
    glyph = glyphs.render(word, 128, 128 * len(word))
    assert [placed.character for placed in glyph.characters] == list(word)
    tops = [placed.box.top for placed in glyph.characters]
    assert tops == sorted(set(tops))
    assert glyph.characters[0].box.em > 100


@pytest.mark.parametrize("word", ["Tee", "고 양 이", "T恤"])
def test_letters_and_words_with_spaces_are_not_written_vertically(glyphs: GlyphRenderer, word: str) -> None:
    assert not any(placed.run.is_vertical for placed in glyphs.typesetter(word).lay_out(64, 640))


@pytest.mark.parametrize(
    ("word", "index", "moved"),
    [
        ("ケーキ", 1, "turned"),
        ("（笑）", 0, "turned"),
        ("ちょっと", 2, "to the upper right"),
        ("火。山", 1, "to the upper right"),
    ],
)
def test_vertical_writing_has_its_own_forms(glyphs: GlyphRenderer, word: str, index: int, moved: str) -> None:
    in_line, in_column = (_ink_of(glyphs.render(word, *size), index) for size in ((900, 200), (200, 900)))
    if moved == "turned":
        assert np.subtract(*_extent(in_line)) * np.subtract(*_extent(in_column)) < 0, "one is high, the other wide"
    else:
        (top, left), (moved_top, moved_left) = (_start(ink) for ink in (in_line, in_column))
        assert moved_top < top - 0.05
        assert moved_left > left + 0.05


def _ink_of(glyph: Glyph, index: int) -> NDArray[np.bool_]:
    return glyph.mask[glyph.characters[index].box.region(glyph.width, glyph.height)]


def _extent(ink: NDArray[np.bool_]) -> tuple[int, int]:
    """Return how high and how wide ink is."""
    rows, columns = np.nonzero(ink)
    return int(np.ptp(rows)), int(np.ptp(columns))


def _start(ink: NDArray[np.bool_]) -> tuple[float, float]:
    """Return where ink starts from the top and from the left, in em."""
    rows, columns = np.nonzero(ink)
    return rows.min() / ink.shape[0], columns.min() / ink.shape[1]


def test_an_outline_is_flattened_into_the_em_box() -> None:
    """Y is flipped: the database's top, 900, becomes 0, and its bottom, -124, becomes 1."""
    polygon = flatten("M 0 900 L 1024 900 L 1024 -124 L 0 -124 Z")
    assert polygon.tolist() == [[0, 0], [1, 0], [1, 1], [0, 1]]


def test_curves_pass_through_their_midpoint() -> None:
    quadratic = flatten("M 0 900 Q 512 -124 1024 900 Z")
    assert any(np.allclose(point, [0.5, 0.5]) for point in quadratic)
    cubic = flatten("M 0 900 C 0 -124 1024 -124 1024 900 Z")
    assert any(np.allclose(point, [0.5, 0.75]) for point in cubic)


@settings(max_examples=30)
@given(word=st.text("学龍ひ한aЖ一", min_size=1, max_size=12), width=SIDES, height=SIDES)
def test_ink_is_never_empty_and_has_the_asked_size(glyphs: GlyphRenderer, word: str, width: int, height: int) -> None:
    glyph = glyphs.render(word, width, height)
    assert glyph.ink.shape == (height, width)
    assert glyph.ink.dtype == np.uint8
    assert glyph.mask.any()
    assert not glyph.mask.all()


def test_ink_is_anti_aliased(glyphs: GlyphRenderer) -> None:
    """The rim has values between paper and ink."""
    ink = glyphs.render("永", 256, 256).ink
    assert ((ink > 0) & (ink < 255)).sum() > 100


def test_sizes_show_the_same_shape(glyphs: GlyphRenderer) -> None:
    """A raster at 1024 averaged down to 256 equals the raster at 256, neither bolder nor thinner, except at the rim."""
    small = glyphs.render("書", 256, 256).ink.astype(float)
    large = glyphs.render("書", 1024, 1024).ink.astype(float).reshape(256, 4, 256, 4).mean((1, 3))
    assert np.abs(small - large).mean() < 1
    assert small.sum() == pytest.approx(large.sum(), rel=0.04)


def test_same_word_same_ink(glyphs: GlyphRenderer) -> None:
    assert (glyphs.render("学习", 512, 256).ink == glyphs.render("学习", 512, 256).ink).all()
