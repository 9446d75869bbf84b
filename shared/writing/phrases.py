"""Meanings as phrases that can follow "a picture of": "to learn a trade" becomes "learning a trade"."""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from shared.writing.dictionary import Dictionary
from shared.writing.english import vocabulary
from shared.writing.lexicon import Sense
from shared.writing.terms import NOTE, PARTICLE, SEPARATOR

# Where one alternative of a meaning ends; what is in brackets is not divided.
BETWEEN: Final = re.compile(rf"(\s*(?:{SEPARATOR.pattern})\s*| (?:and|or) )(?![^()]*\))")
# How dictionaries shorten senses; the text encoders know the words.
ABBREVIATED: Final = {
    re.compile(r"\b(?:sb|smb|s\.o|s/o)\b\.?"): "somebody",
    re.compile(r"\b(?:sth|smth|s\.th|s/t)\b\.?"): "something",
    re.compile(r"^(?:lit|fig)\. "): "",
}
CONJUNCTIONS: Final = (" and ", " or ")
# Verbs that end like adverbs: "to fly a kite".
VERBS_IN_LY: Final = (
    "ally", "apply", "bully", "comply", "dally", "fly", "imply", "multiply", "ply", "rally", "rely", "reply", "sully",
    "supply", "tally",
)  # fmt: skip
# What stands before a verb of two words: "to ice skate".
PARTS_BEFORE: Final = {
    "check": "double|spot", "clean": "dry", "click": "double", "dance": "belly|line|tap", "dry": "air|blow",
    "feed": "bottle|breast", "fry": "deep|pan|quick|stir", "jump": "bungee|high|long", "shop": "window",
    "skate": "figure|ice|roller", "ski": "water", "type": "touch", "wash": "hand|machine", "write": "ghost",
}  # fmt: skip
_ADVERB = rf"(?!(?:{'|'.join(VERBS_IN_LY)}) )[a-z]+ly "
_PART = "|".join(rf"(?:{parts}) (?={verb}\b)" for verb, parts in PARTS_BEFORE.items())
# The verb after what may stand before it: "(of prices) to rapidly rise", "to double-click".
INFINITIVE: Final = re.compile(
    r"(?P<note>(?:\([^()]*\) )?)[Tt]o "
    rf"(?P<before>(?:not |never |always |{_ADVERB}|{_PART}|\([^()]*\) |[a-z]+-)*)"
    r"(?P<verb>[a-z]+)(?P<rest>(?:[^\w'’-].*)?)"
)
# Verbs that are not nouns, too, and so need no "to" to be known.
PLAIN_VERBS: Final = frozenset({
    "agree", "apologize", "appear", "arrive", "ask", "bake", "be", "become", "begin", "believe", "belong", "borrow",
    "bring", "buy", "carry", "choose", "collect", "come", "create", "decide", "describe", "destroy", "discuss", "eat",
    "enter", "explain", "forget", "get", "give", "grow", "happen", "have", "hear", "improve", "introduce", "invite",
    "keep", "know", "learn", "lend", "let", "listen", "lose", "make", "marry", "obey", "pour", "pray", "prefer",
    "prepare", "protect", "put", "read", "receive", "refuse", "remember", "say", "sell", "send", "sew", "sing", "sit",
    "solve", "speak", "spend", "steal", "suffer", "sweep", "take", "teach", "tell", "think", "throw", "translate",
    "understand", "want", "wear", "weep", "write",
})  # fmt: skip
# "Give me the bill" is said, not shown.
SAID: Final = re.compile(r"(?:me|us|you)\b")
DETERMINER: Final = re.compile(r"(?:an?|the|one's|my|your|his|her|its|our|their) ")
# What follows "to", or stands before "the", without being a verb there.
NOT_VERBS: Final = frozenset({
    "bed", "but", "class", "her", "his", "home", "like", "near", "not", "past", "round", "school", "the", "till",
})  # fmt: skip
# What a verb ends with whose last letter may double.
ONE_VOWEL: Final = re.compile(r"[^aeiou][aeiou][^aeiou]$")
# "Us" and "in" look like verbs: using, inning.
SHORTEST_VERB: Final = 3


