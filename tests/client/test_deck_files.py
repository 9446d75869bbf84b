"""Contact sheets and Anki packages."""

import io
import json
import math
import os
import re
import sqlite3
import tempfile
import zipfile
from collections.abc import Sequence
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import pytest

from api.app import create_app
from api.deck_files.anki import collection, package
from api.deck_files.card import Card, CardWithPicture
from api.deck_files.contact_sheet import contact_sheet
from api.deck_files.stroke_order import stroke_order
from shared.settings import Settings
from shared.writing.characters import EM, Stroke
from shared.writing.dictionaries import Dictionaries
from shared.writing.language import Language
from tests.client.drawn_decks import ROWS, drawn, row
from writing_client.deck import Deck
from writing_client.models import CardText
from writing_client.package import write_package

Cards = list[CardWithPicture]

# Words, the language in which the service looks them up, and their language on the card.
TAGGED = [
    ("直", Language.JAPANESE, "ja"),
    ("直", Language.CHINESE, "zh-Hans"),
    ("T恤", Language.CHINESE, "zh-Hans"),
    ("食べる", Language.JAPANESE, "ja"),
    ("カラオケbox", Language.CHINESE, "ja"),
    ("사과", Language.CHINESE, "ko"),
    ("漢字어", Language.CHINESE, "ko"),
    ("яблоко", Language.CHINESE, ""),
    ("تفاح", Language.CHINESE, ""),
    ("apple", Language.JAPANESE, ""),
]


def card_of(word: str, language: Language) -> CardWithPicture:
    return CardWithPicture(word, "", language, "", "", "1.png", lambda: b"png")


def with_pictures(texts: Sequence[CardText], folder: Path) -> Cards:
    """Return the client's cards with their pictures, which are in a folder, as the service makes files of them."""
    return [
        CardWithPicture(
            **text.model_dump(exclude={"digest", "language"}),
            language=Language.CHINESE,
            read=(folder / text.file).read_bytes,
        )
        for text in texts
    ]


@pytest.fixture
def cards(tmp_path: Path) -> Cards:
    rows = [*ROWS, row(4, "长", "long"), row(5, "长", "to grow")]
    deck = Deck(tmp_path, rows, {})
    drawn(deck, *range(len(rows)))
    return with_pictures(deck.cards, tmp_path)


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
    def test_every_word_is_there_with_its_picture(self, tmp_path: Path, cards: Cards) -> None:
        page = _Page(contact_sheet("My <deck>", cards).decode())
        images = [attributes for tag, attributes in page.tags if tag == "img"]
        assert [(tmp_path / unquote(str(image["src"]))).is_file() for image in images] == [True] * 5
        assert all(image["alt"] for image in images)
        assert {"My <deck>", "学习", "xuéxí", "study", "looked up", "letters & <signs>"} <= set(page.words)

    def test_a_word_may_have_signs_of_html(self) -> None:
        """The texts of the client's cards are not checked as words."""
        assert "a<b" in _Page(contact_sheet("deck", [card_of("a<b", Language.CHINESE)]).decode()).words

    def test_it_needs_nothing_from_elsewhere_and_follows_dark_and_paper(self, cards: Cards) -> None:
        text = contact_sheet("deck", cards).decode()
        assert "http" not in text
        assert "<script" not in text
        assert "prefers-color-scheme: dark" in text
        assert "@media print" in text

    def test_each_word_has_its_language_and_its_direction(self) -> None:
        page = _Page(contact_sheet("deck", [card_of(word, language) for word, language, _ in TAGGED]).decode())
        shown = [attributes for _, attributes in page.tags if attributes.get("class") == "word"]
        assert [(each["lang"], each["dir"]) for each in shown] == [(tag, "auto") for _, _, tag in TAGGED]


def strokes_of(character: str) -> tuple[Stroke, ...]:
    found = Dictionaries()[Language.CHINESE].character(character)
    assert found is not None
    return found.strokes


