"""The lexicon's senses: the learner's sense first, readings, and words that cannot be pictured."""

import csv
from pathlib import Path

import pytest

from shared.errors import UnknownReading
from shared.writing.characters import CharacterDatabase
from shared.writing.lexicon import Sense, encode_block, senses_in, words_in
from shared.writing.pinyin import same_reading
from shared.writing.words import WRITTEN, depicted, resolve_meaning

# Every third word of HSK 2.0, levels 1 to 3, and some that were wrong once. The senses were written by hand, as in
# beginners' textbooks, independently of the data that orders the lexicon.
LIST = Path(__file__).parent / "senses.tsv"
ACCEPTED = dict(csv.reader(LIST.read_text(encoding="utf-8").splitlines(), delimiter="\t", quoting=csv.QUOTE_NONE))


def test_of_200_everyday_words_98_in_100_have_the_sense_that_a_learner_means_first(database: CharacterDatabase) -> None:
    assert len(ACCEPTED) >= 199
    wrong = {
        word: database.senses(word)[:1]
        for word, accepted in ACCEPTED.items()
        if not {sense.gloss for sense in database.senses(word)[:1]} & set(accepted.split("|"))
    }
    assert len(wrong) <= 0.02 * len(ACCEPTED), wrong


@pytest.mark.parametrize(
    ("word", "reading", "prompt"),
    [
        ("长", "", "long"),
        ("长", "cháng", "long"),
        ("长", "zhang3", "growing"),
        ("长", "ZHǍNG", "growing"),
        ("重", "chong2", "repeating"),
        ("行", "hang2", "line"),
        ("東西", "dōngxī", "east and west"),
        ("东西", "dong1 xi5", "thing"),
        ("女儿", "nǚ'ér", "daughter"),
        ("女儿", "nv3er2", "daughter"),
        ("女儿", "nu:3 er2", "daughter"),
        ("学习", "xuexi", "learning"),
        ("长", "ZHANG３", "growing"),
        ("一声不吭", "", "not saying a word"),
    ],
)
def test_a_reading_chooses_the_sense(database: CharacterDatabase, word: str, reading: str, prompt: str) -> None:
    meaning = resolve_meaning(word, "", database, reading)
    assert meaning.prompt == prompt
    assert meaning.reading is not None
    assert not reading or same_reading(reading, meaning.reading)


@pytest.mark.parametrize(
    ("word", "reading", "says"),
    [("长", "ma3", "cháng, zhǎng"), ("长", "zhang1", "cháng, zhǎng"), ("hello", "hē", "does not know")],
)
def test_an_unknown_reading_is_refused_with_those_there_are(
    database: CharacterDatabase, word: str, reading: str, says: str
) -> None:
    with pytest.raises(UnknownReading, match=says) as error:
        resolve_meaning(word, "x", database, reading)
    assert error.value.field == "reading"


def test_a_translation_steers_and_the_reading_is_told(database: CharacterDatabase) -> None:
    assert resolve_meaning("长", "to grow", database).reading == "zhǎng"
    assert resolve_meaning("长", "a long river", database).reading == "cháng"
    assert resolve_meaning("长", "a boss", database, "zhǎng") == resolve_meaning("长", "a boss", database, "zhang3")
    assert resolve_meaning("hello", "hi", database).reading is None


@pytest.mark.parametrize(
    ("translation", "prompt"),
    [
        ("to eat an apple", "eating an apple"),
        ("to not eat", "not eating"),
        ("to gradually increase", "gradually increasing"),
        ("to (gradually) increase", "(gradually) increasing"),
        ("(of prices) to rise", "(of prices) rising"),
        ("to be tired; to be sleepy", "being tired, being sleepy"),
        ("to bring, to carry", "bringing, carrying"),
        ("opening / to turn on", "opening, turning on"),
        ("to borrow/lend", "borrowing, lending"),
        ("to paint, draw, write", "painting, drawing, writing"),
        ("to get up / wake up", "getting up, waking up"),
        ("to wear (hat, glasses)", "wearing (hat, glasses)"),
        ("to wash and iron clothes", "washing and ironing clothes"),
        ("to eat fish and chips", "eating fish and chips"),
        ("to look for food and water", "looking for food and water"),
        ("to play football, tennis", "playing football, tennis"),
        ("to swipe a card", "swiping a card"),
        ("to google", "googling"),
        ("to babysit", "babysitting"),
        ("to email", "emailing"),
        ("to double-click", "double-clicking"),
        ("to fly a kite", "flying a kite"),
        ("to apply for a visa, to rely on others", "applying for a visa, relying on others"),
        ("to politely reply to a letter", "politely replying to a letter"),
        ("to ice skate", "ice skating"),
        ("to pan fry fish", "pan frying fish"),
        ("to ice a cake", "icing a cake"),
        ("to bring sth. to sb's house", "bringing something to somebody's house"),
        ("to give s.o. s/t", "giving somebody something"),
        ("eat", "eating"),
        ("play the piano", "playing the piano"),
        ("bring, carry", "bringing, carrying"),
    ],
)
def test_a_verb_in_a_translation_steers_as_a_gerund(translation: str, prompt: str, database: CharacterDatabase) -> None:
    meaning = resolve_meaning("comer", translation, database)
    assert (meaning.display, meaning.prompt) == (translation, prompt)


