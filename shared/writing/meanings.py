"""The meaning of a word as a request gives it, from its dictionary, its translation, and the translation's."""

from dataclasses import replace

from shared.errors import TranslationRequired
from shared.writing.dictionaries import Dictionaries
from shared.writing.language import LanguageChoice, TranslationLanguage
from shared.writing.words import Meaning, resolve_meaning


def find_meaning(
    word: str,
    translation: str,
    dictionaries: Dictionaries,
    *,
    reading: str = "",
    language: LanguageChoice = "auto",
    translation_language: TranslationLanguage = "auto",
) -> Meaning:
    """Return a word's meaning.

    Args:
        word: the word in normal form.
        translation: as a request gives it, like the others.
        dictionaries: of all languages.
        reading: selects the word's senses; "" for any.
        language: the word's.
        translation_language: the translation's.

    Raises:
        UnknownReading: the word does not have this reading.
        TranslationRequired: neither the request nor a dictionary gives the meaning in English.
    """
    database = dictionaries.of(word, language, reading)
    abroad = dictionaries.of_translation(translation, translation_language)
    try:
        return resolve_meaning(word, translation, database, reading, translation_language, abroad=abroad)
    except TranslationRequired:
        known = dictionaries.that_know(word) if language == "auto" else []
        if len({one.senses(word)[0].gloss for one in known}) != 1:
            raise
        meaning = resolve_meaning(word, translation, known[0], reading, translation_language, abroad=abroad)
        languages = " or ".join(one.language.name.title() for one in known)
        return replace(meaning, note=f"{word!r} is taken as {languages}; if it is of another, name that in `language`")