def phrase_of(meaning: str, senses: Sequence[Sense], database: Dictionary) -> str:
    """Return a meaning with its verbs as gerunds: "to bring / to carry" becomes "bringing, carrying".

    Without "to", only what cannot be a noun is taken for a verb.

    Args:
        meaning: the English meaning.
        senses: the word's senses, which show its verbs; () if it is one of them.
        database: the lexicon with the gerunds.
    """
    meaning = _spelt_out(meaning)
    divided = BETWEEN.split(meaning)
    parts, marks = divided[::2], divided[1::2]
    infinitives: list[str] = []
    for mark, part in zip(["", *marks], parts, strict=True):
        before = infinitives[-1] if infinitives else ""
        is_verb = _continues(before, mark, part, database) or (
            _is_bare_verb(part, senses, database) and (mark not in CONJUNCTIONS or _is_clause(before))
        )
        infinitives.append(f"to {part}" if is_verb else part)
    phrases = [_with_gerund(text, database) or part for text, part in zip(infinitives, parts, strict=True)]
    if phrases == parts:
        return meaning
    between = [mark if mark in CONJUNCTIONS else ", " for mark in marks]
    return "".join(text for pair in zip(["", *between], phrases, strict=True) for text in pair)


def _spelt_out(meaning: str) -> str:
    for short, whole in ABBREVIATED.items():
        meaning = short.sub(whole, meaning)
    return meaning


def _is_bare_verb(part: str, senses: Sequence[Sense], database: Dictionary) -> bool:
    """Return whether a part begins with a verb: "teach", "play the piano", and "drink tea" of a word for drinking."""
    verb, _, rest = part.partition(" ")
    if verb in NOT_VERBS or PARTICLE.match(verb + " ") or SAID.match(rest):
        return False
    if verb in PLAIN_VERBS or (DETERMINER.match(rest) and database.gerund(verb)):
        return True
    glosses = {sense.gloss for sense in senses}
    return bool(rest) and verb not in glosses and any(f"{gloss} ".startswith(f"to {verb} ") for gloss in glosses)


def _continues(before: str, mark: str, part: str, database: Dictionary) -> bool:
    """Return whether a part goes on from a verb without an object: "lend money" from "to borrow" and a slash."""
    infinitive = INFINITIVE.fullmatch(before)
    verb, _, rest = part.partition(" ")
    if infinitive is None or database.gerund(verb) is None or not _is_particle(infinitive["rest"]):
        return False
    return mark in {"/", *CONJUNCTIONS} or _is_particle(rest)


def _is_clause(text: str) -> bool:
    """Return whether a text is one infinitive, so that what follows an "and" goes on from it."""
    infinitive = INFINITIVE.fullmatch(text)
    return infinitive is not None and " to " not in infinitive["rest"]


def _is_particle(text: str) -> bool:
    text = NOTE.sub("", text).strip()
    return not text or (" " not in text and PARTICLE.match(text) is not None)


def _with_gerund(text: str, database: Dictionary) -> str | None:
    infinitive = INFINITIVE.fullmatch(text)
    if infinitive is None or (gerund := database.gerund(infinitive["verb"]) or _gerund(infinitive["verb"])) is None:
        return None
    return f"{infinitive['note']}{infinitive['before']}{gerund}{infinitive['rest']}"


def _gerund(verb: str) -> str | None:
    """Return the -ing form of a verb that the lexicon lacks; None if English has no such word."""
    if len(verb) < SHORTEST_VERB or verb in NOT_VERBS or PARTICLE.match(verb):
        return None
    return next((form for form in _forms(verb) if form in vocabulary()), None)


def _forms(verb: str) -> Iterator[str]:
    """Yield what may be a verb's -ing form: lying, swiping, emailing, babysitting, picnicking."""
    if verb.endswith("ie"):
        yield f"{verb[:-2]}ying"
    elif verb.endswith("e"):
        yield f"{verb[:-1]}ing"
    elif verb.endswith("c"):
        yield f"{verb}king"
    elif ONE_VOWEL.search(verb):
        yield f"{verb}{verb[-1]}ing"
    yield f"{verb}ing"
