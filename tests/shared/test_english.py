"""Translations in English, in other languages, and in both."""

import csv
from collections.abc import Iterator
from pathlib import Path

import pytest

from api.app import create_app
from cli.doctor import check_data
from cli.finding import Level
from shared.errors import SettingsError, TranslationRequired
from shared.settings import load_settings
from shared.writing.dictionaries import Dictionaries
from shared.writing.english import clean_sense, english_part, is_english, read_translation, vocabulary
from shared.writing.imagery import Imagery
from shared.writing.words import Meaning, resolve_imagery, resolve_meaning

SENSES = Path(__file__).parent / "senses.tsv"
# Everyday words; "rot", "rouge" and "manger" are English, too.
FOREIGN = [
    "lernen", "das Wasser", "das Feuer", "das Haus", "die Katze", "der Baum", "essen", "der Regen", "das Buch",
    "die Liebe", "die Schule", "die Mutter", "gestern", "weil", "schön", "das Fahrrad", "der Arzt", "das Brot",
    "étudier", "l'eau", "l’eau", "le feu", "la maison", "le chat", "l'arbre", "la pluie", "le livre", "l'amour",
    "la mère", "hier", "parce que", "le vélo", "le pain", "estudiar", "el agua", "el fuego", "la casa", "el gato",
    "el árbol", "la lluvia", "el libro", "la escuela", "rojo", "siete", "porque", "la bicicleta", "el pan",
    "Buenos días", "lửa", "con mèo", "mưa", "tình yêu", "xe đạp", "çalışmak", "ateş", "kedi", "yağmur", "kitap",
    "kırmızı", "bisiklet", "il gatto", "l'acqua", "een boek", "uma casa", "",
]  # fmt: skip


@pytest.fixture
def words_path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """Where the English words are looked for. Nothing is there yet."""
    path = tmp_path / "words.txt"
    monkeypatch.setattr("shared.writing.english.WORDS_PATH", path)
    vocabulary.cache_clear()
    yield path
    vocabulary.cache_clear()


@pytest.mark.parametrize(
    ("content", "reason"), [(None, "not found"), (b"", "is empty"), (b"study \xff", "cannot be read")]
)
def test_words_that_cannot_be_read_end_the_api_with_their_file(
    words_path: Path, content: bytes | None, reason: str
) -> None:
    """Otherwise the API would count as alive, and each request would fail."""
    if content is not None:
        words_path.write_bytes(content)
    with pytest.raises(SettingsError, match=f"list of English words {reason}: {words_path}"):
        create_app(load_settings({}))


def test_the_doctor_finds_that_the_words_are_missing(words_path: Path) -> None:
    *_, finding = check_data()
    assert (finding.level, str(words_path) in finding.text) == (Level.FAIL, True)


def test_everyday_translations_are_english() -> None:
    rows = csv.reader(SENSES.read_text(encoding="utf-8").splitlines(), delimiter="\t", quoting=csv.QUOTE_NONE)
    senses = [sense for _, accepted in rows for sense in accepted.split("|")]
    refused = [sense for sense in senses if not is_english(sense)]
    assert len(refused) <= 0.005 * len(senses), refused


@pytest.mark.parametrize(
    "text",
    [
        "I'm sorry",
        "don't eat",
        "Beijing duck",
        "T-shirt",
        "α wave",
        "to go to the beach",
        "TO STUDY",
        "dogs",
        "red panda",
        "die out",
        "die hard",
        "den of a fox",
        "en route",
        "Los Angeles",
        "UN resolution",
        *("T恤", "卡拉OK", "IT-отдел", "A型 blood", "5 μm", "Ωmega"),
    ],
)
def test_english_is_known_in_any_form(text: str) -> None:
    assert is_english(text)


@pytest.mark.parametrize(
    "text",
    [
        "deli", "chore", "kilo", "immobile",
        "zucchini", "quinoa", "aubergine", "kayak", "courgette", "hummus", "armadillo", "iguana", "tambourine",
        "windowsill", "doorknob", "parsnip", "lasagna", "enabled", "heavier",
    ],
)  # fmt: skip
def test_rare_words_are_english(dictionaries: Dictionaries, text: str) -> None:
    assert is_english(text)
    assert meaning(dictionaries, "猫", text).prompt == text


def test_everyday_words_of_other_languages_are_not_english() -> None:
    assert [text for text in FOREIGN if is_english(text)] == []


@pytest.mark.parametrize(
    ("translation", "part"),
    [
        ("cat", "cat"),
        ("cat (кошка)", "cat"),
        ("школа (school)", "school"),
        ("le chat, cat", "cat"),
        ("Katze - cat", "cat"),
        ("猫；cat；кошка", "cat"),
        ("кошка cat", "cat"),
        ("the character 人", "the character"),
        ("T シャツ", ""),
        ("bat (animal)", "bat (animal)"),
        ("mountain, hill", "mountain, hill"),
        ("cat 🐱", "cat"),
        ("👩‍🏫 teacher", "teacher"),
        ("adj. big", "big"),
        ("n. bat (animal)", "bat (animal)"),
        ("vt. to lift; v.i. to rise", "to lift; to rise"),
        ("watch (v.)", "to watch"),
        ("(v) watch, look [verb]", "to watch, to look"),
        ("1. v. learn 2. n. study", "1. to learn 2. study"),
        ("run, v.", "to run"),
        ("to run（v.）", "to run"),
        ("tie (n.)", "tie"),
        ("dog n.; good (adj)", "dog; good"),
        ("fall (n., season)", "fall (season)"),
        ("the letter v.", "the letter v."),
        ("leg (part)", "leg (part)"),
        ("(v.)", ""),
        ("1. учиться 2. to study", "to study"),
        ("el gato", ""),
        ("кошка", ""),
        ("", ""),
    ],
)
def test_the_english_part_of_a_translation(translation: str, part: str) -> None:
    assert english_part(translation) == part


