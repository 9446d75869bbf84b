"""Translations, which give an English meaning, a meaning in another language, or nothing."""

import unicodedata
from functools import lru_cache
from pathlib import Path
from typing import Final

import regex

from shared.writing.encodings import is_lost, misread
from shared.writing.normalise import fold
from shared.writing.scripts import NEUTRAL
from shared.writing.terms import NUMBER, base_forms, plain
from shared.writing.unicode_script import script
from shared.writing.word_classes import without_word_classes
from shared.writing.word_file import read_words

# Placeholders that forms and programs write instead of a missing translation.
PLACEHOLDERS: Final = frozenset({
    "n/a", "n.a", "n.a.", "n\\a", "#n/a", "none", "null", "nil", "todo", "to-do", "tbd", "tba", "tbc", "fixme",
    "undefined", "nan", "placeholder", "xxx",
})  # fmt: skip
FRACTION_SLASH: Final = "\u2044"

# Made by `training/english_words.py`.
WORDS_PATH: Final = Path(__file__).parent / "data" / "english_words.txt"
# A run of letters. Only those of `ORDINARY` letters are words that can be judged, not µm, ºC, or stʌdi.
WORD: Final = regex.compile(r"\p{L}+(?:['’]\p{L}+)*")
ORDINARY: Final = regex.compile(r"[A-Za-zÀ-ÖØ-öø-ɏḀ-ỿ'’]{2,}")
# English words with the accents of the language that they come from.
LOANWORDS: Final = frozenset({
    "café", "cliché", "crème", "crêpe", "décor", "doppelgänger", "éclair", "entrée", "façade", "fiancé", "fiancée",
    "jalapeño", "naïve", "papier-mâché", "piñata", "purée", "résumé", "sauté", "soufflé", "über",
})  # fmt: skip
# Articles of other languages that use Latin letters. What follows one is not English, whatever its words: "le pain".
# English are "die out" (German nouns have a capital), "den of", "en route", "Los Angeles" and "UN".
FOREIGN_ARTICLE: Final = regex.compile(
    r"(?!den of\b|en route\b|en masse\b|los angeles\b|las vegas\b|"
    r"la la\b|et al\b|lo mein\b|(?-i:UN )|de facto\b|de luxe\b)"
    r"(?:d[aeu]s|de[mnrst]?|die(?=\s+(?-i:\p{Lu}))|ein(?:e[mnrs]?)?|el|la|l[aeo]s|un[aeo]?s?|les?|des|il|lo|gli|het|een|e[nt]t?|os|uma?)\s+\p{L}|"
    r"[ld]['’]\p{L}",
    regex.IGNORECASE,
)
# Where a translation into two languages may change from one to the other.
BETWEEN: Final = regex.compile(rf"(?:^|\s){NUMBER}\s|[;,/|=:，、；：／｜()（）【】\[\]{{}}]| [-–—] ")
# A word of another script. The Greek letter of "α wave", a unit's (μm) and the Han character of "A型" are none.
FOREIGN_WORD: Final = regex.compile(
    r"(?<![\w'’-])(?!\p{Greek}(?!\w))[^\W\d_\p{Latin}\p{Common}][^\W\d_\p{Latin}]*(?![\w'’-])"
)
PICTOGRAPHS: Final = regex.compile(r"[\p{Extended_Pictographic}\p{Emoji_Modifier}\ufe0f\u200d]")
LONGEST_ABBREVIATION: Final = 4  # DVD keeps its capitals
# "1. to study 2. to learn"
NEXT_NUMBER: Final = regex.compile(rf"\s{NUMBER}\s")
# What may end a line before the next alternative.
LINE_END: Final = " ;,/|，、；／｜"


def read_translation(translation: str) -> str:
    """Return a translation as one line, in the normal form of words."""
    return " ".join(fold(in_one_line(translation)).split())


def in_one_line(translation: str) -> str:
    """Return a translation of several lines, each with a meaning, as one: "to study; to learn"."""
    *before, last = [" ".join(line.split()) for line in translation.splitlines() if line.strip()] or [""]
    return "; ".join([*(line.rstrip(LINE_END) for line in before), last])


