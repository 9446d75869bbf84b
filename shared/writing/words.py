"""The rules for valid words, and the resolution of their meanings.

The schema checks the characters (`normalise_word`). The API and the workers check that they can be drawn
(`check_coverage`), and find the English meaning that steers the picture (`resolve_meaning`) and the motifs that depict
it (`resolve_imagery`).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

from shared.errors import InvalidWord, TranslationRequired, UnknownImagery, UnknownReading, UnsupportedCharacter
from shared.writing.characters import CharacterDatabase
from shared.writing.clusters import clusters
from shared.writing.dictionary import Dictionary
from shared.writing.encodings import misread_east_asian
from shared.writing.english import (
    clean_sense,
    english_part,
    has_foreign_article,
    is_english,
    is_latin,
    read_translation,
    why_empty,
    without_marks,
)
from shared.writing.fonts import FontCoverage, font_of
from shared.writing.imagery import Imagery
from shared.writing.kana import same_kana
from shared.writing.language import Language, TranslationLanguage
from shared.writing.lexicon import Sense
from shared.writing.motif import ImageryMode
from shared.writing.normalise import describe, normalise_word
from shared.writing.phrases import phrase_of
from shared.writing.pinyin import same_reading
from shared.writing.readings import reading_meant, usual_reading
from shared.writing.scripts import HINT
from shared.writing.terms import NOTE, SEPARATOR

__all__ = [
    "Meaning",
    "MeaningSource",
    "check_coverage",
    "depicted",
    "imagery_of",
    "no_motif",
    "normalise_word",
    "resolve_imagery",
    "resolve_meaning",
    "senses_read",
]

MeaningSource = Literal["request", "lexicon"]


SAME_READING: Final = {Language.CHINESE: same_reading, Language.JAPANESE: same_kana}

# A longer text that looks like English is of no other language.
LONGEST_ALIKE: Final = 2
# What glosses of one meaning may begin with.
SMALL: Final = re.compile(r"^(?:to be|to|an?|the) ")

# The picture for a word without a meaning that can be pictured (a particle): the written word itself.
WRITTEN: Final = "a page of calligraphy"


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a word means.

    Attributes:
        display: the meaning to show to the learner: as given in the request, in any script, or the lexicon's sense.
        prompt: the English meaning that steers the picture.
        source: where `prompt` comes from.
        language: the language that the word was looked up in.
        reading: the word's reading in this sense, in pinyin or kana; None if the lexicon does not know it, or if the
            translation does not show which of several readings is meant.
        note: why the request's translation was not used, or why the picture shows no meaning.
        depictable: the English text by which imagery is looked up: the request's translation, or the lexicon's sense;
            "" if nothing depicts it.
        keyword: the Chinese word that depicts it, where that is not the word itself but its translation: "letter" with
            信 is an envelope, with 字母 one of the alphabet.
    """

    display: str
    prompt: str
    source: MeaningSource
    language: Language
    reading: str | None = None
    note: str | None = None
    depictable: str = ""
    keyword: str = ""


def check_coverage(word: str, database: CharacterDatabase, fonts: Sequence[FontCoverage]) -> None:
    """Check that every grapheme cluster can be drawn, and that the word was decoded with the right encoding.

    Raises:
        InvalidWord: it seems to be a word of the lexicon that was decoded with the wrong encoding.
        UnsupportedCharacter: neither the stroke data nor a font has some characters, or no font can shape them; names
            the characters.
    """
    meant = misread_east_asian(word, lambda text: bool(database.listed(text)))
    if meant is not None:
        raise InvalidWord(f"the word {word!r} seems to be {meant!r}: {HINT}", field="word")
    missing = [
        cluster
        for cluster in dict.fromkeys(clusters(word.replace(" ", "")))
        if not database.has_strokes(cluster) and font_of(cluster, fonts) is None
    ]
    if missing:
        names = ", ".join(_name(cluster, fonts) for cluster in missing)
        hint = "docs/reference/words.md lists the scripts; a font in the setting `fonts` adds one"
        raise UnsupportedCharacter(f"neither the stroke data nor a font has {names}; {hint}", field="word")


def _name(cluster: str, fonts: Sequence[FontCoverage]) -> str:
    lacking = [character for character in cluster if not any(character in font.advances for font in fonts)]
    names = " and ".join(map(describe, lacking or cluster))
    return names if lacking else f"the contextual forms of {names}"


