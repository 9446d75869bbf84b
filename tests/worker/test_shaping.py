"""Words whose characters are not single code points: accents, ligatures, right-to-left scripts."""

import unicodedata
from pathlib import Path

import cv2
import numpy as np
import pytest
from fontTools.ttLib import TTFont
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageFont, features

from shared.errors import InvalidRequest, UnsupportedCharacter
from shared.schemas import CONDITIONING_METHODS
from shared.settings import load_settings
from shared.writing.characters import CharacterDatabase
from shared.writing.clusters import clusters
from shared.writing.fonts import FontCoverage, read_fonts
from shared.writing.words import check_coverage, normalise_word
from tests.conditioning_models import save_models
from worker.conditioning import (
    Brush,
    Conditioning,
    ScribbleConditioning,
    SegmentationConditioning,
    make_conditionings,
)
from worker.glyphs import Glyph, GlyphRenderer
from worker.legibility.judge import LegibilityJudge

FONTS = read_fonts(load_settings({}).fonts)
COVERED = sorted({character for font in FONTS for character in font.advances})
LETTERS = [character for character in COVERED if unicodedata.category(character)[0] in "LN"]
MARKS = [character for character in COVERED if unicodedata.category(character)[0] == "M"]
SIZES = st.sampled_from([256, 320])


@pytest.fixture(scope="module")
def conditionings(tmp_path_factory: pytest.TempPathFactory) -> tuple[Conditioning, ...]:
    """All twelve methods, the two AI ones with tiny models."""
    return make_conditionings(save_models(tmp_path_factory.mktemp("models")))


@st.composite
def words(draw: st.DrawFn) -> str:
    """Return words of letters and marks that one font has."""
    font = draw(st.sampled_from(FONTS))
    own_letters = [letter for letter in LETTERS if letter in font.advances]
    own_marks = [mark for mark in MARKS if mark in font.advances]
    mark = st.lists(st.sampled_from(own_marks), max_size=3).map("".join) if own_marks else st.just("")
    cluster = st.builds("{}{}".format, st.sampled_from(own_letters), mark)
    return "".join(draw(st.lists(cluster, min_size=1, max_size=5)))


def test_the_fonts_hold_marks_of_every_category_and_script() -> None:
    assert {unicodedata.category(mark) for mark in MARKS} == {"Mn", "Mc", "Me"}
    names = {unicodedata.name(mark).split()[0] for mark in MARKS}
    assert {"COMBINING", "ARABIC", "HEBREW", "THAI", "DEVANAGARI"} <= names


@settings(max_examples=4)
@given(word=words(), width=SIZES, height=SIZES)
def test_every_cluster_goes_through_every_method_and_the_judge(
    glyphs: GlyphRenderer, conditionings: tuple[Conditioning, ...], word: str, width: int, height: int
) -> None:
    try:
        glyph = glyphs.render(normalise_word(word), width, height)
    except InvalidRequest:
        return  # what no language uses may be refused, but must not crash
    assert glyph.mask.any()
    assert "".join(sorted(clusters(glyph.word.replace(" ", "")))) == "".join(
        sorted(cluster for placed in glyph.characters for cluster in clusters(placed.character))
    )
    for kind in conditionings:
        assert set(kind.available_methods) == set(CONDITIONING_METHODS[kind.control_type])
        for method in kind.available_methods:
            image = kind.generate(glyph, method, Brush(seed=1))
            assert image.size == (width, height)
            kind.notes(glyph, method)
    picture = Image.fromarray(255 - glyph.ink).convert("RGB")
    assert len(LegibilityJudge().judge(picture, glyph).characters) == len(glyph.characters)