@pytest.mark.parametrize(
    ("sense", "cleaned"),
    [
        ("to study", "to study"),
        ("To study.", "to study"),
        ("TO STUDY", "to study"),
        ("1. to study 2. to learn", "to study"),
        ("n. study", "study"),
        ("1) study 2) learn", "study"),
        ("① n. study ② learn", "study"),
        ("study;", "study"),
        ("study。", "study"),
        ("“water”", "water"),
        ("DVD", "DVD"),
        ("USA trip", "USA trip"),
        ("Beijing duck", "Beijing duck"),
        ("?", "?"),
    ],
)
def test_a_sense_is_cleaned_for_the_prompt(sense: str, cleaned: str) -> None:
    assert clean_sense(sense) == cleaned


@pytest.mark.parametrize(
    ("translation", "line"),
    [("to study\nto learn", "to study; to learn"), (" cat,\r\n\r\n dog ;\n", "cat; dog ;"), ("\n", ""), ("", "")],
)
def test_each_line_of_a_translation_is_a_meaning(translation: str, line: str) -> None:
    assert read_translation(translation) == line


def meaning(dictionaries: Dictionaries, word: str, translation: str) -> Meaning:
    return resolve_meaning(word, translation, dictionaries.of(word))


@pytest.mark.parametrize(("word", "translation", "prompt"), [("猫", "el gato", "cat"), ("水", "l'eau", "water")])
def test_a_translation_into_another_language_is_shown_and_the_lexicon_steers(
    dictionaries: Dictionaries, word: str, translation: str, prompt: str
) -> None:
    found = meaning(dictionaries, word, translation)
    assert (found.display, found.prompt, found.source) == (translation, prompt, "lexicon")
    assert "does not seem to be English" in (found.note or "")


def test_without_a_lexicon_a_foreign_translation_steers_as_it_is(dictionaries: Dictionaries, imagery: Imagery) -> None:
    found = meaning(dictionaries, "Wasser", "agua")
    assert (found.prompt, found.source) == ("agua", "request")
    assert resolve_imagery("Wasser", found, "auto", imagery) == ()


@pytest.mark.parametrize("translation", ["кошка", "猫", "", "-"])
def test_an_english_word_steers_by_itself(dictionaries: Dictionaries, imagery: Imagery, translation: str) -> None:
    found = meaning(dictionaries, "cat", translation)
    assert (found.prompt, resolve_imagery("cat", found, "auto", imagery)) == ("cat", ("cat",))
    assert "taken as English" in (found.note or "")


@pytest.mark.parametrize("translation", ["кошка", "猫", ""])
def test_a_word_of_another_language_needs_a_translation(dictionaries: Dictionaries, translation: str) -> None:
    with pytest.raises(TranslationRequired, match="Katze"):
        meaning(dictionaries, "Katze", translation)


@pytest.mark.parametrize(
    "line",
    [
        *(
            "苹果 apple",
            "1. 苹果 apple",
            "苹果（apple）",
            "苹果 (apple)",
            "苹果/apple",
            "食べる (たべる) to eat",
            "사과 apple",
        ),
        *("дом house", "شجرة tree", "עץ tree", "पेड़ tree", "ต้นไม้ tree", "コーヒー coffee", "δέντρο tree"),
    ],
)
def test_a_line_of_word_and_meaning_is_not_drawn_as_one_word(dictionaries: Dictionaries, line: str) -> None:
    with pytest.raises(TranslationRequired):
        meaning(dictionaries, line, "")


@pytest.mark.parametrize(("word", "translation"), [("Rat", "advice"), ("bald", "soon"), ("Herd", "stove")])
def test_a_foreign_word_that_looks_english_is_not_depicted(
    dictionaries: Dictionaries, imagery: Imagery, word: str, translation: str
) -> None:
    assert resolve_imagery(word, meaning(dictionaries, word, translation), "auto", imagery) == ()


@pytest.mark.parametrize(
    "translation",
    ["not a cat", "isn't a cat", "it is not raining", "nobody eats bread", "I have no money", "neither cat nor dog"],
)
def test_negations_show_nothing(dictionaries: Dictionaries, imagery: Imagery, translation: str) -> None:
    assert resolve_imagery("х", meaning(dictionaries, "х", translation), "auto", imagery) == ()


@pytest.mark.parametrize(("word", "translation"), [("pan", "ciabatta"), ("Rat", "alderman"), ("chat", "moggy")])
def test_a_rare_english_translation_steers_a_foreign_word(
    dictionaries: Dictionaries, word: str, translation: str
) -> None:
    assert meaning(dictionaries, word, translation).prompt == translation


@pytest.mark.parametrize(
    ("translation", "phrase", "first"),
    [
        ("watch (v.)", "watching", "eyes"),
        ("watch (n.)", "watch", "watch"),
        ("park [vt]", "parking", "car"),
        ("tie (v.)", "tying", None),
    ],
)
def test_a_word_class_chooses_the_meaning(
    dictionaries: Dictionaries, imagery: Imagery, translation: str, phrase: str, first: str | None
) -> None:
    found = meaning(dictionaries, "绑", translation)
    assert (found.display, found.prompt) == (translation, phrase)
    assert next(iter(resolve_imagery("绑", found, "auto", imagery)), None) == first