def resolve_meaning(
    word: str,
    translation: str,
    database: Dictionary,
    reading: str = "",
    translation_language: TranslationLanguage = "auto",
    *,
    abroad: Sequence[Dictionary] = (),
) -> Meaning:
    """Return a word's meaning: the translation as far as it is English, otherwise the lexicon's most likely sense.

    The text encoders read English. A translation in another language chooses the sense that it has in common with the
    word: 배 with "Birne" is a pear, and 毒药 with "Gift" poison. Otherwise it is used for display only, unless the word
    is unknown and nothing else could steer; a word that is English itself may do so. A translation without
    meaning, such as "-" or "n/a", counts as missing. If it equals a gloss of the lexicon, as suggested by the page, it
    steers like the lexicon's own sense. A particle has no meaning that a picture could show, so the written word is
    pictured.

    Args:
        word: the word in normal form.
        translation: the translation as given in the request.
        database: the lexicon of the word's language.
        reading: the reading in pinyin or kana that selects the word's senses; "" for any.
        translation_language: as a request gives it.
        abroad: the dictionaries of the languages but English that the translation may be of.

    Raises:
        UnknownReading: the word does not have this reading.
        TranslationRequired: neither the request nor the lexicon gives the meaning in English.
    """
    senses = senses_read(word, reading, database)
    shown = read_translation(translation)
    known = next((sense for sense in senses if sense.gloss == shown and sense.is_pictured), None)
    if known is not None:
        phrase, spoken = depicted(known, database), known.reading or None
        return Meaning(shown, phrase, "request", database.language, spoken, depictable=depictable(known))
    unused = why_empty(shown)
    given = shown if unused is None else ""
    steering = _steering(given, translation_language)
    if (meant := _sense_meant(given, steering, senses, abroad)) is not None:
        phrase, spoken = depicted(meant, database), meant.reading or None
        return Meaning(shown, phrase, "request", database.language, spoken, depictable=depictable(meant))
    if steering:
        phrase, spoken = phrase_of(clean_sense(steering), senses, database), reading_meant(steering, senses) or None
        return Meaning(shown, phrase, "request", database.language, spoken, depictable=steering)
    if not senses:
        return _of_unknown(word, given, unused, database, abroad)
    if given and translation_language not in {"auto", "en"}:
        unused = f"{given!r} is in another language than English, so the lexicon's meaning steers the picture"
    elif given and is_latin(given):
        unused = f"{given!r} does not seem to be English, so the lexicon's meaning steers the picture"
    meaning = _of_lexicon(senses[0], given, unused, database)
    return replace(meaning, reading=usual_reading(senses) or None) if given else meaning


def _steering(translation: str, language: TranslationLanguage) -> str:
    """Return the part of a translation that is English; "" if none is."""
    if language == "auto":
        return english_part(translation)
    return without_marks(translation) if language == "en" else ""


def _sense_meant(translation: str, english: str, senses: Sequence[Sense], abroad: Sequence[Dictionary]) -> Sense | None:
    """Return the sense that a translation in another language has in common with a word; None if it is English, too.

    Args:
        translation: the translation.
        english: its English part.
        senses: the word's.
        abroad: as of `resolve_meaning`.
    """
    by_key = {_key(sense.gloss): sense for sense in reversed(senses) if sense.is_pictured}
    is_told = len(english.split()) > LONGEST_ALIKE or any(_key(part) in by_key for part in SEPARATOR.split(english))
    if not by_key or is_told:
        return None
    glosses = (gloss for dictionary in abroad for gloss in dictionary.meanings(translation))
    return next((by_key[key] for key in map(_key, glosses) if key in by_key), None)


def _key(gloss: str) -> str:
    """Return what two glosses of one meaning have in common: "learn" of "to learn", "dog" of "a dog (animal)"."""
    return SMALL.sub("", NOTE.sub("", gloss).strip().casefold())


def _of_unknown(
    word: str, given: str, unused: str | None, database: Dictionary, abroad: Sequence[Dictionary]
) -> Meaning:
    """Return the meaning of a word that the lexicon does not know.

    Args:
        word: the word in normal form.
        given: a translation that is not known to be English; "" without one.
        unused: why the request's translation does not count.
        database: the lexicon.
        abroad: as of `resolve_meaning`.

    Raises:
        TranslationRequired: neither the translation nor the word itself can steer.
    """
    if (told := _told_abroad(word, given, abroad)) is not None:
        gloss, keyword = told
        phrase = phrase_of(gloss, (), database)
        return Meaning(given, phrase, "request", database.language, depictable=gloss, keyword=keyword)
    is_latin_given = bool(given) and is_latin(given)
    # Of a Latin translation that is not known to be English, only an article shows that it is not.
    if len(word) > 1 and is_english(word) and (not is_latin_given or has_foreign_article(given)):
        note = f"{word!r} is taken as English; if it is of another language, give its meaning in English"
        return Meaning(given or word, word, "request", database.language, note=note, depictable=word)
    if is_latin_given:
        return Meaning(given, given, "request", database.language)
    if given:
        unused = f"the picture is steered in English, but {given!r} is in another script"
    reason = f"{unused}, and the" if unused else "the"
    needed = "give its meaning in English in `translation`"
    if is_latin(word) and database.language is Language.CHINESE:
        needed += ", or its language in `language`"
    raise TranslationRequired(f"{reason} lexicon does not know {word!r}; {needed}", field="translation")


