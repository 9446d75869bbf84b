"""What a word may be, and what it means.

The schema checks the characters (`normalise_word`), the API and the workers check that they can be drawn
(`check_coverage`) and find the English meaning that steers the picture (`resolve_meaning`).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from shared.characters import CharacterDatabase
from shared.errors import TranslationRequired, UnsupportedCharacter
from shared.fonts import FontCoverage, font_of
from shared.writing.clusters import clusters
from shared.writing.english import is_latin, read_translation, why_empty
from shared.writing.normalise import describe, normalise_word

__all__ = ["Meaning", "MeaningSource", "as_noun", "check_coverage", "normalise_word", "resolve_meaning"]

MeaningSource = Literal["request", "lexicon"]


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a word means.

    Attributes:
        display: the meaning to show to the learner, as the request gave it, in any script.
        prompt: the English meaning that steers the picture.
        source: where `prompt` comes from.
        note: why the request's translation was not used, if it says nothing.
    """

    display: str
    prompt: str
    source: MeaningSource
    note: str | None = None


def check_coverage(word: str, database: CharacterDatabase, fonts: Sequence[FontCoverage]) -> None:
    """Check that every grapheme cluster can be drawn.

    Raises:
        UnsupportedCharacter: names the characters that neither the stroke data nor a font has, or that no font can
            shape.
    """
    missing = [
        cluster
        for cluster in dict.fromkeys(clusters(word.replace(" ", "")))
        if not database.has_strokes(cluster) and font_of(cluster, fonts) is None
    ]
    if missing:
        names = ", ".join(_name(cluster, fonts) for cluster in missing)
        raise UnsupportedCharacter(f"neither the stroke data nor a font has {names}", field="word")


def _name(cluster: str, fonts: Sequence[FontCoverage]) -> str:
    lacking = [character for character in cluster if not any(character in font.advances for font in fonts)]
    names = " and ".join(map(describe, lacking or cluster))
    return names if lacking else f"the forms of {names} in this place"


def resolve_meaning(word: str, translation: str, database: CharacterDatabase) -> Meaning:
    """Return a word's meaning: the translation if it is in Latin letters, else the lexicon's first gloss.

    The text encoders read English. A translation in another script is kept for display only. One that says nothing,
    such as "-" or "n/a", counts as not given. One that is a gloss of the lexicon, as the page suggests them, steers as
    the lexicon's own would.

    Raises:
        TranslationRequired: neither the request nor the lexicon says it in English.
    """
    shown = read_translation(translation)
    glosses = database.glosses(word)
    if shown in glosses:
        return Meaning(shown, as_noun(shown), "request")
    unused = why_empty(shown)
    if unused is None and shown and is_latin(shown):
        return Meaning(shown, shown, "request")
    if glosses:
        gloss = as_noun(glosses[0])
        return Meaning(shown if shown and unused is None else gloss, gloss, "lexicon", unused)
    if unused is None and shown:
        unused = f"the picture is steered in English: {shown!r} is in another script"
    reason = f"{unused}, and the" if unused else "the"
    raise TranslationRequired(
        f"{reason} lexicon does not know {word!r}; say in `translation` what it means, in English", field="translation"
    )


def as_noun(gloss: str) -> str:
    """Return a gloss so that it can follow "a picture of": "to learn a trade" becomes "learning a trade"."""
    if not gloss.startswith("to "):
        return gloss
    verb, _, rest = gloss.removeprefix("to ").partition(" ")
    if verb.endswith("ie"):
        stem = verb[:-2] + "y"
    elif verb.endswith("e") and not verb.endswith(("ee", "oe", "ye")) and verb != "be":
        stem = verb[:-1]
    elif re.fullmatch(r"[^aeiou]*[aeiou][^aeiouwxy]", verb):  # one short syllable: run, running
        stem = verb + verb[-1]
    else:
        stem = verb
    return f"{stem}ing {rest}".rstrip()
