from itertools import pairwise

import pytest

from shared.writing.clusters import clusters
from shared.writing.hyphenation import LEAST_PART, divisions


def parts(word: str) -> list[str]:
    written = clusters(word)
    bounds = [0, *divisions(written), len(written)]
    return ["".join(written[start:end]) for start, end in pairwise(bounds)]


@pytest.mark.parametrize(
    "divided",
    [
        "Kran-ken-ver-si-che-rung",
        "Rechts-schutz-ver-si-che-rung",
        "Geschwin-dig-keits-be-gren-zung",
        "Stra-ßen-bahn-hal-tes-telle",
        "дос-то-при-ме-ча-тель-ность",
        "про-грам-ми-ро-ва-ние",
        "inter-na-tio-na-li-sa-tion",
        "des-co-no-ci-mien-tos",
        "ηλεκ-τροεγ-κε-φα-λο-γρά-φημα",
        "epä-jär-jes-tel-mäl-li-syys",
    ],
)
def test_a_long_word_is_divided_between_its_syllables(divided: str) -> None:
    assert parts(divided.replace("-", "")) == divided.split("-")


@pytest.mark.parametrize(
    "word",
    [
        *("refrigerator", "school", "山", "", "Kran-ken"),  # short
        *("1234567890123456", "brzkmnstvwxbrzkmn"),  # no syllables
        # Scripts that are set in one line. Divided, they would be accepted, but drawn in a line of tiny letters.
        *("الاستقلالية الوطنية", "สวัสดีครับสวัสดีครับ", "בית-ספר-לאומנויות-חדש", "كتاب-مدرسة-جامعة-طالب"),
        *("สวัสดีครับ-สวัสดีครับ", "שלום-international-עולם"),
    ],
)
def test_other_words_are_not_divided(word: str) -> None:
    assert parts(word) == [word]


def test_a_word_may_be_divided_after_its_own_hyphens() -> None:
    assert parts("Mund-Nasen-Schutz") == ["Mund-", "Nasen-", "Schutz"]
    assert parts("Mund–Nasen–Schutz") == ["Mund–", "Nasen–", "Schutz"]
    assert parts("COVID-19-Schutzimpfung")[0] == "COVID-19-"
    assert parts("123456-1234567") == ["123456-1234567"]


def test_a_letter_with_accents_is_one() -> None:
    assert parts("o\u0323\u0300" + "no\u0323\u0300" * 12)[1:-1] == ["no\u0323\u0300"] * 9


def test_each_side_keeps_enough_letters() -> None:
    for word in ("Krankenversicherung", "aaaaaaaaaaaaabaa", "internationalisation"):
        assert all(len(part) >= LEAST_PART for part in (parts(word)[0], parts(word)[-1]))
