"""English terms: the parts of an English sense to look up as something that can be depicted."""

import re
from collections.abc import Iterator, Sequence

from shared.writing.plurals import IRREGULAR

ARTICLE = re.compile(r"^(?:an?|the|some|somebody's|my|your|his|her|its|our|their) ")
NOTE = re.compile(r"\(([^()]*)\)|\{([^{}]*)\}|\[([^][]*)\]|（([^（）]*)）|【([^【】]*)】")
QUOTES = str.maketrans("", "", '"“”„«»‹›「」『』')
# What stands before a translation in dictionaries: "1." or "n.".
LABEL = re.compile(r"^(?:\d+[.)]|(?:n|v|vt|vi|adj|adv)\.)(?= |$)")
ONES = re.compile(r"\bone's ")
# What separates translations, also on Chinese and Japanese keyboards.
SEPARATOR = re.compile(r"[;,/|=:，、；：／｜]| [-–—] ")
# In a longer part, a comma may belong to the sense: "attendant on an airplane, train, boat".
LISTED_WORDS = 2
TWO_VERBS = re.compile(r"^to (\w+) (?:and|or) (?:to )?(\w+)( .+)?$")
# "a piece of cake" shows cake; "a map of China" shows a map.
MEASURE = re.compile(
    r"^(?:piece|kind|type|sort|lump|sheet|bunch|group|pair|bowl|cup|glass|bottle|slice|set|part|form) of (.+)$"
)
# "to give up" has nothing to do with giving, nor "at present" with presents.
PARTICLE = re.compile(
    r"^(?:up|down|out|off|away|back|over|through|into|onto|on|in|at|by|for|from|of|to|with|about|after|against|around|as|"
    r"along|apart|aside|together|forward|between|be|without|under|than|because|so|if|when|while|that)\b"
)
# "to go to the beach" shows the beach.
APPROACH = re.compile(
    r"^(?:(?:go|walk|drive|travel|return|listen) to|(?:turn|switch) (?:on|off)|look at|wait for) (.+)$"
)
# An object, or an adverb, without which a verb shows the same.
SAYS_LITTLE = re.compile(r"^(?:sb|sth|somebody|something|someone)(?: (?:to|into|from|for|at) .+)?$|^\w+ly$")
SOMEBODY = re.compile(r"\b(?:sb|sth|somebody|something|someone)\b")
# In a longer phrase, the last word says little about the meaning.
MAX_WORDS = 4
# Verbs that show what happens whatever their object is: "to write a letter" shows writing, "to lose heart" no loss.
VISIBLE_VERBS = frozenset({
    "bake", "bathe", "broadcast", "brush", "buy", "carve", "clap", "climb", "comb", "cook", "count", "cry", "cycle",
    "dance", "dig", "drink", "eat", "embrace", "fish", "fly", "hug", "hunt", "jump", "kick", "kiss", "knit", "laugh",
    "listen", "paint", "photograph", "pray", "read", "ride", "rinse", "sail", "scrub", "sell", "sew", "shave", "sing",
    "sit", "skate", "ski", "sleep", "smile", "speak", "study", "sweep", "swim", "talk", "teach", "think", "travel",
    "walk", "wash", "wear", "weep", "wipe", "work", "write",
})  # fmt: skip
# Verbs that mean little without their object.
LIGHT_VERBS = frozenset({"be", "come", "do", "get", "give", "go", "have", "let", "make", "put", "take", "try"})
# "To lose one's job" is not shown by a job.
CONTRARY = frozenset({"avoid", "ban", "dismiss", "lack", "lose", "miss", "quit", "refuse", "remove", "stop"})
# For a measure word, use only what it counts, as a whole.
COUNTED = re.compile(r"^measure word for (.+)$")
PREPOSITION = re.compile(
    r" (?:of|in|on|at|with|for|from|to|by|about|under|over|without|forward|who|that|which|used)(?: |$)"
)
NEGATION = re.compile(r"^(?:to )?(?:not|no|non|without|lack|cannot|can't|never)\b")

# Endings of nouns and verbs, and their replacements (as in WordNet's morphy).
ENDINGS = (
    *(("s", ""), ("ses", "s"), ("xes", "x"), ("zes", "z"), ("ches", "ch"), ("shes", "sh"), ("oes", "o")),
    *(("ies", "y"), ("ves", "f"), ("ves", "fe"), ("men", "man")),
)
GERUND_ENDINGS = (("ing", ""), ("ing", "e"))
# "Mrs" is no plural.
SHORTEST = 3


