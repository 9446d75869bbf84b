import sqlite3
import threading
from pathlib import Path

import pytest

from shared.errors import SettingsError
from shared.writing.characters import PATHS, CharacterDatabase, Stroke, decode_character, encode_character
from shared.writing.dictionaries import Dictionaries
from shared.writing.language import Language


def test_the_database_is_complete_and_compact(database: CharacterDatabase) -> None:
    """It has 9,574 characters, and at most 14 MB with the lexicon."""
    assert len(database.characters()) == 9574
    assert PATHS[Language.CHINESE].stat().st_size <= 14e6


def test_a_character_has_outlines_medians_and_radical(database: CharacterDatabase) -> None:
    """学 is written with eight strokes; its radical 子 is the last three."""
    character = database.character("学")
    assert character is not None
    assert len(character.strokes) == 8
    assert [stroke.in_radical for stroke in character.strokes] == [False] * 5 + [True] * 3
    for stroke in character.strokes:
        assert stroke.outline.startswith("M ")
        assert stroke.outline.endswith(" Z")
        assert len(stroke.median) >= 2


@pytest.mark.slow
@pytest.mark.parametrize("language", [language for language in Language if language.has_strokes])
def test_every_record_can_be_read(dictionaries: Dictionaries, language: Language) -> None:
    """Every record has strokes whose coordinates lie near the em box."""
    database = dictionaries.written[language]
    for character in database.characters():
        found = database.character(character)
        assert found is not None
        assert found.strokes, character
        assert all(-300 <= value <= 1324 for stroke in found.strokes for point in stroke.median for value in point)


@pytest.mark.slow
@pytest.mark.parametrize("language", [language for language in Language if not language.has_strokes])
def test_every_word_has_senses_in_english(dictionaries: Dictionaries, language: Language) -> None:
    dictionary = dictionaries[language]
    for word in dictionary.words():
        senses = dictionary.listed(word)
        assert senses, word
        assert all(sense.gloss.isascii() and sense.gloss.strip() == sense.gloss for sense in senses), word


def test_encoding_round_trips() -> None:
    strokes = (
        Stroke("M 1 2 L -3 4 Q 5 6 7 8 C 9 10 11 12 13 -14 Z", ((0, 0), (1023, -124)), in_radical=True),
        Stroke("M 500 500 L 501 499 Z", ((500, 500), (501, 499)), in_radical=False),
    )
    assert decode_character(encode_character(strokes)) == strokes


def test_unknown_characters_and_words_have_nothing(database: CharacterDatabase) -> None:
    assert database.character("a") is None
    assert not database.has_strokes("ひ")
    assert not database.has_strokes("𠮟")
    assert database.glosses("qzxy") == ()
    assert database.glosses("") == ()


@pytest.mark.parametrize(
    ("word", "gloss"), [("学习", "to learn"), ("學習", "to learn"), ("鸟", "bird"), ("書", "book")]
)
def test_glosses_of_both_scripts(word: str, gloss: str, database: CharacterDatabase) -> None:
    assert database.glosses(word)[0] == gloss


@pytest.mark.parametrize(("word", "listed"), [("你好！", "你好"), ("《红楼梦》", "红楼梦"), ("谢谢。", "谢谢")])
def test_marks_around_a_word_do_not_hide_it(word: str, listed: str, database: CharacterDatabase) -> None:
    assert database.senses(word) == database.senses(listed) != ()
    assert database.listed(word) == ()


def test_threads_may_share_the_database(database: CharacterDatabase) -> None:
    failures: list[Exception] = []

    def read() -> None:
        try:
            for character in "学习龍書山水火" * 20:
                assert database.character(character)
        except Exception as error:  # noqa: BLE001  # a thread: the test looks at it
            failures.append(error)

    threads = [threading.Thread(target=read) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_a_missing_database_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"not found: .*nowhere\.sqlite"):
        CharacterDatabase(paths={**PATHS, Language.JAPANESE: tmp_path / "nowhere.sqlite"})


@pytest.mark.parametrize("content", [b"", b"no database" * 100, PATHS[Language.JAPANESE].read_bytes()[:100_000]])
def test_a_damaged_database_is_named(content: bytes, tmp_path: Path) -> None:
    """When it is opened, not by each job that needs what is damaged."""
    path = tmp_path / "japanese.sqlite"
    path.write_bytes(content)
    with pytest.raises(SettingsError, match=r"(damaged|empty): .*japanese\.sqlite"):
        CharacterDatabase(paths={**PATHS, Language.JAPANESE: path})


def test_the_database_is_read_only(database: CharacterDatabase) -> None:
    with pytest.raises(sqlite3.OperationalError):
        database._connection.execute("DELETE FROM characters")
