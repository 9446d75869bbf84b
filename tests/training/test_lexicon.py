import pytest

from shared.writing.dictionaries import Dictionaries
from shared.writing.language import Language
from shared.writing.pinyin import same_reading
from training.lexicon import tone_marks


@pytest.mark.parametrize(
    ("numbered", "marked"),
    [
        ("zhang3", "zhǎng"),
        ("xue2 xi2", "xuéxí"),
        ("nu:3 er2", "nǚ'ér"),
        ("lu:e4", "lüè"),
        ("jiu3", "jiǔ"),
        ("gui4", "guì"),
        ("hao3", "hǎo"),
        ("dou1", "dōu"),
        ("ma5", "ma"),
        ("yi1 dian3 r5", "yīdiǎnr"),
        ("Bei3 jing1", "Běijīng"),
        ("xi1 an1", "xī'ān"),
        ("san1 C", "sān C"),
        ("T xu4", "T xù"),
        ("ka3 la1 O K", "kǎlā OK"),
        ("Mao2 Ze2 dong1", "Máo Zédōng"),
        ("Tian1 an1 men2 Guang3 chang3", "Tiān'ānmén Guǎngchǎng"),
        ("He2 nei4 , Yue4 nan2", "Hénèi, Yuènán"),
        ("Ka3 er3 · Ma3 ke4 si1", "Kǎ'ěr·Mǎkèsī"),
        ("m2", "m"),
    ],
)
def test_numbered_syllables_get_tone_marks(numbered: str, marked: str) -> None:
    assert tone_marks(numbered) == marked


@pytest.mark.parametrize(
    ("word", "reading", "spelt"),
    [("正", "zheng1", "zhēng"), ("系", "jì", "jì"), ("长江", "changjiang", "Cháng Jiāng"), ("别", "biè", "biè")],
)
def test_a_rare_reading_is_known_and_names_are_divided(
    dictionaries: Dictionaries, word: str, reading: str, spelt: str
) -> None:
    senses = dictionaries[Language.CHINESE].senses(word)
    assert next(sense.reading for sense in senses if same_reading(reading, sense.reading)) == spelt


@pytest.mark.parametrize(("traditional", "simplified"), [("幾", "几"), ("會", "会"), ("關", "关"), ("發火", "发火")])
def test_a_corrected_word_is_corrected_in_both_scripts(
    traditional: str, simplified: str, dictionaries: Dictionaries
) -> None:
    senses = dictionaries[Language.CHINESE].senses
    assert senses(traditional)[0] == senses(simplified)[0]


@pytest.mark.parametrize(("dialectal", "standard"), [("咋", "怎么"), ("啥", "什么"), ("为啥", "为什么")])
def test_a_dialectal_word_has_the_senses_of_what_it_stands_for(
    dialectal: str, standard: str, dictionaries: Dictionaries
) -> None:
    senses = dictionaries[Language.CHINESE].senses
    assert senses(dialectal)[0].gloss == senses(standard)[0].gloss