def why_empty(translation: str) -> str | None:
    """Return why a translation gives no meaning; None if it gives one, or is empty.

    A placeholder may be the actual meaning of a word (无: none); the caller must check for that.
    """
    if not translation:
        return None
    if "\ufffd" in translation or "??" in translation or (is_lost(translation) and not _has_letter(translation)):
        return f"the translation {translation!r} has lost characters; send UTF-8"
    if misread(translation) is not None:
        return f"the translation {translation!r} was decoded with the wrong encoding; send UTF-8"
    if translation.casefold().strip("()[]<>{}-_ ") in PLACEHOLDERS:
        return f"the translation {translation!r} is a placeholder"
    if not _has_letter(translation):
        return f"the translation {translation!r} contains no letters"
    return None


def is_latin(text: str) -> bool:
    """Return whether at least half of a text's letters are Latin; units and single Greek letters (α wave) count too."""
    text = regex.sub(r"(?<!\p{Greek})\p{Greek}(?!\p{Greek})", "", text)
    letters = [script(character) for character in text if character.isalpha()]
    counted = [code for code in letters if code not in NEUTRAL]
    return 2 * counted.count("Latn") >= len(counted)


def is_english(text: str) -> bool:
    """Return whether a text in Latin letters is English, judged by its words.

    Of every three words, one may be unknown. Unknown capitalised words, which may be names, do not count. Units, single
    letters and phonetic signs belong to no language, so they alone are English. A word of another script is not.
    """
    if FOREIGN_WORD.search(text):
        return False
    words = [word for word in WORD.findall(text) if ORDINARY.fullmatch(word)]
    if not words:
        return _has_letter(text) and is_latin(text)
    if has_foreign_article(text):
        return False
    known = sum(map(_is_known, words))
    unknown = sum(word[0].islower() and not _is_known(word) for word in words)
    return known > 0 and unknown <= len(words) // 3


def has_foreign_article(text: str) -> bool:
    """Return whether a text begins with an article of another language than English."""
    return FOREIGN_ARTICLE.match(text.strip()) is not None


def english_part(text: str) -> str:
    """Return the English part of a translation: "cat" of "cat кошка" and "le chat, cat"; "" if none is English."""
    text = without_marks(text)
    parts = [part.strip() for part in BETWEEN.split(text) if part.strip()]
    english = [part for part in map(_without_foreign_words, parts) if is_english(part)]
    return text if english == parts else ", ".join(english)


def without_marks(text: str) -> str:
    """Return a translation without pictographs and word classes: "study" of "n. study 📚"."""
    return without_word_classes(" ".join(PICTOGRAPHS.sub(" ", text).split()))


def _without_foreign_words(text: str) -> str:
    """Return a text without its words of other scripts, if words in Latin letters remain."""
    kept = " ".join(FOREIGN_WORD.sub(" ", text).split())
    return kept if any(map(ORDINARY.fullmatch, WORD.findall(kept))) else text


def clean_sense(text: str) -> str:
    """Return an English sense as prompts need it: without the labels of a dictionary, not in capitals.

    "1. To study. 2. To learn" becomes "to study", and "STUDY" becomes "study"; "USA" is not a word of the vocabulary.
    """
    text = NEXT_NUMBER.split(text, maxsplit=1)[0]
    in_lower_case = plain(text)
    if not in_lower_case:
        return text
    start = text.casefold().find(in_lower_case)
    kept = text[start : start + len(in_lower_case)] if start >= 0 else text
    if kept.isupper() and len(kept) > LONGEST_ABBREVIATION and all(map(_is_known, WORD.findall(kept))):
        return kept.casefold()
    return kept[0].lower() + kept[1:] if kept.startswith("To ") else kept


def _is_known(word: str) -> bool:
    """Return whether a word, one of its base forms, or what stands before its apostrophe is English, or a letter."""
    word = word.casefold().replace("’", "'")
    before, _, _ = word.partition("'")
    forms = (form.removeprefix("to ") for form in base_forms(word))
    is_listed = before in vocabulary() or not vocabulary().isdisjoint(forms)
    return is_listed or len(before) == 1 or word in LOANWORDS


@lru_cache(maxsize=1)
def vocabulary() -> frozenset[str]:
    """Return the English words, in all their forms.

    Raises:
        SettingsError: their file cannot be read.
    """
    return frozenset(read_words(WORDS_PATH, "list of English words"))


def _has_letter(text: str) -> bool:
    plain = unicodedata.normalize("NFKC", text)  # № is No, ½ is 1⁄2
    return FRACTION_SLASH in plain or any(map(str.isalpha, plain))
