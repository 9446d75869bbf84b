"""Decks: lists of words, their stored state, contact sheets, Anki packages."""

import base64
import json
import sqlite3
import zipfile
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from api.app import create_app
from api.deck_files import file_name as service_file_name
from api.deck_files.anki import package
from api.deck_files.card import Card
from api.deck_files.contact_sheet import contact_sheet
from api.lists.word_list import BadRow, Row, read_list
from shared.errors import UnreadableList
from shared.settings import Settings
from shared.writing.characters import CharacterDatabase
from writing_client import WritingError
from writing_client.deck import Deck, fingerprint
from writing_client.file_name import safe_name
from writing_client.files import write_atomically
from writing_client.hsk import hsk_words
from writing_client.models import AIGenerationResult, ListedRow
from writing_client.package import write_package
from writing_client.word_list import read_file


def words_of(content: str | bytes) -> tuple[list[Row], list[BadRow]]:
    words = read_list(content if isinstance(content, bytes) else content.encode())
    return words.rows, words.bad


class TestWordList:
    @pytest.mark.parametrize("separator", [",", ";", "\t"])
    @pytest.mark.parametrize("mark", ["", "\ufeff"])
    @pytest.mark.parametrize("end", ["\n", "\r\n"])
    def test_separators_marks_and_line_ends_of_all_programs(
        self, tmp_path: Path, separator: str, mark: str, end: str
    ) -> None:
        lines = [separator.join(cells) for cells in (["学习", "study"], ["山", "mountain"])]
        rows, bad = words_of(mark + end.join(lines) + end)
        assert rows == [Row(1, "学习", "study"), Row(2, "山", "mountain")]
        assert bad == []

    def test_a_heading_names_the_columns_in_any_order(self, tmp_path: Path) -> None:
        rows, _ = words_of("Pinyin;HSK;Meaning;Hanzi;style\nshān;1;mountain;山;neon\n")
        assert rows == [Row(2, "山", "mountain", "shān", "neon")]

    def test_a_heading_may_name_what_depicts_the_word(self, tmp_path: Path) -> None:
        rows, bad = words_of("word;imagery\n山;mountain, owl\n山;none\n山;mountain, owl\n水;\n")
        assert [(row.word, row.imagery) for row in rows] == [("山", "mountain, owl"), ("山", "none"), ("水", "")]
        assert [row.line for row in bad] == [4], "the same picture again"

    def test_without_a_heading_the_columns_have_their_places(self, tmp_path: Path) -> None:
        rows, _ = words_of("山,mountain,shān,neon\n水\n")
        assert rows == [Row(1, "山", "mountain", "shān", "neon"), Row(2, "水")]

    def test_the_other_separators_may_stand_in_a_meaning(self, tmp_path: Path) -> None:
        rows, _ = words_of("学,to learn; to study\n")
        assert rows[0].translation == "to learn; to study"
        rows, _ = words_of("山;mountain, hill\n")
        assert rows[0].translation == "mountain, hill"
        rows, _ = words_of('"山","mountain, hill"\n')
        assert rows[0].translation == "mountain, hill"

    def test_bad_rows_are_named_by_their_line_and_the_others_are_read(self, tmp_path: Path) -> None:
        lines = [
            "word,translation",
            '山,"a',
            'b"',
            ",nothing",
            "",
            "😀,smile",
            "水,water,too,many",
            "火,fire",
            "火,fire",
        ]
        content = "\n".join([*lines, f"{'一' * 13},long"])
        rows, bad = words_of(content)
        assert [row.word for row in rows] == ["山", "火"]
        assert [row.line for row in bad] == [4, 6, 7, 9, 10]
        reasons = " | ".join(row.reason for row in bad)
        for part in ("blank", "U+1F600", "4 cells for 2 columns", "the same as line 8", "13 characters"):
            assert part in reasons

    def test_the_same_word_with_another_meaning_is_another_row(self, tmp_path: Path) -> None:
        rows, bad = words_of("长,long\n长,to grow\n")
        assert (len(rows), bad) == (2, [])

    def test_a_quote_that_is_not_closed_is_named(self, tmp_path: Path) -> None:
        rows, bad = words_of('山,mountain\n水,"water\n火,fire\n')
        assert [row.word for row in rows] == ["山", "火"]
        assert [row.line for row in bad] == [2]

    @pytest.mark.parametrize(
        ("content", "reason"),
        [(b"\x81\xff\xfe,Chinese", "encoding"), (b"translation,style\nstudy,neon\n", "no column")],
    )
    def test_what_is_no_list_of_words_is_refused(self, tmp_path: Path, content: bytes, reason: str) -> None:
        with pytest.raises(UnreadableList, match=reason):
            words_of(content)

    def test_a_file_that_is_not_there_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(WritingError, match=r"none\.csv"):
            read_file(tmp_path / "none.csv")

    @given(text=st.text(alphabet=st.sampled_from('山word,;\t"\n\r \0😀'), max_size=40))
    @hypothesis_settings(max_examples=50, deadline=None)
    def test_any_text_gives_rows_or_reasons_each_with_its_line(self, text: str) -> None:
        try:
            rows, bad = words_of(text)
        except UnreadableList:
            return
        lines = [row.line for row in rows] + [row.line for row in bad]
        assert len(set(lines)) == len(lines)
        assert all(1 <= line <= len(text.splitlines()) for line in lines)

    def test_the_example_has_thirty_good_words(self, project: Path) -> None:
        rows, bad = words_of((project / "docs/examples/words.csv").read_bytes())
        assert (len(rows), bad) == (30, [])


