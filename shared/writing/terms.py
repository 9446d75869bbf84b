"""English terms: the parts of an English sense to look up as something that can be depicted."""

import re
from collections.abc import Iterator

ARTICLE = re.compile(r"^(?:an?|the|some|one's|somebody's) ")
NOTE = re.compile(r"\([^()]*\)|\{[^{}]*\}")
# "a piece of cake" shows cake; "a map of China" shows a map.
MEASURE = re.compile(
    r"^(?:piece|kind|type|sort|lump|sheet|bunch|group|pair|bowl|cup|glass|bottle|slice|set|part|form) of (.+)$"
)
# "to give up" has nothing to do with giving, nor "at present" with presents.
PARTICLE = re.compile(
    r"^(?:up|down|out|off|away|back|over|through|into|onto|on|in|at|by|for|from|of|to|with|about|after|against|around|as|"
    r"along|apart|aside|together|be|one's|without|under|than|because|so|if|when|while|that|sb|sth)\b"
)
SOMEBODY = re.compile(r"\b(?:sb|sth|somebody|something|someone)\b")
# In a longer phrase, the last word says little about the meaning.
MAX_WORDS = 4
# Verbs that mean little without their object.
LIGHT_VERBS = frozenset(
    {"take", "make", "have", "get", "give", "put", "do", "go", "come", "hold", "keep", "set", "be", "let", "turn"}
)
# For a measure word, use only what it counts, as a whole.
COUNTED = re.compile(r"^measure word for (.+)$")
PREPOSITION = re.compile(r" (?:of|in|on|at|with|for|from|to|by|about|under|over|without|who|that|which|used)(?: |$)")
NEGATION = re.compile(r"^(?:not|no|non|without|lack|cannot|never)\b")

# Endings of nouns and verbs, and their replacements (as in WordNet's morphy).
ENDINGS = (
    *(("s", ""), ("ses", "s"), ("xes", "x"), ("zes", "z"), ("ches", "ch"), ("shes", "sh"), ("oes", "o")),
    *(("ies", "y"), ("ves", "f"), ("men", "man")),
)
GERUND_ENDINGS = (("ing", ""), ("ing", "e"))


def terms_of(sense: str) -> tuple[str, ...]:
    """Return the terms by which an English sense may be depicted: all of it, its object or head, and its verb."""
    text = " ".join(NOTE.sub(" ", sense).split()).casefold().strip(" .!?…")
    text = re.split(r"[;,/]| or ", text)[0].strip()
    if not text or NEGATION.match(text):
        return ()
    if counted := COUNTED.match(text):
        return (counted[1],)
    if text.startswith("to "):
        verb, _, rest = text.removeprefix("to ").partition(" ")
        if not rest or PARTICLE.match(rest):
            return (text,)
        return tuple(dict.fromkeys([text, *_heads(rest), *([] if verb in LIGHT_VERBS else [f"to {verb}"])]))
    return tuple(dict.fromkeys([text, *_heads(text)]))


def _heads(phrase: str) -> tuple[str, ...]:
    """Return a noun phrase without its article, and its head."""
    phrase = ARTICLE.sub("", phrase)
    if PARTICLE.match(phrase) or SOMEBODY.search(phrase) or phrase.count(" ") >= MAX_WORDS:
        return (phrase,)
    if measured := MEASURE.match(phrase):
        return (phrase, *_heads(measured[1]))
    core = PREPOSITION.split(phrase, maxsplit=1)[0]
    return (phrase, core, core.rpartition(" ")[2])


def base_forms(term: str) -> Iterator[str]:
    """Yield a term unchanged, then its possible dictionary forms: "dog" for "dogs", "to study" for "studying"."""
    yield term
    if term.startswith("to "):
        return
    for ending, base in ENDINGS:
        if term.endswith(ending) and len(term) > len(ending) + 2:
            yield term.removesuffix(ending) + base
    gerund, _, rest = term.partition(" ")
    for ending, base in GERUND_ENDINGS:
        if gerund.endswith(ending) and len(gerund) > len(ending) + 2:
            yield f"to {gerund.removesuffix(ending)}{base} {rest}".rstrip()
    if re.search(r"(.)\1ing$", gerund):
        yield f"to {gerund[:-4]} {rest}".rstrip()
