"""The ranking of Wiktionary's senses."""

import struct
from pathlib import Path

from training.stardict import Part, read_spellings
from training.wiktionary_lexicon import likeliest, senses_of

FREQUENCY = {"house": 5.6, "home": 5.7, "abode": 3.2, "oval": 3.6, "ellipse": 2.4}


def first(*parts: Part, translated: dict[str, int]) -> str:
    """Return the first gloss of a word."""
    return senses_of(parts, translated)[0].gloss


def test_the_likeliest_gloss_of_a_sense_comes_first() -> None:
    translated = likeliest({"дом": {"abode": 0, "house": 0}}, FREQUENCY)["дом"]
    assert list(translated) == ["house", "abode"]
    assert first(Part("noun", ("abode, house",)), translated=dict(translated)) == "house"


def test_a_rare_translation_confirms_a_sense() -> None:
    translated = likeliest({"elips": {"oval": 0, "ellipse": 0}}, FREQUENCY)["elips"]
    assert first(Part("noun", ("ellipse",)), translated=dict(translated)) == "ellipse"


def test_a_rare_translation_does_not_come_before_senses() -> None:
    translated = likeliest({"من": {"maund": 0}}, FREQUENCY)["من"]
    assert first(Part("pron", ("I, me",)), translated=dict(translated)) == "I"


def test_a_word_without_senses_means_what_it_translates() -> None:
    assert first(translated={"house": 0, "home": 1}) == "house"


def test_other_spellings_have_the_same_letters(tmp_path: Path) -> None:
    (tmp_path / "words.idx").write_bytes("hoà bình".encode() + b"\0" + struct.pack(">II", 0, 0))
    forms = ["hòa bình", "hoà-bình", "hoa binh", "hoà bình rồi"]
    (tmp_path / "words.syn").write_bytes(b"".join(form.encode() + b"\0" + struct.pack(">I", 0) for form in forms))
    assert [form for form, _ in read_spellings(tmp_path)] == ["hòa bình", "hoà-bình"]
