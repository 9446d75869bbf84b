"""Lists of words: what is read of them, and what is wrong with each line."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from api.lists.word_list import BadRow, Row, read_list
from shared.errors import UnreadableList
from writing_client import WritingError
from writing_client.hsk import hsk_words
from writing_client.word_list import read_file


def words_of(content: str | bytes) -> tuple[list[Row], list[BadRow]]:
    words = read_list(content if isinstance(content, bytes) else content.encode(), styles={"comic", "neon"})
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

    def test_only_a_style_of_the_service_is_a_style_without_a_heading(self) -> None:
        rows, _ = words_of("高兴,gāoxìng,happy, glad\n大,dà,big\n")
        assert [(row.translation, row.style) for row in rows] == [("happy, glad", None), ("big", None)]
        with pytest.raises(UnreadableList, match="could both contain the translation"):
            words_of("苹果\tpíngguǒ\tapple\tfruit\n")

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

    def test_the_same_word_with_another_reading_is_another_row_unless_both_have_the_same_meaning(self) -> None:
        rows, bad = words_of("word,reading,translation\n长,cháng,\n长,zhǎng,\n长,cháng,\n山,shān,hill\n山,san,hill\n")
        assert [(row.word, row.reading) for row in rows] == [("长", "cháng"), ("长", "zhǎng"), ("山", "shān")]
        assert [row.reason for row in bad] == ["is the same as line 2", "is the same as line 5"]

    def test_a_translation_that_fits_on_no_card_is_named_and_a_reading_left_out(self) -> None:
        content = f"word,reading,translation\n山,{'a' * 80},{'b' * 200}\n水,{'a' * 81},\n火,,{'b' * 201}\n"
        read = read_list(content.encode())
        assert [(row.word, len(row.reading)) for row in read.rows] == [("山", 80), ("水", 0)]
        assert [row.reason for row in read.bad] == ["its translation has 201 characters; give at most 200"]
        assert [(note.line, note.reason) for note in read.notes] == [
            (1, "the heading"),
            (3, "its reading has 81 characters, so it is left out; the limit is 80"),
        ]

    def test_a_quote_that_is_not_closed_is_named(self, tmp_path: Path) -> None:
        rows, bad = words_of('山,mountain\n水,"water\n火,fire\n')
        assert [row.word for row in rows] == ["山", "火"]
        assert [row.line for row in bad] == [2]

    @pytest.mark.parametrize(
        ("content", "reason"),
        [(b"\x81\xff\xfe,Chinese", "encoding"), (b"translation,style\nstudy,neon\n", "not name exactly one column")],
    )
    def test_what_is_no_list_of_words_is_refused(self, tmp_path: Path, content: bytes, reason: str) -> None:
        with pytest.raises(UnreadableList, match=reason):
            words_of(content)

    def test_a_file_that_is_not_there_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(WritingError, match=r"none\.csv"):
            read_file(tmp_path / "none.csv")

    @given(text=st.text(alphabet=st.sampled_from('山word,;\t"\n\r \0😀'), max_size=40))
    @hypothesis_settings(max_examples=50)
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
