"""Headwords: the forms under which a dictionary lists a word that a learner's list has with an article or marks."""

import re
from collections.abc import Iterator, Mapping
from typing import Final

from shared.writing.language import Language

# Marks around a word in a sentence or a title. The wave dash of 〜人 is none: it makes the word a suffix.
MARKS: Final = " !?.,;:…¡¿！？。．，、；：「」『』《》〈〉“”‘’«»\"'"

# What textbooks add to a headword, and dictionaries leave out: articles, reflexive pronouns, classifiers.
ADDED: Final[Mapping[Language, re.Pattern[str]]] = {
    language: re.compile(pattern, re.IGNORECASE)
    for language, pattern in {
        Language.ARABIC: r"^ال(?=\w{2})",
        Language.FRENCH: r"^(?:(?:le|la|les|un|une|des|du|se) |(?:de )?l['’]|s['’])",
        Language.GERMAN: r"^(?:der|die|das|den|ein|eine|sich) ",
        Language.GREEK: r"^(?:ο|η|το|οι|τα|ένας|μια|μία|ένα) ",
        Language.HEBREW: r"^ה(?=\w{2})",
        Language.ITALIAN: r"^(?:(?:il|lo|la|i|gli|le|un|uno|una|degli|dei|delle) |(?:un|l)['’])",
        Language.POLISH: r" się$",
        Language.PORTUGUESE: r"^(?:o|a|os|as|um|uma|uns|umas) |(?<=[aei]r)-se$",
        Language.SPANISH: r"^(?:el|la|los|las|un|una|unos|unas) |(?<=[aeií]r)se$",
        Language.CZECH: r" (?:se|si)$",
        Language.VIETNAMESE: r"^(?:con|cái|chiếc|quả|trái|cây|quyển|cuốn|bông|bức|ngôi) ",
    }.items()
}
REFLEXIVE_ENDING: Final = {Language.ITALIAN: (re.compile(r"(?<=[aei]r)si$"), "e")}
# What keyboards lack, and dictionaries write: "œil" for "oeil".
LIGATURES: Final = {Language.FRENCH: [("oe", "œ")]}
# "amigo/a", "médico, -a"
OTHER_GENDER: Final = re.compile(r"(?:/-?|, ?-)\w{1,4}$")
# Marks that learners' books write and dictionaries do not: vowels of Arabic and Hebrew, the stress of Cyrillic.
POINTING: Final = re.compile("[\u064b-\u0652\u0670\u0640\u0591-\u05c7]|(?<=[\u0400-\u04ff])[\u0300\u0301]")


def headwords(word: str, language: Language) -> Iterator[str]:
    """Yield the forms under which a language's dictionary may list a word, the likeliest first.

    Args:
        word: the word in normal form.
        language: the word's language.
    """
    bare = word.strip(MARKS)
    yield from dict.fromkeys([word, bare])
    if language.has_strokes:
        return
    plain = POINTING.sub("", OTHER_GENDER.sub("", bare))
    shorter = _without_additions(plain, language)
    forms = [plain, shorter, *(shorter.replace(*pair) for pair in LIGATURES.get(language, ()))]
    yield from dict.fromkeys(cased for form in forms for cased in (form, form.lower(), form.capitalize()))


def _without_additions(word: str, language: Language) -> str:
    if language in REFLEXIVE_ENDING:
        ending, infinitive = REFLEXIVE_ENDING[language]
        word = ending.sub(infinitive, word)
    return ADDED[language].sub("", word, count=1) if language in ADDED else word
