from itertools import groupby

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from shared.errors import InvalidWord
from shared.writing.characters import CharacterDatabase
from shared.writing.normalise import normalise_word
from worker.glyphs import GlyphRenderer
from worker.glyphs.line_breaks import NEVER_FIRST, NEVER_LAST, may_break


def lines(glyphs: GlyphRenderer, word: str, width: int = 512, height: int = 512) -> list[str]:
    placed = glyphs.render(normalise_word(word), width, height).characters
    return ["".join(one.character for one in line) for _, line in groupby(placed, key=lambda one: one.box.top)]


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("コンピューター", ["コン", "ピュー", "ター"]),
        ("Tシャツ", ["Tシャ", "ツ"]),
        ("真的！", ["真", "的！"]),
        ("真的!", ["真", "的!"]),
        ("今日は、いい天気。", ["今日は、", "いい天", "気。"]),
        ("「学习」山水", ["「学", "习」", "山水"]),
        ("(株)山田", ["(株)", "山田"]),
        ("ㄒㄩㄝˊㄒㄧˊ", ["ㄒㄩ", "ㄝˊㄒ", "ㄧˊ"]),
        ("𠮟𠮟", ["𠮟𠮟"]),
        ("卡拉OK", ["卡拉", "OK"]),
        ("人工智能", ["人工", "智能"]),
        ("한국어를 배우다", ["한국어를", "배우다"]),
        ("대한민국", ["대한", "민국"]),
    ],
)
def test_lines_break_as_in_print(glyphs: GlyphRenderer, word: str, expected: list[str]) -> None:
    assert lines(glyphs, word) == [line.replace(" ", "") for line in expected]


@example("々（あ）", (256, 256))  # a reading, which is not drawn
@given(st.text("ーゃっ々、。！？）」（「学あア", min_size=1, max_size=12), st.sampled_from([(256, 256), (256, 1024)]))
def test_no_line_begins_or_ends_with_what_must_not(glyphs: GlyphRenderer, word: str, size: tuple[int, int]) -> None:
    """What is written vertically has no lines."""
    broken = lines(glyphs, word, *size)
    assert "".join(broken) == normalise_word(word)
    if any(placed.run.is_vertical for placed in glyphs.typesetter(normalise_word(word)).lay_out(*size)):
        assert broken == list(normalise_word(word))
        return
    assert not any(NEVER_FIRST.match(line) for line in broken[1:])
    assert not any(NEVER_LAST.match(line[-1]) for line in broken[:-1])


def test_han_breaks_anywhere(database: CharacterDatabase) -> None:
    assert all(may_break(character, character, has_spaces=True) for character in database.characters())


def test_hebrew_breaks_in_reading_order(glyphs: GlyphRenderer) -> None:
    assert lines(glyphs, "בית ספר", 256, 1024) == ["בית", "ספר"]
    assert lines(glyphs, "(שלום) עולם", 256, 512) == ["(שלום)", "עולם"]


def drawn_lines(glyphs: GlyphRenderer, word: str) -> list[str]:
    """As `lines`, with the hyphens at their ends."""
    drawn = sorted(glyphs.render(word, 512, 512).drawn, key=lambda one: (one.box.top, one.box.left))
    return ["".join(one.character for one in line) for _, line in groupby(drawn, key=lambda one: one.box.top)]


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("Krankenversicherung", ["Krankenver-", "sicherung"]),
        ("Rechtsschutzversicherung", ["Rechtsschutz-", "versicherung"]),
        ("достопримечательность", ["достоприме-", "чательность"]),
        ("die Krankenversicherung", ["die", "Krankenver-", "sicherung"]),
        ("Mund-Nasen-Schutz", ["Mund-", "Nasen-", "Schutz"]),
        ("refrigerator", ["refrigerator"]),
        ("to be or not to be", ["tobe", "ornot", "tobe"]),
    ],
)
def test_a_long_word_is_divided_with_a_hyphen(glyphs: GlyphRenderer, word: str, expected: list[str]) -> None:
    assert drawn_lines(glyphs, word) == expected


def test_a_long_word_with_marks_that_must_be_shaped_is_divided(glyphs: GlyphRenderer) -> None:
    word = normalise_word("ọ̀rọ̀ìperíọ̀ṣọ̀nà")
    assert len(drawn_lines(glyphs, word)) == 2
    assert "".join(one.character for one in glyphs.render(word, 512, 512).characters) == word


def test_hyphens_are_not_part_of_the_word(glyphs: GlyphRenderer) -> None:
    glyph = glyphs.render("Krankenversicherung", 512, 512)
    assert [one.character for one in glyph.characters] == list("Krankenversicherung")
    (hyphen,) = glyph.hyphens
    assert glyph.mask[hyphen.box.region(512, 512)].any()


@settings(max_examples=40)
@given(st.text("abcdefgnost äßéи", min_size=1, max_size=24), st.sampled_from([(256, 256), (1024, 256), (256, 1024)]))
def test_every_long_word_that_is_accepted_fits_the_picture(
    glyphs: GlyphRenderer, word: str, size: tuple[int, int]
) -> None:
    try:
        normal = normalise_word(word)
    except InvalidWord:
        return
    glyph = glyphs.render(normal, *size)
    assert "".join(one.character for one in glyph.characters) == normal.replace(" ", "")
    for one in glyph.drawn:
        assert one.box.left >= 0
        assert one.box.left + one.box.advance <= size[0] + 1e-6
