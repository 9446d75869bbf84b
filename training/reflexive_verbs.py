"""Reflexive verbs, which Wiktionary lists under the plain verb: Spanish "sentarse" under "sentar"."""

from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType

from shared.writing.language import Language
from training.stardict import Part
from training.wiktionary_glosses import labelled

# How a language writes the reflexive form of a verb.
PATTERNS: Mapping[Language, str] = MappingProxyType(
    {
        Language.CZECH: "{} se",
        Language.FRENCH: "se {}",
        Language.GERMAN: "sich {}",
        Language.POLISH: "{} się",
        Language.PORTUGUESE: "{}-se",
        Language.SPANISH: "{}se",
    }
)
DATIVE = {Language.CZECH: "{} si"}
ELIDED = "s'{}"  # French, before a vowel
VOWELS = tuple("aâeéèêhiîoôuy")

REFLEXIVE = frozenset(
    {"reflexive", "takes a reflexive pronoun", "intransitive or reflexive", "transitive or reflexive"}
)
IN_THE_DATIVE = "used with si"


def reflexive_verbs(entries: Mapping[str, Iterable[Part]], language: Language) -> dict[str, list[Part]]:
    """Return the reflexive forms of verbs with the senses that they have, for languages that write them apart."""
    found: dict[str, list[Part]] = {}
    for verb, parts in entries.items() if language in PATTERNS else ():
        if " " in verb or verb.endswith("se"):  # phrases, and forms that are listed by themselves
            continue
        for pattern, definition in _reflexive_senses(parts, language):
            elided = language is Language.FRENCH and verb.startswith(VOWELS)
            form = (ELIDED if elided else pattern).format(verb)
            found.setdefault(form, []).append(Part("verb", (definition,)))
    return found


def _reflexive_senses(parts: Iterable[Part], language: Language) -> Iterator[tuple[str, str]]:
    for part in parts:
        for definition in part.glosses if part.name == "verb" else ():
            labels, _ = labelled(definition)
            if not labels.isdisjoint(REFLEXIVE):
                pattern = DATIVE.get(language) if IN_THE_DATIVE in labels else None
                yield pattern or PATTERNS[language], definition
