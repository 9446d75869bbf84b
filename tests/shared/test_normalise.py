"""The normal form of words, the refusals, and their documentation in docs/reference/words.md."""

import re
import unicodedata
from collections.abc import Iterator
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import InvalidRequest, InvalidWord, TranslationRequired, UnsupportedCharacter
from shared.writing.blocklist import Blocklist
from shared.writing.characters import CharacterDatabase
from shared.writing.clusters import clusters
from shared.writing.encodings import misread
from shared.writing.fonts import FontCoverage
from shared.writing.normalise import fold
from shared.writing.radicals import IDEOGRAPHS
from shared.writing.words import check_coverage, normalise_word, resolve_meaning

NORMAL_FORMS = [
    ("⽔", "水"),
    ("⺡", "氵"),
    ("Ｔ恤", "T恤"),
    ("２０２４", "2024"),
    ("ｶﾞｸ", "ガク"),
    ("か゛", "が"),
    ("か\u3099", "が"),
    ("～人", "〜人"),
    ("e\u0301", "é"),
    ("ﬁsh", "fish"),
    ("Ⅳ", "IV"),
    ("㈱", "(株)"),
    ("ﻻ", "لا"),
    ("\u1112\u1161\u11a8", "학"),
    ("a\u2003b", "a b"),
    ("  学\u3000习 ", "学 习"),
    ("①", "①"),
    ("²", "²"),
    ("½", "½"),
    ("ſ", "ſ"),
    ("！", "！"),
    ("学[がく]習[しゅう]", "学習"),
    ("今 食[た]べる", "今食べる"),
    ("学習（がくしゅう）", "学習"),
    ("食べる【たべる】", "食べる"),
    ("学习[xue2xi2]", "学习"),
    ("食べ(る)", "食べ(る)"),
    ("山田(株)", "山田(株)"),
    ("colou[r]", "colou[r]"),
    ("نمی\u200cخواهم", "نمی\u200cخواهم"),
    ("क्\u200dष", "क्\u200dष"),
    ("a\u200db", "ab"),
]
INVISIBLE = [
    0x200B,
    0x200C,
    0x200D,
    0x200E,
    0x200F,
    0x2060,
    0xFEFF,
    0x00AD,
    0x034F,
    0x061C,
    0x202A,
    0x2066,
    0xFE0F,
    0xE0100,
]


@pytest.mark.parametrize(("sent", "drawn"), NORMAL_FORMS)
def test_a_word_has_one_normal_form(sent: str, drawn: str) -> None:
    assert normalise_word(sent) == drawn
    assert normalise_word(drawn) == drawn


@pytest.mark.parametrize("code", INVISIBLE, ids=lambda code: f"U+{code:04X}")
@pytest.mark.parametrize("place", ["{}学习", "学{}习", "学习{}"])
def test_what_is_invisible_is_left_out(code: int, place: str) -> None:
    assert normalise_word(place.format(chr(code))) == "学习"
    with pytest.raises(InvalidWord, match="blank"):
        normalise_word(chr(code))


def test_every_radical_is_a_character() -> None:
    """All Kangxi radicals, and the CJK radicals that have a character."""
    for code in [*range(0x2F00, 0x2FD6), *map(ord, IDEOGRAPHS)]:
        (folded,) = normalise_word(chr(code))
        assert unicodedata.name(folded).startswith("CJK UNIFIED IDEOGRAPH"), hex(code)


@given(st.text(max_size=20))
def test_the_normal_form_is_its_own_normal_form(text: str) -> None:
    assert fold(fold(text)) == fold(text)


@pytest.mark.parametrize("text", ["0Ã", "\uff10Ã", "0A\u0303", "0Ã\u200b"])
def test_a_wrong_encoding_is_seen_in_every_form_of_the_same_word(text: str) -> None:
    with pytest.raises(InvalidWord, match="wrong encoding"):
        normalise_word(text)


@given(st.text(min_size=1, max_size=16))
def test_any_text_is_a_word_in_normal_form_or_refused_with_its_field(text: str) -> None:
    try:
        word = normalise_word(text)
    except InvalidRequest as error:
        assert error.field == "word"  # noqa: PT017  # either is right
    else:
        assert normalise_word(word) == word
        assert 1 <= len(clusters(word)) <= 24


@pytest.mark.parametrize(
    "word",
    [
        "Krankenversicherung",
        "достопримечательность",
        "Rechtsschutzversicherung",
        "to be or not to be",
        "الاستقلالية الوطنية",
        "学" * 12,
        "学" * 8 + "abcdefgh",
        "ب" * 12,
        "1234 5678 9012 3456",
    ],
)
def test_long_words_and_short_phrases_are_accepted(word: str) -> None:
    assert normalise_word(word) == word


