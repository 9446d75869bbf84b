"""The scripts that word lists are told apart by."""

import pytest

from api.lists.columns import Kind, kind_of
from api.lists.scripts import scripts_in


@pytest.mark.parametrize(
    ("text", "scripts"),
    [
        ("学习", {"Han"}), ("〇々〆", {"Han"}), ("ラーメン", {"Kana"}), ("ｶﾞ", {"Kana"}), ("食べる", {"Han", "Kana"}),
        ("Ａbc", {"Latin"}), ("п\u02bcять", {"Cyrillic"}), ("ᐃᓄᒃ", {"Canadian Aboriginal"}), ("5 µ", set()),
    ],
)  # fmt: skip
def test_a_letters_script_is_unicodes(text: str, scripts: set[str]) -> None:
    assert scripts_in(text) == scripts


@pytest.mark.parametrize(
    ("cell", "kind"),
    [
        ("", Kind.EMPTY), ("12", Kind.NUMBER), ("a.mp3", Kind.LINK), ("study", Kind.LATIN), ("xuéxí", Kind.PINYIN),
        ("食べる", Kind.HAN), ("공부", Kind.HANGUL), ("ㄒㄩㄝˊ", Kind.BOPOMOFO), ("п\u02bcять", Kind.OTHER),
        ("яω", Kind.MIXED),
    ],
)  # fmt: skip
def test_the_kind_of_a_cell(cell: str, kind: Kind) -> None:
    assert kind_of(cell) is kind