def _told_abroad(word: str, translation: str, abroad: Sequence[Dictionary]) -> tuple[str, str] | None:
    """Return what a translation in another language means in English, and the translation if it is a Chinese word.

    That is the word itself if it is English. Otherwise all languages that know the translation must agree.

    Args:
        word: the word.
        translation: the translation.
        abroad: as of `resolve_meaning`.
    """
    found = {dictionary: glosses for dictionary in abroad if (glosses := dictionary.meanings(translation))}
    for dictionary, glosses in found.items():
        alike = next((gloss for gloss in glosses if _key(gloss) == _key(word)), None)
        if alike is not None or len({glosses[0] for glosses in found.values()}) == 1:
            keyword = translation if dictionary.language is Language.CHINESE else ""
            return alike or glosses[0], keyword
    return None


def senses_read(word: str, reading: str, database: Dictionary) -> tuple[Sense, ...]:
    """Return a word's senses with a reading; "" matches any reading.

    Raises:
        UnknownReading: the word has no sense with this reading.
    """
    senses = database.senses(word)
    if not reading:
        return senses
    if database.language not in SAME_READING:
        known = "readings are known of Chinese and Japanese words only, so leave the reading out"
        raise UnknownReading(f"the reading {reading!r} of {word!r} cannot be checked: {known}", field="reading")
    is_same = SAME_READING[database.language]
    chosen = tuple(sense for sense in senses if is_same(reading, sense.reading))
    if not chosen:
        there = ", ".join(dict.fromkeys(sense.reading for sense in senses))
        lexicon = f"the {database.language.name.title()} lexicon"
        known = f"its readings are {there}" if there else f"{lexicon} does not know the word, so leave the reading out"
        raise UnknownReading(f"{word!r} does not have the reading {reading!r}; {known}", field="reading")
    return chosen


def resolve_imagery(
    word: str, meaning: Meaning, asked: ImageryMode | Sequence[str], imagery: Imagery
) -> tuple[str, ...]:
    """Return the names of the motifs that depict a word: those requested, or those of its meaning, best first.

    Args:
        word: the word in normal form.
        meaning: the word's meaning.
        asked: "auto", "none", or motif names.
        imagery: the available motifs.

    Raises:
        UnknownImagery: a name does not match any motif.
    """
    if asked == "none":
        return ()
    if asked == "auto":
        language = Language.CHINESE if meaning.keyword else meaning.language
        return _depicting(meaning.keyword or word, meaning.depictable, language, imagery)
    return tuple(_motif(name, imagery) for name in asked)


def _motif(name: str, imagery: Imagery) -> str:
    found = imagery.find(name)
    if found is None:
        raise UnknownImagery(no_motif(name, imagery), field="imagery")
    return found


def no_motif(name: str, imagery: Imagery) -> str:
    """Return the error message for a name that does not match any motif."""
    nearest = ", ".join(imagery.nearest(name))
    hint = f"the nearest are {nearest}" if nearest else "/api/writing/imagery lists all"
    return f"there is no motif {name!r}; {hint}"


def imagery_of(word: str, sense: Sense, language: Language, imagery: Imagery) -> tuple[str, ...]:
    """Return the names of the motifs that depict a sense of a word, best first; () for a particle."""
    return _depicting(word, depictable(sense), language, imagery)


def _depicting(word: str, sense: str, language: Language, imagery: Imagery) -> tuple[str, ...]:
    # The motifs' keywords are Chinese: to them, the Japanese 手紙, a letter, is toilet paper.
    return imagery.for_word(word, sense, has_keywords=language is Language.CHINESE) if sense else ()


def depictable(sense: Sense) -> str:
    """Return the part of a sense that can be depicted: its gloss, or what a measure word counts; "" for a particle."""
    return (sense.counts or sense.gloss) if sense.is_pictured else ""


def depicted(sense: Sense, database: Dictionary) -> str:
    """Return a sense as a phrase that can follow "a picture of": "to learn a trade" becomes "learning a trade"."""
    if not sense.is_pictured:
        return WRITTEN
    if sense.counts:
        return sense.counts
    return phrase_of(sense.gloss, (), database)


def _of_lexicon(sense: Sense, shown: str, unused: str | None, database: Dictionary) -> Meaning:
    spoken = sense.reading or None
    if not sense.is_pictured:
        note = f"the word is a particle ({sense.gloss}): no picture can show it, so it is drawn as written"
        return Meaning(shown or sense.gloss, WRITTEN, "lexicon", database.language, spoken, note)
    phrase = depicted(sense, database)
    return Meaning(shown or sense.gloss, phrase, "lexicon", database.language, spoken, unused, depictable(sense))