def terms_of(sense: str) -> tuple[str, ...]:
    """Return the terms by which an English sense may be depicted, best first.

    They are all of it, its object or head, and its verb; then those of its other alternatives. A negated alternative
    has none.
    """
    text = _plain(NOTE.sub(" ", sense)) or _plain(" ".join(notes_of(sense)))
    if counted := COUNTED.match(text):
        return (SEPARATOR.split(counted[1])[0].strip(),)
    alternatives = (one for part in _listed(text) for one in _either(part) if not NEGATION.match(one))
    return tuple(dict.fromkeys(term for one in alternatives for term in _terms(one)))


def notes_of(sense: str) -> tuple[str, ...]:
    """Return the texts in a sense's brackets: "animal" for "bat (animal)"."""
    return tuple(filter(None, ("".join(groups).strip().casefold() for groups in NOTE.findall(sense))))


def _plain(text: str) -> str:
    """Return a text in lower case without quotes, labels and marks at its ends."""
    text = " ".join(text.translate(QUOTES).casefold().split())
    return ONES.sub("", LABEL.sub("", text).strip(" .!?…"))


def _listed(text: str) -> Sequence[str]:
    """Return the parts of a list of short translations; of longer ones only the first, as the commas may be its own."""
    parts = [plain for part in SEPARATOR.split(text) if (plain := _plain(part))]
    return parts if all(part.removeprefix("to ").count(" ") < LISTED_WORDS for part in parts) else parts[:1]


def _either(text: str) -> Sequence[str]:
    """Return the parts of "A or B", but of "back of A or B" the first. "To give or have an injection" is having one."""
    if verbs := TWO_VERBS.match(text):
        first, second, thing = verbs.groups()
        return (f"to {second}{thing}",) if thing else (f"to {first}", f"to {second}")
    parts = text.split(" or ")
    return parts[:1] if PREPOSITION.search(parts[0]) else parts


def _terms(text: str) -> Iterator[str]:
    """Yield all of a text, its object or head, and its verb if that can be seen."""
    yield text
    if not text.startswith("to "):
        yield from _heads(text)
        if text in VISIBLE_VERBS:
            yield f"to {text}"
        return
    verb, _, rest = text.removeprefix("to ").partition(" ")
    thing = ARTICLE.sub("", rest)
    if thing != rest:
        yield f"to {verb} {thing}"
    if approached := APPROACH.match(f"{verb} {rest}"):
        yield from _heads(approached[1])
    elif thing and verb not in CONTRARY and not PARTICLE.match(thing):
        yield from _heads(thing)
        if verb in VISIBLE_VERBS or (verb not in LIGHT_VERBS and SAYS_LITTLE.match(thing)):
            yield f"to {verb}"


def _heads(phrase: str) -> Iterator[str]:
    """Yield a noun phrase without its article, and its head."""
    phrase = ARTICLE.sub("", phrase)
    yield phrase
    if PARTICLE.match(phrase) or SOMEBODY.search(phrase) or phrase.count(" ") >= MAX_WORDS:
        return
    if measured := MEASURE.match(phrase):
        yield from _heads(measured[1])
        return
    if " and " in phrase:
        for part in phrase.split(" and "):
            yield from _heads(part)
        return
    core = PREPOSITION.split(phrase, maxsplit=1)[0]
    yield core
    yield core.rpartition(" ")[2]


def base_forms(term: str) -> Iterator[str]:
    """Yield a term unchanged, then its possible dictionary forms: "dog" for "dogs", "to study" for "studying"."""
    yield term
    if "-" in term:
        yield term.replace("-", " ")
    if term.startswith("to "):
        return
    before, space, last = term.rpartition(" ")
    if last in IRREGULAR:
        yield f"{before}{space}{IRREGULAR[last]}"
    for ending, base in ENDINGS:
        if term.endswith(ending) and len(form := term.removesuffix(ending) + base) >= SHORTEST:
            yield form
    gerund, _, rest = term.partition(" ")
    for ending, base in GERUND_ENDINGS:
        if gerund.endswith(ending) and len(form := gerund.removesuffix(ending) + base) >= SHORTEST:
            yield f"to {form} {rest}".rstrip()
    if re.search(r"(.)\1ing$", gerund):
        yield f"to {gerund[:-4]} {rest}".rstrip()
