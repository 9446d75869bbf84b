"""The lexica from Wiktionary: reading its dictionaries, and short glosses in a learner's order."""

import gzip
import struct
from pathlib import Path

import pytest

from training.reversed_dictionary import Use, read_reversed
from training.stardict import Part, read_stardict
from training.translations import read_translations
from training.wiktionary_lexicon import senses_of
from training.wordnet import WordNet


def glosses(name: str, *definitions: str) -> list[str]:
    return [sense.gloss for sense in senses_of([Part(name, definitions)])]


@pytest.mark.parametrize(
    ("part", "definition", "expected"),
    [
        ("noun", "apple", ["apple"]),
        ("noun", "(law) lawyer; attorney", ["lawyer", "attorney"]),
        ("noun", "kimchi, a dish made with fermented, seasoned vegetables", ["kimchi"]),
        ("noun", "abdomen, belly (of a human or animal)", ["abdomen", "belly"]),
        ("verb", "to eat, drink, have (food or liquid)", ["to eat", "to drink", "to have"]),
        ("adj", "to be big, large", ["big", "large"]),
        ("noun", "(slang, vulgar) something", []),
        ("noun", "alternative form of apple", []),
        ("noun", "honorific of 부모 (bumo, “parents”)", ["parents"]),
        ("suffix", "person who", []),
        ("noun", "Any of the large and long-lived birds of the genera that nest along the northern coasts", []),
    ],
)
def test_a_definition_becomes_short_glosses(part: str, definition: str, expected: list[str]) -> None:
    assert glosses(part, definition) == expected


def test_dated_senses_and_names_come_after_usual_ones() -> None:
    parts = [Part("name", ("Japan",)), Part("noun", ("(dated) coach", "carriage"))]
    assert [sense.gloss for sense in senses_of(parts)] == ["carriage", "coach", "Japan"]


def test_translations_and_corrections_move_a_sense_up() -> None:
    parts = [Part("noun", ("letter", "note", "book"))]
    assert [sense.gloss for sense in senses_of(parts)] == ["letter", "note", "book"]
    assert [sense.gloss for sense in senses_of(parts, {"book": 0})] == ["book", "letter", "note"]
    assert [sense.gloss for sense in senses_of(parts, {"book": 0}, ["note"])] == ["note", "book", "letter"]
    assert [sense.gloss for sense in senses_of(parts, first=["page"])] == ["page", "letter", "note", "book"]


def test_a_particle_is_not_pictured() -> None:
    assert [sense.is_pictured for sense in senses_of([Part("particle", ("topic marker",))])] == [False]


def test_a_stardict_dictionary_is_read(tmp_path: Path) -> None:
    entries = {
        "개": "<i>noun</i><br><ol><li>dog</li><li>a &amp; b</li></ol>",
        "물": "<i>noun</i><br><ol><li>water</li></ol>",
    }
    content, index = b"", b""
    for word, text in entries.items():
        data = text.encode()
        index += word.encode() + b"\0" + struct.pack(">II", len(content), len(data))
        content += data
    (tmp_path / "ko.idx").write_bytes(index)
    (tmp_path / "ko.dict.dz").write_bytes(gzip.compress(content))
    assert dict(read_stardict(tmp_path)) == {
        "개": (Part("noun", ("dog", "a & b")),),
        "물": (Part("noun", ("water",)),),
    }


def test_an_english_dictionary_is_read_backwards(tmp_path: Path) -> None:
    text = (
        '#NAME "x"\n\n'
        "dog\n\t[b]~[/b] [p]<n>[/p] [c gray]/dɔɡ/[/c] (animal)\n\t[m1]собака [p]<f>[/p], пёс [p]<m>[/p][/m]\n\n"
        "dog\n\t[b]~[/b] [p]<n>[/p] [i](hinged catch)[/i]\n\tSEE: <<pawl>>\n\n"
        "hound\n\t[b]~[/b] [p]<n>[/p] [i](dog)[/i]\n\t[m1]собака [c gray]/sobáka/[/c][/m]\n"
    )
    path = tmp_path / "en-ru.dsl.dz"
    path.write_bytes(gzip.compress(text.encode("utf-16-le")))
    assert read_reversed(path) == {
        "собака": [Use("dog", "n", is_main=True, place=0), Use("hound", "n", is_main=False, place=0)],
        "пёс": [Use("dog", "n", is_main=True, place=1)],
    }


def test_translations_name_the_english_words_of_a_meaning(tmp_path: Path) -> None:
    for name in ("noun", "verb", "adj"):
        (tmp_path / f"data.{name}").write_text("  licence\n", encoding="utf-8")
        (tmp_path / f"index.{name}").write_text("  licence\n", encoding="utf-8")
    (tmp_path / "data.noun").write_text(
        "00000001 05 n 02 dog 0 hound 0 000 | an animal\n00000002 18 n 01 hound 0 000 | a man\n", encoding="utf-8"
    )
    (tmp_path / "index.noun").write_text(
        "dog n 1 0 1 1 00000001\nhound n 2 0 2 1 00000002 00000001\n", encoding="utf-8"
    )
    table = tmp_path / "wn-wikt-rus.tab"
    table.write_text(
        "# Wiktionary\trus\turl\tCC\n00000001-n\trus:lemma\tсобака\n00000009-n\trus:lemma\tкот\n", encoding="utf-8"
    )
    assert read_translations(table, WordNet(tmp_path)) == {"собака": {"dog": 0, "hound": 1}}