@pytest.mark.parametrize(
    "mark",
    [pytest.param(mark, marks=[pytest.mark.slow] if number % 6 else []) for number, mark in enumerate(MARKS)],
    ids=lambda mark: f"U+{ord(mark):04X}",
)
def test_a_mark_alone_is_refused_and_on_a_letter_it_is_drawn_or_refused(glyphs: GlyphRenderer, mark: str) -> None:
    with pytest.raises(InvalidRequest) as error:
        normalise_word(mark)
    assert error.value.field == "word"
    font = next(font for font in FONTS if mark in font.advances)
    script = unicodedata.name(mark).split()[0]
    own = [letter for letter in font.advances if unicodedata.name(letter, "").startswith(f"{script} LETTER")]
    base = own[0] if own else "o"
    try:
        bare, marked = (glyphs.render(normalise_word(word), 256, 256) for word in (base, base + mark))
    except InvalidRequest as refused:
        assert refused.field == "word"  # noqa: PT017  # either is right
    else:
        assert len(marked.characters) == 1
        assert _touches_no_edge(marked)
        assert bare.mask.any()


@pytest.mark.parametrize(
    ("word", "count"),
    [
        ("молоко́", 6),
        ("ọ̀rọ̀", 3),
        ("Tiếng Việt", 9),
        ("Ấ", 1),
        ("g", 1),
        ("j", 1),
        ("Jan", 3),
        ("loď", 3),
        ("if", 2),
        ("סתו J", 4),
        ("สวัสดี", 4),
        ("น้ำ", 1),
        ("नमस्ते", 3),
        ("क्षत्रिय", 3),
        ("כֶּלֶב", 3),
        ("كِتَاب", 4),
        ("か゚く", 2),
    ],
)
def test_a_character_is_a_cluster_and_nothing_of_it_is_cut(glyphs: GlyphRenderer, word: str, count: int) -> None:
    for size in ((256, 256), (512, 256), (256, 512)):
        glyph = glyphs.render(normalise_word(word), *size)
        assert len(glyph.characters) == count
        assert _touches_no_edge(glyph)
        inked = np.zeros_like(glyph.mask)
        for placed in glyph.characters:
            inked[placed.box.region(glyph.width, glyph.height, margin=0.02 * placed.box.em)] = True  # a j leans out
        assert not (glyph.mask & ~inked).any()


def test_arabic_joins_and_runs_from_right_to_left(glyphs: GlyphRenderer) -> None:
    """سلام consists of joined forms, and its first letter is on the right."""
    glyph = glyphs.render("سلام", 512, 256)
    assert _from_left(glyph) == list("سلام")[::-1]
    isolated = ImageFont.truetype(str(_font_of("س").path), 100)
    assert glyph.characters[0].box.advance / glyph.characters[0].box.em < isolated.getlength("س") / 100
    # س ل ا are joined; م follows an alef, which joins nothing on its left.
    count, _ = cv2.connectedComponents(glyph.mask.astype(np.uint8))
    assert count - 1 == 2


def test_hebrew_runs_from_right_to_left(glyphs: GlyphRenderer) -> None:
    """The picture equals Raqm's own of the whole line; a second word is to the left of the first or below it."""
    glyph = glyphs.render("שלום", 512, 256)
    assert _from_left(glyph) == list("םולש")
    font = ImageFont.truetype(str(_font_of("ש").path), glyph.characters[0].box.em)
    canvas = Image.new("L", (512, 256))
    ImageDraw.Draw(canvas).text((256, 128), "שלום", fill=255, font=font, anchor="mm")
    assert _overlap(np.asarray(canvas) > 127, glyph.mask) > 0.95

    two = glyphs.render("בית ספר", 1024, 256)
    lefts = {placed.character: placed.box.left for placed in two.characters}
    assert len({placed.box.top for placed in two.characters}) == 1
    assert lefts["ב"] > lefts["ת"] > lefts["ס"] > lefts["ר"]


def test_digits_and_brackets_among_hebrew_stand_as_in_print(glyphs: GlyphRenderer) -> None:
    assert _from_left(glyphs.render("ב2024", 512, 256)) == ["2", "0", "2", "4", "ב"]
    bracket = glyphs.render("(שלום)", 512, 256)
    assert _from_left(bracket) == list(")םולש(")
    # The first character is on the right and opens to the left: the shapes are mirrored.
    assert _middle(bracket, -1) < 0.5 < _middle(bracket, 0)