def test_levels_of_hsk() -> None:
    assert [len(hsk_words(level)) for level in range(1, 7)] == [150, 147, 298, 598, 1298, 2500]
    assert {"学习", "爱", "水"} <= set(hsk_words(1))


def row(
    line: int, word: str, translation: str = "", reading: str = "", style: str | None = None, **own: Any
) -> ListedRow:
    return ListedRow(line=line, word=word, translation=translation, reading=reading, style=style, **own)


def drawn(deck: Deck, *indices: int) -> None:
    """Store pictures for rows, as `Deck.draw` does with each result."""
    for index in indices:
        png = f"picture {deck._rows[index]}".encode()
        deck._keep(
            index,
            AIGenerationResult(
                success=True,
                generated_image_base64=base64.b64encode(png).decode(),
                conditioning_images_base64={},
                prompt_used="a prompt",
                generation_metadata={"seed": index, "translation": "looked up", "legibility": {"score": 0.9}},
            ),
        )


STUDY = row(1, "学习", "study")
ROWS = [row(1, "学习", "study", "xuéxí"), row(2, "山"), row(3, "a/b:c", "letters & <signs>")]


class TestDeck:
    def test_what_was_drawn_is_remembered(self, tmp_path: Path) -> None:
        drawn(Deck(tmp_path, ROWS, {}), 0, 1)
        again = Deck(tmp_path, ROWS, {})
        assert again.missing == [2]
        assert [(card.word, card.meaning, (tmp_path / card.file).read_bytes()) for card in again.cards] == [
            ("学习", "study", f"picture {ROWS[0]}".encode()),
            ("山", "looked up", f"picture {ROWS[1]}".encode()),
        ]
        assert tmp_path / again.cards[0].file == tmp_path / "pictures/1-学习.png"

    def test_every_picture_is_recorded_at_once(self, tmp_path: Path) -> None:
        deck = Deck(tmp_path, ROWS, {})
        for count, index in enumerate((2, 0, 1), start=1):
            drawn(deck, index)
            assert len(json.loads((tmp_path / "deck.json").read_text())["drawings"]) == count

    @pytest.mark.parametrize(
        ("rows", "options"),
        [
            ([row(1, "学习", "learn"), *ROWS[1:]], {}),
            ([row(1, "学习", "study", "xuéxí", "neon"), *ROWS[1:]], {}),
            ([row(1, "学习", "study", "xuéxí", imagery=("owl",)), *ROWS[1:]], {}),
        ],
    )
    def test_a_changed_row_is_drawn_again_and_the_others_are_not(
        self, tmp_path: Path, rows: list[ListedRow], options: dict[str, object]
    ) -> None:
        drawn(Deck(tmp_path, ROWS, {}), 0, 1, 2)
        changed = Deck(tmp_path, rows, options)
        assert changed.missing == [0]
        drawn(changed, 0)
        assert Deck(tmp_path, rows, options).missing == []
        assert len(list((tmp_path / "pictures").iterdir())) == 3, "the old picture is replaced"

    def test_another_style_for_all_draws_all_but_rows_with_their_own(self, tmp_path: Path) -> None:
        rows = [*ROWS, row(4, "火", style="neon")]
        drawn(Deck(tmp_path, rows, {"style": "comic"}), 0, 1, 2, 3)
        assert Deck(tmp_path, rows, {"style": "oil"}).missing == [0, 1, 2]

    def test_a_row_s_imagery_goes_before_the_deck_s(self, tmp_path: Path) -> None:
        rows = [row(1, "火"), row(2, "山", imagery=("mountain", "owl")), row(3, "水", imagery="none")]
        requests = Deck(tmp_path, rows, {"imagery": ["dog"]})._requests
        assert [request["imagery"] for request in requests] == [["dog"], ["mountain", "owl"], "none"]

    def test_a_reading_changes_the_card_and_not_the_picture(self, tmp_path: Path) -> None:
        drawn(Deck(tmp_path, [STUDY], {}), 0)
        deck = Deck(tmp_path, [row(1, "学习", "study", "xuéxí")], {})
        assert deck.missing == []
        assert deck.cards[0].reading == "xuéxí"

    def test_rows_may_move_and_names_never_meet(self, tmp_path: Path) -> None:
        first = [row(1, "长", "long"), row(2, "山")]
        drawn(Deck(tmp_path, first, {}), 0, 1)
        moved = [row(1, "长", "to grow"), row(2, "长", "long"), row(3, "山")]
        deck = Deck(tmp_path, moved, {})
        assert deck.missing == [0]
        drawn(deck, 0)
        assert len({card.file for card in deck.cards}) == 3
        assert {(tmp_path / card.file).read_bytes() for card in deck.cards} == {
            b"picture " + str(listed).encode() for listed in (moved[0], *first)
        }

    def test_a_picture_that_was_deleted_is_drawn_again(self, tmp_path: Path) -> None:
        drawn(Deck(tmp_path, ROWS, {}), 0, 1, 2)
        (tmp_path / "pictures/2-山.png").unlink()
        assert Deck(tmp_path, ROWS, {}).missing == [1]

    @pytest.mark.parametrize("content", ["", "[]", '{"drawings": {"a": 1}}', '{"drawings": []}'])
    def test_a_broken_record_is_named_and_left_alone(self, tmp_path: Path, content: str) -> None:
        (tmp_path / "deck.json").write_text(content)
        with pytest.raises(WritingError, match=r"deck\.json"):
            Deck(tmp_path, ROWS, {})
        assert (tmp_path / "deck.json").read_text() == content

    def test_the_order_of_fields_does_not_matter_and_every_value_does(self) -> None:
        assert fingerprint({"word": "山", "seed": 1}) == fingerprint({"seed": 1, "word": "山"})
        assert fingerprint({"word": "山", "seed": 1}) != fingerprint({"word": "山", "seed": 2})