@pytest.mark.parametrize(
    "text",
    [
        *("to and fro", "to the left", "to us", "to school", "to", "to xyzzy", "dance", "watch TV", "like a dog"),
        *("near the house", "half a loaf", "goodbye; see you", "give me the bill", "mountain / hill"),
    ],
)
def test_what_may_be_no_verb_steers_as_it_is(text: str, database: CharacterDatabase) -> None:
    assert resolve_meaning("comer", text, database).prompt == text


def test_the_senses_of_a_word_show_its_verbs(database: CharacterDatabase) -> None:
    assert resolve_meaning("看", "watch TV", database).prompt == "watching TV"
    assert resolve_meaning("表", "watch strap", database).prompt == "watch strap"


def test_a_word_whose_use_is_described_still_has_its_meaning(database: CharacterDatabase) -> None:
    """CC-CEDICT: "(used to describe sb or sth that makes a very strong impression …) terrible"."""
    assert database.senses("厉害")[0] == Sense("lìhai", "terrible")
    assert database.senses("微粒")[0] == Sense("wēilì", "particle")
    assert all(not sense.is_pictured for sense in database.senses("吧")[:1])


def test_a_name_is_not_taken_for_the_word_that_it_is_written_like(database: CharacterDatabase) -> None:
    """老板 is written for 老闆, which is a boss and the brand Lǎobǎn."""
    assert [sense.reading for sense in database.senses("老板")] == ["lǎobǎn", "lǎobǎn", "Lǎobǎn"]


@pytest.mark.parametrize("word", ["吗", "的", "了", "呢", "吧", "着", "分之"])
def test_a_particle_is_pictured_as_written_and_the_result_says_so(database: CharacterDatabase, word: str) -> None:
    meaning = resolve_meaning(word, "", database)
    assert meaning.prompt == WRITTEN
    assert "particle" in (meaning.note or "")
    assert resolve_meaning(word, "a question mark", database).prompt == "a question mark"


def test_a_measure_word_is_pictured_by_what_it_counts(database: CharacterDatabase) -> None:
    assert resolve_meaning("辆", "", database).prompt == "vehicles"
    assert resolve_meaning("条", "", database).prompt == "long thin things"


@pytest.mark.parametrize(
    ("gloss", "phrase"),
    [
        ("to begin", "beginning"),
        ("to forget", "forgetting"),
        ("to control", "controlling"),
        ("to quit smoking", "quitting smoking"),
        ("to panic", "panicking"),
        ("to singe", "singeing"),
        ("to sing", "singing"),
        ("to lie", "lying"),
        ("to see", "seeing"),
        ("to dye", "dyeing"),
        ("to run", "running"),
        ("to be called", "being called"),
        ("to gradually increase", "gradually increasing"),
        ("to and fro", "to and fro"),
        ("to the left", "to the left"),
        ("to", "to"),
        ("house", "house"),
    ],
)
def test_verbs_follow_a_picture_of(database: CharacterDatabase, gloss: str, phrase: str) -> None:
    assert depicted(Sense("", gloss), database) == phrase


@pytest.mark.slow
def test_no_sense_that_comes_first_is_a_stub_or_is_cut_within_a_word(database: CharacterDatabase) -> None:
    """Checked over the whole lexicon."""
    for word in database.words():
        first = database.senses(word)[0]
        assert first.gloss.strip()
        assert not first.gloss.startswith(("CL:", "variant of", "see ", "surname ", "abbr.", "used in "))
        assert len(first.gloss) <= 80


def test_erhua_and_variants_say_what_their_base_says(database: CharacterDatabase) -> None:
    for word, base in (("小孩儿", "小孩"), ("一点儿", "一点"), ("哪儿", "哪里"), ("花儿", "花")):
        assert {sense.gloss for sense in database.senses(word)} & {sense.gloss for sense in database.senses(base)}
    assert database.senses("小孩儿")[0].reading == "xiǎoháir"


@pytest.mark.parametrize("asked", ["zhang", "ZHANG3", "zhǎng", "zhang3 ", "zhāng".replace("ā", "ǎ")])
def test_a_reading_is_known_however_it_is_written(asked: str) -> None:
    assert same_reading(asked, "zhǎng")
    assert not same_reading("zhang4", "zhǎng")
    assert not same_reading("", "zhǎng")


def test_blocks_of_senses_survive_their_encoding() -> None:
    block = {
        "吗": (Sense("ma", "particle", is_pictured=False),),
        "辆": (Sense("liàng", "measure word", counts="cars"),),
    }
    encoded = encode_block(block)
    assert {word: senses_in(encoded, word) for word in words_in(encoded)} == block
    assert senses_in(encoded, "山") == ()