@pytest.mark.parametrize("size", [(1024, 256), (256, 1024)])
@pytest.mark.parametrize("word", ["كتاب", "בית ספר", "שנה 2024", "ב2024", "(שלום)", "abc שלום", "学习", "good day"])
def test_characters_are_in_reading_order(glyphs: GlyphRenderer, word: str, size: tuple[int, int]) -> None:
    """From right to left, and digits and Latin letters among them from left to right, on one line or more."""
    glyph = glyphs.render(word, *size)
    assert "".join(placed.character for placed in glyph.characters) == word.replace(" ", "")


def test_what_is_reported_of_a_word_is_in_reading_order(glyphs: GlyphRenderer) -> None:
    glyph = glyphs.render("كتاب", 512, 256)
    legibility = LegibilityJudge().judge(Image.fromarray(255 - glyph.ink).convert("RGB"), glyph)
    assert [reading.character for reading in legibility.characters] == list("كتاب")
    assert legibility.read == "كتاب"
    assert SegmentationConditioning().notes(glyph, "radical_segmentation")["connected_parts"] == list("كتاب")
    assert ScribbleConditioning().notes(glyph, "hand_drawn_simulation")["skeletons"] == list("كتاب")


def test_a_worker_without_raqm_refuses_what_it_cannot_shape(
    glyphs: GlyphRenderer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pillow can be built without it; plain words are still drawn."""
    check = features.check
    monkeypatch.setattr(features, "check", lambda name: False if name == "raqm" else check(name))
    with pytest.raises(UnsupportedCharacter, match="Raqm"):
        glyphs.render("سلام", 256, 256)
    assert glyphs.render("hello", 256, 256).mask.any()


def test_what_a_font_draws_without_room_or_ink_is_refused(
    database: CharacterDatabase, tmp_path: Path, fonts: tuple[FontCoverage, ...]
) -> None:
    """A font may give a letter no advance, or an empty outline."""
    source = next(font.path for font in fonts if font.has("a"))
    with TTFont(source) as font:
        names = font.getBestCmap()
        font["hmtx"].metrics[names[ord("a")]] = (0, 0)
        font["glyf"][names[ord("b")]] = font["glyf"][names[ord(" ")]]
        font.save(tmp_path / "odd.ttf")
    odd = read_fonts([tmp_path / "odd.ttf"])
    renderer = GlyphRenderer(database, odd)
    for word, reason in (("a", "no width"), ("b", "draws nothing")):
        check_coverage(word, database, odd)
        with pytest.raises(UnsupportedCharacter, match=reason):
            renderer.render(word, 256, 256)


def _font_of(character: str) -> FontCoverage:
    return next(font for font in FONTS if font.has(character))


def _from_left(glyph: Glyph) -> list[str]:
    return [placed.character for placed in sorted(glyph.characters, key=lambda placed: placed.box.left)]


def _touches_no_edge(glyph: Glyph) -> bool:
    ink = glyph.mask
    return not (ink[0].any() or ink[-1].any() or ink[:, 0].any() or ink[:, -1].any())


def _middle(glyph: Glyph, index: int) -> float:
    """Return the position of the ink in a character's middle row, from the ink's left (0) to its right (1)."""
    ink = glyph.mask[glyph.characters[index].box.region(glyph.width, glyph.height)]
    columns = np.flatnonzero(ink.any(0))
    row = np.flatnonzero(ink[np.flatnonzero(ink.any(1)).mean().astype(int)])
    return float((row.mean() - columns[0]) / (columns[-1] - columns[0]))


def _overlap(one: np.ndarray, other: np.ndarray) -> float:
    """Return the overlap of two shapes, each cut to its ink, over their union."""
    if one.shape != other.shape:
        return 0.0
    cut = [shape[shape.any(1)][:, shape.any(0)].astype(np.uint8) for shape in (one, other)]
    rows, columns = (min(shape.shape[axis] for shape in cut) for axis in (0, 1))
    first, second = (shape[:rows, :columns] > 0 for shape in cut)
    return float((first & second).sum() / (first | second).sum())