@pytest.mark.parametrize(
    ("word", "says"),
    [
        ("", "blank"),
        ("学" * 13, "13 characters; give 1 to 24 letters, or 12 Han characters, kana or hangul"),
        ("学" * 10 + "abcde", "15 characters"),
        ("die Rechtsschutzversicherung", "28 characters"),
        ("1234567890123", "13 characters of the word are in one piece"),
        ("الاستقلاليةالوطنية", "18 characters of the word are in one piece"),
        ("brzkmnstvwxbrz", "14 characters of the word are in one piece"),
        ("学" + "\u200b" * 300, "301 code points"),
        ("a" + "\u0301\u0316" * 10**6, "2000001 code points"),  # would take hours to put in order
        ("学\n习", "U+000A"),
        ("\ud800", "U+D800"),
        ("\u0301", "does not follow a letter"),
        ("\u0301\u0302", "does not follow a letter"),
        ("ﾞ", "does not follow a letter"),
        ("\u0e31", "does not follow a letter"),
        ("-\u0301", "does not follow a letter"),
        ("a" + "\u0301" * 5, "no language uses"),
        ("ѧϰ", "wrong encoding"),
        ("å\xad¦ä¹\xa0", "'学习'"),
        ("Ã©tÃ©", "'été'"),
        ("ÐºÐ½Ð¸Ð³Ð°", "'книга'"),
        ("Ñ\x81Ð½ÐµÐ³", "'снег'"),
        ("ä½\xa0å¥½", "'你好'"),
        ("??", "lost"),
        ("学??习", "lost"),
        ("T??", "lost"),
        ("� book", "lost"),
        ("p\u0430ypal", "mixes Cyrillic and Latin"),
        ("学книга", "mixes"),
        ("שלוםسلام", "mixes"),
        ("がカ한", "mixes"),
    ],
)
def test_what_is_no_word_is_refused_and_the_error_says_why(word: str, says: str) -> None:
    with pytest.raises(InvalidWord) as error:
        normalise_word(word)
    assert says in error.value.detail
    assert len(error.value.detail) < 200
    assert error.value.field == "word"


@pytest.mark.parametrize("word", ["学习", "中国", "你好", "山", "日本語", "食べる", "한국", "книга"])
@pytest.mark.parametrize("encoding", ["cp1252", "latin-1", "cp1251", "mac_roman"])
def test_words_read_in_a_wrong_encoding_are_refused(word: str, encoding: str) -> None:
    """Whichever encoding the caller's program mistook UTF-8 for."""
    wrong = "".join(
        bytes([byte]).decode(encoding, "ignore") or bytes([byte]).decode("latin-1") for byte in word.encode()
    )
    with pytest.raises(InvalidRequest):
        normalise_word(wrong)


def in_utf_8_by_chance(database: CharacterDatabase) -> Iterator[tuple[str, str]]:
    """Yield each word of the lexicon whose bytes in an East Asian encoding are valid UTF-8, and the resulting text."""
    for word in database.words():
        for encoding in ("gbk", "big5", "shift_jis", "euc_kr"):
            with suppress(UnicodeError):
                looks = word.encode(encoding).decode("utf-8")
                # A result in Han alone looks like a Chinese word and cannot be distinguished from one.
                if sum(not character.isascii() for character in looks) > 1 and re.search("[\x80-\u07ff]", looks):
                    yield word, looks


@pytest.mark.slow
def test_no_word_in_another_encoding_of_east_asia_is_drawn_as_other_letters(
    database: CharacterDatabase, fonts: tuple[FontCoverage, ...]
) -> None:
    """学习 in GBK is ѧϰ, 一些 is һЩ. Checked over the whole lexicon, except that two Hebrew letters count as a word."""
    drawn = []
    found = set(in_utf_8_by_chance(database))
    for word, looks in found:
        try:
            normal = normalise_word(looks)
            check_coverage(normal, database, fonts)
        except InvalidRequest:
            continue
        # The normal form of about forty (η; for a Greek question mark) has other bytes, which reveal nothing.
        if normal == looks and not re.fullmatch("[א-ת]{2}", looks):
            drawn.append((word, looks))
    assert len(found) > 3000
    assert drawn == []


@pytest.mark.parametrize("word", ["רע", "נר", "λ", "ñ", "да", "он", "мама", "νη", "κα", "سر", "où", "ÿ", "ж"])
def test_short_words_of_other_languages_are_no_wrong_encoding(
    database: CharacterDatabase, fonts: tuple[FontCoverage, ...], word: str
) -> None:
    check_coverage(normalise_word(word), database, fonts)