def packed(path: Path, name: str, cards: Cards) -> Path:
    path.write_bytes(b"".join(package(name, cards, Dictionaries())))
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
    def test_every_word_is_a_note_with_its_picture(self, tmp_path: Path, cards: Cards) -> None:
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

    def test_a_package_needs_no_temporary_file(
        self, tmp_path: Path, cards: Cards, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Where the disk is full, a download would break off after its first bytes."""
        monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "none"))
        whole = b"".join(package("D", cards, Dictionaries()))
        monkeypatch.undo()
        (tmp_path / "1.apkg").write_bytes(whole)
        assert len(notes_of(tmp_path / "1.apkg", tmp_path)[0]) == len(cards)

    def test_a_text_is_neither_played_nor_typeset(self, tmp_path: Path) -> None:
        cards = [card_of(word, Language.CHINESE) for word in ("[sound:a.mp3]", r"\(x\)")]
        notes, _, _ = notes_of(packed(tmp_path / "1.apkg", "D", cards), tmp_path)
        assert [fields[0] for _, fields in notes] == ["&#91;sound:a.mp3]", "&#92;(x&#92;)"]

    def test_a_note_tells_the_language_of_its_word(self, tmp_path: Path) -> None:
        cards = [card_of(word, language) for word, language, _ in TAGGED]
        notes, _, _ = notes_of(packed(tmp_path / "1.apkg", "D", cards), tmp_path)
        assert [(fields[0], fields[-1]) for _, fields in notes] == [(word, tag) for word, _, tag in TAGGED]
        japanese, chinese = (fields[4] for _, fields in notes[:2])
        assert japanese != chinese, "the strokes of 直"

    def test_strokes_are_numbered_where_they_begin(self) -> None:
        text = stroke_order("二a川", Dictionaries()[Language.CHINESE])
        cells = re.findall(r"translate\((\d+) (\d+)\) scale\((-?\d) (-?\d)\)", text)
        numbers = re.findall(r'<text x="(-?\d+)" y="(-?\d+)">(\d)</text>', text)
        places = [(int(x), int(y)) for x, y, _ in numbers]
        assert [number for *_, number in numbers] == ["1", "2", "1", "2", "3"]
        strokes = [(cell, stroke) for cell, word in zip(cells, "二川", strict=True) for stroke in strokes_of(word)]
        for place, (cell, stroke) in zip(places, strokes, strict=True):
            left, top, across, down = map(int, cell)
            x, y = stroke.median[0]
            assert math.dist(place, (left + across * x, top + down * y)) < 80
        upper, lower, *upright = places
        assert upper[1] < lower[1] < EM
        assert EM < upright[0][0] < upright[1][0] < upright[2][0] < 2 * EM

    def test_a_card_of_the_client_is_in_the_language_that_its_word_would_be_drawn_in(self, settings: Settings) -> None:
        texts = [
            {"word": "直"},
            {"word": "直", "language": "ja"},
            {"word": "直", "reading": "なお"},
            {"word": "働く"},
        ]
        body = {"cards": [text | {"file": "1.png", "digest": "0" * 24} for text in texts]}
        answer = create_app(settings).test_client().post("/api/writing/anki-packages", json=body)
        with zipfile.ZipFile(io.BytesIO(answer.data)) as archive:
            page = _Page(archive.read("index.html").decode())
        shown = [attributes["lang"] for _, attributes in page.tags if attributes.get("class") == "word"]
        assert shown == ["zh-Hans", "ja", "ja", "ja"]

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
        cards = with_pictures(texts, tmp_path)
        assert sheet.read_bytes() == contact_sheet("My deck", cards)
        assert notes_of(tmp_path / "client.apkg", tmp_path) == notes_of(
            packed(tmp_path / "service.apkg", "My deck", cards), tmp_path
        )

    def test_a_picture_from_before_1980_can_be_packed(self, tmp_path: Path, settings: Settings) -> None:
        """Some file systems and archives give files the time 0. ZIP has no such time."""
        deck = Deck(tmp_path, ROWS[:1], {})
        drawn(deck, 0)
        (card,) = deck.cards
        os.utime(tmp_path / card.file, (0, 0))
        body = {"name": "My deck", "cards": [card.model_dump()]}
        answer = create_app(settings).test_client().post("/api/writing/anki-packages", json=body)
        write_package(answer.data, [card], tmp_path, tmp_path / "client.apkg")
        _, media, _ = notes_of(tmp_path / "client.apkg", tmp_path)
        assert list(media.values()) == [(tmp_path / card.file).read_bytes()]

    @pytest.mark.slow
    def test_a_package_takes_time_in_proportion_to_its_strokes(self) -> None:
        card = Card("饢" * 2000, "", Language.CHINESE, "", "", "1.png")
        assert len(collection("D", [card], ["1.png"], Dictionaries())) > 10**7

    def test_a_later_version_has_the_same_ids_so_that_anki_updates(self, tmp_path: Path, cards: Cards) -> None:
        first, _, decks = notes_of(packed(tmp_path / "1.apkg", "My deck", cards), tmp_path)
        changed = [replace(cards[0], reading="another"), *cards[1:]]
        later, _, decks_later = notes_of(packed(tmp_path / "2.apkg", "My deck", changed), tmp_path)
        assert [guid for guid, _ in first] == [guid for guid, _ in later]
        assert decks == decks_later
        assert later[0][1][1] == "another"

    def test_the_same_word_twice_is_two_notes_and_another_deck_has_its_own(self, tmp_path: Path, cards: Cards) -> None:
        mine, _, decks = notes_of(packed(tmp_path / "1.apkg", "Mine", cards), tmp_path)
        yours, _, your_decks = notes_of(packed(tmp_path / "2.apkg", "Yours", cards), tmp_path)
        assert len({guid for guid, _ in mine + yours}) == 10
        assert decks.keys() & your_decks.keys() == {"1"}, "only Anki's own"
