"""Decks in a folder: what is drawn, their stored state, and their files."""

import json
from pathlib import Path, PureWindowsPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.deck_files import file_name as service_file_name
from tests.client.drawn_decks import ROWS, drawn, row
from writing_client import WritingError
from writing_client.deck import Deck, fingerprint
from writing_client.file_name import safe_name
from writing_client.files import write_atomically
from writing_client.models import ListedRow

STUDY = row(1, "学习", "study")


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

    def test_a_row_is_drawn_in_its_language_and_in_the_sense_of_its_reading(self, tmp_path: Path) -> None:
        """Where the command names no language, and the row no meaning."""
        rows = [row(1, "手紙", language="ja"), row(2, "长", reading="zhǎng"), row(3, "长", "to grow", "zhǎng")]
        requests = Deck(tmp_path, rows, {})._requests
        assert [(request.get("language"), request.get("reading")) for request in requests] == [
            ("ja", None),
            (None, "zhǎng"),
            (None, None),
        ]
        assert Deck(tmp_path, rows, {"language": "zh"})._requests[0]["language"] == "zh"

    def test_a_row_s_translation_steers_only_if_it_is_english(self, tmp_path: Path) -> None:
        rows = [row(1, "面包", "pain", translation_language="other"), row(2, "海", "sea")]
        requests = Deck(tmp_path, rows, {})._requests
        assert [request.get("translation_language") for request in requests] == ["other", None]
        assert Deck(tmp_path, rows, {"translation_language": "en"})._requests[0]["translation_language"] == "en"

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

    def test_names_sort_in_the_order_of_the_list(self, tmp_path: Path) -> None:
        deck = Deck(tmp_path, [row(line, "山", f"meaning {line}") for line in range(1, 11)], {})
        drawn(deck, 1, 9)
        assert [card.file for card in deck.cards] == ["pictures/02-山.png", "pictures/10-山.png"]

    def test_names_differ_by_more_than_their_case(self, tmp_path: Path) -> None:
        """Windows and macOS take 1-weg.png and 1-Weg.png for the same file."""
        drawn(Deck(tmp_path, [row(1, "weg", "away")], {}), 0)
        deck = Deck(tmp_path, [row(1, "Weg", "way"), row(2, "weg", "away")], {})
        assert deck.missing == [0]
        drawn(deck, 0)
        assert [card.file for card in deck.cards] == ["pictures/1-Weg-2.png", "pictures/1-weg.png"]

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
    @given(st.text(max_size=12) | st.sampled_from(["con", "Aux", "NUL", "com1", "LPT9", "con.a", "CON ", "com¹"]))
    def test_any_word_makes_a_file_name(self, text: str) -> None:
        name = safe_name(text)
        assert name
        assert name == service_file_name.safe_name(text)
        assert not set(name) & set("/\\:*?\"'<>|\0 ")
        assert not PureWindowsPath(f"{name}.png").is_reserved()
        assert Path(name).name == name

    @pytest.mark.parametrize(
        ("text", "name"),
        [
            ("gp\u202egnp.exe", "gp_gnp.exe"), ("a\u2028b\x85c", "a_b_c"), ("a\u00a0b", "a_b"), ("conin$", "_conin$"),
            ("می\u200cخواهم", "می\u200cخواهم"), ("क्\u200dष", "क्\u200dष"),
        ],
    )  # fmt: skip
    def test_a_name_shows_what_it_is(self, text: str, name: str) -> None:
        """Marks of direction and invisible breaks go; joiners, which belong to words, stay."""
        assert safe_name(text) == name

    @pytest.mark.parametrize("text", ["汉" * 85, "a" * 250, "é" * 150, "👩🏽‍💻" * 30])
    def test_a_long_name_is_cut_between_characters(self, tmp_path: Path, text: str) -> None:
        name = safe_name(text)
        assert name == service_file_name.safe_name(text)
        assert text.startswith(name)
        assert 190 <= len(name.encode()) <= 200
        write_atomically(tmp_path / f"{name}.apkg", b"")

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