@pytest.mark.parametrize(
    "word",
    [
        "T恤",
        "卡拉OK",
        "カラオケbox",
        "学ぶ",
        "α波",
        "IT-отдел",
        "X射线",
        "ㄅ學",
        "한자漢字",
        "Straße",
        "groß",
        "naïve",
        "Ø",
        "Ті",
        "MENÚ",
        "l’eau",
        "Ærø",
        "Tiếng Việt",
        "Dvořák",
        "smörgåsbord",
        "¿Qué?",
        "don't",
        "学、习",
        "5月",
        "真的??",
        "なに?!",
        "ㄇㄚ˙",
    ],
)
def test_what_languages_write_is_no_wrong_encoding(word: str) -> None:
    assert misread(word) is None
    assert normalise_word(word) == word


@pytest.mark.parametrize("word", ["😀", "学❤", "👩‍👩‍👧", "€", "∑", "→", "♥", "№5", "\u0378", "\ue000", "\uffff"])
def test_symbols_and_unassigned_code_points_are_refused_by_name(word: str) -> None:
    """The error names the character's code point."""
    with pytest.raises(UnsupportedCharacter, match=r"U\+"):
        normalise_word(word)


@pytest.mark.parametrize(
    "translation",
    [
        "-",
        "?",
        "123",
        "n/a",
        "N/A",
        "TODO",
        "null",
        "#N/A",
        "(none)",
        "...",
        "??",
        "\ufffd",
        "Ã©cole",
        "st?dy??",
        "—",
        "0.5",
    ],
)
def test_a_translation_that_says_nothing_never_steers(translation: str, database: CharacterDatabase) -> None:
    meaning = resolve_meaning("学习", translation, database)
    assert (meaning.source, meaning.prompt) == ("lexicon", "learning")
    assert meaning.display != translation
    assert meaning.note
    with pytest.raises(TranslationRequired) as error:
        resolve_meaning("zzzz", translation, database)
    assert error.value.field == "translation"


@pytest.mark.parametrize(
    "translation",
    ["25 ºC", "5 µm", "α wave", "/ˈstʌdi/", "naïve", "CD-ROM", "café", "3D glasses", "H₂O", "½ cup", "TV", "x"],
)
def test_units_and_phonetic_signs_steer(translation: str, database: CharacterDatabase) -> None:
    meaning = resolve_meaning("学习", translation, database)
    assert (meaning.source, meaning.note) == ("request", None)


def test_a_placeholder_that_is_the_words_meaning_steers(database: CharacterDatabase) -> None:
    gloss = database.glosses("无")[0]
    assert resolve_meaning("无", gloss, database).source == "request"


@pytest.mark.parametrize(
    ("blocked", "text"),
    [
        ("gun", "a gun"),
        ("gun", "Guns"),
        ("gun", "ｇｕｎ"),
        ("gun", "g\u200bun"),
        ("gun", "g\xadun"),
        ("gun", "𝐠𝐮𝐧"),
        ("guns", "gun"),
        ("knife", "knives"),
        ("wolf", "wolves"),
        ("love", "loving"),
        ("child", "children"),
        ("kill", "killing"),
        ("hand gun", "hand guns"),
        ("gun", "gun_"),
        ("gun", "my_gun"),
        ("gun", "gun1"),
        ("gun", "3guns"),
        ("gun", "枪gun"),
        ("hand gun", "hand_gun"),
        ("hand gun", "hand2gun"),
        ("hand gun", "hand 2 guns"),
        ("area 51", "area51"),
        ("枪", "手枪"),
        ("⼑", "刀"),
        ("оружие", "ОРУЖИЕ"),
        ("nude", "nude\u0332"),
        ("nude", "nude\u0301"),
        ("nude", "n\u0334u\u0334de"),
        ("nude", "nude\u0489"),
        ("nude", "nude\u20dd"),
        ("nude", "nude\u093f"),
        ("nude", "\u0301nüdés"),
        ("café", "cafe"),
        ("area 51", "area 5\u03321"),
        ("оружие", "ору\u0301жие"),
        ("سلاح", "سِلَاح"),
        ("毒药", "毒\u0301药"),
    ],
)
def test_blocked_words_are_found_in_every_form(blocked: str, text: str) -> None:
    assert Blocklist([blocked]).blocks(text)


@pytest.mark.parametrize(
    ("blocked", "text"),
    [
        ("gun", "begun"),
        ("gun", "gung-ho"),
        ("ass", "class"),
        ("hand gun", "gun hand"),
        ("area 51", "area 5"),
        ("枪", "抢"),
        ("がん", "かん"),
        ("가", "각"),
        ("किला", "कला"),
    ],
)
def test_other_words_are_not_blocked(blocked: str, text: str) -> None:
    assert not Blocklist([blocked]).blocks(text)
