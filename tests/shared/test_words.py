from pathlib import Path

import pytest
from fontTools.ttLib import TTFont

from shared.errors import InvalidWord, TranslationRequired, UnsupportedCharacter
from shared.writing.characters import CharacterDatabase
from shared.writing.fonts import FontCoverage, read_fonts
from shared.writing.words import check_coverage, normalise_word, resolve_meaning


@pytest.mark.parametrize("word", ["", "   ", "\u3000", "一" * 13, "a\x00b", "学\n习", "\ud800", "\x7f"])
def test_a_word_that_cannot_be_written_is_refused(word: str) -> None:
    """Blank or too long words, control characters, lone surrogates."""
    with pytest.raises(InvalidWord) as error:
        normalise_word(word)
    assert error.value.field == "word"


def test_words_are_trimmed_and_composed() -> None:
    """A decomposed が and its composed form are one word."""
    assert normalise_word("  か\u3099く ") == "がく"
    assert normalise_word("good  day") == "good day"


def test_the_error_names_every_character_that_nothing_can_draw(
    database: CharacterDatabase, fonts: tuple[FontCoverage, ...]
) -> None:
    """It names a rare ideograph and a Tamil letter, but not the covered characters beside them."""
    with pytest.raises(UnsupportedCharacter) as error:
        check_coverage("学𠀀க", database, fonts)
    assert "U+20000" in error.value.detail
    assert "U+0B95" in error.value.detail
    assert "学" not in error.value.detail
    assert "`fonts` adds one" in error.value.detail


@pytest.mark.parametrize(
    "word",
    [
        "学習",
        "ひらがな",
        "カタカナ",
        "한국어",
        "hello",
        "привет",
        "γειά",
        "働く",
        "A4",
        "سلام",
        "שלום",
        "สวัสดี",
        "नमस्ते",
        "Tiếng Việt",
        "ọ̀rọ̀",
        "молоко́",
        "ƙasa",
        "ʻōlelo",
        *("塡", "𠮟る", "髙橋", "山﨑", "ㄅㄆㄇ", "ㄒㄩㄝˊ", "ㄇㄚ˙", "注音ㄓㄨˋ"),
    ],
)
def test_common_scripts_are_covered(word: str, database: CharacterDatabase, fonts: tuple[FontCoverage, ...]) -> None:
    """Stroke data and the shipped fonts cover these languages, including accents."""
    check_coverage(word, database, fonts)


def test_a_font_that_cannot_shape_a_script_does_not_cover_it(database: CharacterDatabase, tmp_path: Path) -> None:
    """Arabic and Devanagari letters without their contextual forms are refused by name."""
    folder = Path("shared/writing/data/fonts")
    plain = []
    for script in ("Arabic", "Devanagari", "Hebrew"):
        with TTFont(folder / f"NotoSans{script}-Medium-subset.ttf") as font:
            del font["GSUB"]
            font.save(tmp_path / f"{script}.ttf")
        plain.append(tmp_path / f"{script}.ttf")
    fonts = read_fonts(plain)
    check_coverage("שלום", database, fonts)
    for word in ("سلام", "नमस्ते"):
        with pytest.raises(UnsupportedCharacter, match="the contextual forms of"):
            check_coverage(word, database, fonts)


def test_old_korean_syllables_need_a_font_for_them(
    database: CharacterDatabase, fonts: tuple[FontCoverage, ...]
) -> None:
    with pytest.raises(UnsupportedCharacter, match="the contextual forms of"):
        check_coverage("\u1112\u119e\u11ab", database, fonts)


def test_a_latin_translation_steers(database: CharacterDatabase) -> None:
    meaning = resolve_meaning("学习", " study ", database)
    assert (meaning.display, meaning.prompt, meaning.source) == ("study", "study", "request")


def test_a_suggested_gloss_steers_as_a_noun(database: CharacterDatabase) -> None:
    meaning = resolve_meaning("学习", "to study", database)
    assert (meaning.display, meaning.prompt) == ("to study", "studying")


def test_an_empty_translation_is_looked_up(database: CharacterDatabase) -> None:
    meaning = resolve_meaning("火", "", database)
    assert (meaning.display, meaning.prompt, meaning.source) == ("fire", "fire", "lexicon")


def test_a_translation_in_another_script_is_shown_and_the_gloss_steers(database: CharacterDatabase) -> None:
    meaning = resolve_meaning("学习", "учёба", database)
    assert (meaning.display, meaning.prompt, meaning.source) == ("учёба", "learning", "lexicon")


@pytest.mark.parametrize(
    ("word", "shown", "prompt"),
    [
        ("吃", "to eat", "eating"),
        ("辆", "measure word for vehicles", "vehicles"),
        ("书", "book", "book"),
    ],
)
def test_a_learner_is_shown_the_lexicons_sense_and_not_the_prompts_wording(
    database: CharacterDatabase, word: str, shown: str, prompt: str
) -> None:
    meaning = resolve_meaning(word, "", database)
    assert (meaning.display, meaning.prompt) == (shown, prompt)


@pytest.mark.parametrize("translation", ["", "школа"])
def test_an_unknown_word_needs_an_english_translation(translation: str, database: CharacterDatabase) -> None:
    with pytest.raises(TranslationRequired) as error:
        resolve_meaning("학교", translation, database)
    assert error.value.field == "translation"
