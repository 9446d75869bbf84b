"""Readings in brackets."""

import pytest

from shared.writing.furigana import split_furigana


@pytest.mark.parametrize(
    ("text", "word", "reading"),
    [
        ("学[がく]習[しゅう]", "学習", "がくしゅう"),
        ("手紙（てがみ）", "手紙", "てがみ"),
        ("食べる【たべる】", "食べる", "たべる"),
        ("名（な）", "名", "な"),
        ("勉強（する）", "勉強する", ""),
        ("元気（な）", "元気な", ""),
        ("お茶（を）", "お茶を", ""),
        ("学生(たち)", "学生たち", ""),
        ("学习", "学习", ""),
        ("苹果 (píngguǒ)", "苹果", "píngguǒ"),
        ("吃（chī）", "吃", "chī"),
        ("吃 [chi1]", "吃", "chi1"),
        ("学[xue2]习[xi2]", "学习", "xue2xi2"),
        ("苹果 (fruit)", "苹果 (fruit)", ""),
        ("café (é)", "café (é)", ""),
    ],
)
def test_what_brackets_say(text: str, word: str, reading: str) -> None:
    assert split_furigana(text) == (word, reading)
