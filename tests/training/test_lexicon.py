import pytest

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
        ("san1 C", "sānC"),
        ("m2", "m"),
    ],
)
def test_numbered_syllables_get_tone_marks(numbered: str, marked: str) -> None:
    assert tone_marks(numbered) == marked