class TestFiles:
    @given(st.text(max_size=12))
    def test_any_word_makes_a_file_name(self, text: str) -> None:
        name = safe_name(text)
        assert name
        assert name == service_file_name.safe_name(text)
        assert not set(name) & set("/\\:*?\"'<>|\0 ")
        assert Path(name).name == name

    def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = write_atomically(tmp_path / "file", b"old")

        def fail(handle: int) -> None:
            raise OSError("disk full")

        monkeypatch.setattr("os.fsync", fail)
        with pytest.raises(OSError, match="disk full"):
            write_atomically(path, b"new")
        assert path.read_bytes() == b"old"
        assert list(tmp_path.iterdir()) == [path]


@pytest.fixture
def cards(tmp_path: Path) -> list[Card]:
    rows = [*ROWS, row(4, "长", "long"), row(5, "长", "to grow")]
    deck = Deck(tmp_path, rows, {})
    drawn(deck, *range(len(rows)))
    return [
        Card(card.word, card.reading, card.meaning, card.prompt, card.file, (tmp_path / card.file).read_bytes)
        for card in deck.cards
    ]


class _Page(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words.append(data.strip())


class TestContactSheet:
    def test_every_word_is_there_with_its_picture(self, tmp_path: Path, cards: list[Card]) -> None:
        page = _Page(contact_sheet("My <deck>", cards).decode())
        images = [attributes for tag, attributes in page.tags if tag == "img"]
        assert [(tmp_path / unquote(str(image["src"]))).is_file() for image in images] == [True] * 5
        assert all(image["alt"] for image in images)
        assert {"My <deck>", "学习", "xuéxí", "study", "looked up", "letters & <signs>"} <= set(page.words)

    def test_it_needs_nothing_from_elsewhere_and_follows_dark_and_paper(self, cards: list[Card]) -> None:
        text = contact_sheet("deck", cards).decode()
        assert "http" not in text
        assert "<script" not in text
        assert "prefers-color-scheme: dark" in text
        assert "@media print" in text


def packed(path: Path, name: str, cards: list[Card]) -> Path:
    path.write_bytes(b"".join(package(name, cards, CharacterDatabase())))
    return path


def notes_of(package: Path, tmp_path: Path) -> tuple[list[tuple[str, list[str]]], dict[str, bytes], dict[str, str]]:
    """Return a package's notes (guid, fields), media by name, and its decks' names by id."""
    with zipfile.ZipFile(package) as archive:
        names = json.loads(archive.read("media"))
        media = {name: archive.read(number) for number, name in names.items()}
        database = tmp_path / "collection.anki2"
        database.write_bytes(archive.read("collection.anki2"))
    connection = sqlite3.connect(database)
    try:
        notes = [(guid, fields.split("\x1f")) for guid, fields in connection.execute("SELECT guid, flds FROM notes")]
        (decks,) = connection.execute("SELECT decks FROM col").fetchone()
        (count,) = connection.execute("SELECT count(*) FROM cards").fetchone()
    finally:
        connection.close()
    assert count == len(notes)
    return notes, media, {key: deck["name"] for key, deck in json.loads(decks).items()}


class TestAnki:
    def test_every_word_is_a_note_with_its_picture(self, tmp_path: Path, cards: list[Card]) -> None:
        notes, media, decks = notes_of(packed(tmp_path / "deck.apkg", "My deck", cards), tmp_path)
        assert [fields[:3] for _, fields in notes][:3] == [
            ["学习", "xuéxí", "study"],
            ["山", "", "looked up"],
            ["a/b:c", "", "letters &amp; &lt;signs&gt;"],
        ]
        for card, (_, fields) in zip(cards, notes, strict=True):
            name = fields[3].removeprefix('<img src="').removesuffix('">')
            assert media[name] == card.read()
        assert [bool(fields[4]) for _, fields in notes] == [True, True, False, True, True], "the stroke order"
        assert "My deck" in decks.values()

    def test_the_client_completes_the_same_package_from_the_services_part_of_it(
        self, tmp_path: Path, settings: Settings
    ) -> None:
        rows = [*ROWS, row(4, "长", "long"), row(5, "长", "long", style="neon")]
        deck = Deck(tmp_path, rows, {})
        drawn(deck, *range(len(rows)))
        texts = deck.cards
        body = {"name": "My deck", "cards": [card.model_dump() for card in texts]}
        answer = create_app(settings).test_client().post("/api/writing/anki-packages", json=body)
        assert answer.status_code == 200
        sheet = write_package(answer.data, texts, tmp_path, tmp_path / "client.apkg")
        cards = [
            Card(card.word, card.reading, card.meaning, card.prompt, card.file, (tmp_path / card.file).read_bytes)
            for card in texts
        ]
        assert sheet.read_bytes() == contact_sheet("My deck", cards)
        assert notes_of(tmp_path / "client.apkg", tmp_path) == notes_of(
            packed(tmp_path / "service.apkg", "My deck", cards), tmp_path
        )

    def test_a_later_version_has_the_same_ids_so_that_anki_updates(self, tmp_path: Path, cards: list[Card]) -> None:
        first, _, decks = notes_of(packed(tmp_path / "1.apkg", "My deck", cards), tmp_path)
        changed = [replace(cards[0], reading="another"), *cards[1:]]
        later, _, decks_later = notes_of(packed(tmp_path / "2.apkg", "My deck", changed), tmp_path)
        assert [guid for guid, _ in first] == [guid for guid, _ in later]
        assert decks == decks_later
        assert later[0][1][1] == "another"

    def test_the_same_word_twice_is_two_notes_and_another_deck_has_its_own(
        self, tmp_path: Path, cards: list[Card]
    ) -> None:
        mine, _, _ = notes_of(packed(tmp_path / "1.apkg", "Mine", cards), tmp_path)
        yours, _, _ = notes_of(packed(tmp_path / "2.apkg", "Yours", cards), tmp_path)
        assert len({guid for guid, _ in mine + yours}) == 10
