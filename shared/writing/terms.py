"""English terms: the parts of an English sense to look up as something that can be depicted."""

import re
from collections.abc import Iterator, Sequence

from shared.writing.plurals import IRREGULAR
from shared.writing.word_classes import WORD_CLASS

ARTICLE = re.compile(r"^(?:an?|the|some|very|too|somebody's|my|your|his|her|its|our|their) ")
NOTE = re.compile(r"\(([^()]*)\)|\{([^{}]*)\}|\[([^][]*)\]|（([^（）]*)）|【([^【】]*)】")
QUOTES = str.maketrans("", "", '"“”„«»‹›「」『』')
# What stands before a translation in dictionaries, beside a word class.
NUMBER = r"(?:\d+[.)]|[①-⑳])"
LABEL = re.compile(rf"^(?:{NUMBER} ?|{WORD_CLASS}(?: |$))+", re.IGNORECASE)
# Marks at the ends of a translation that say nothing, also on Chinese and Japanese keyboards.
MARKS = " .!?…,;:•*。！？，；：、"
POSSESSIVE = re.compile(r"\bone's ")
# What separates translations, also on Chinese and Japanese keyboards.
SEPARATOR = re.compile(r"[;,/|=:，、；：／｜]| [-–—] ")
# In a longer part, a comma may belong to the sense: "attendant on an airplane, train, boat".
LISTED_WORDS = 2
TWO_VERBS = re.compile(r"^to (\w+) (?:and|or) (?:to )?(\w+)( .+)?$")
# "a piece of cake" shows cake, "the foot of the mountain" a mountain; "a map of China" shows a map.
MEASURE = re.compile(
    r"^(?:(?:foot|form|full|group|kind|mouth|part|set|sort|type)|"
    r"(?:[\w-]+ )?(?:bag|bar|basket|bottle|bowl|box|bunch|can|carton|cup|dozen|flock|glass|herd|jar|loaf|lot|lump|pack|"
    r"packet|pair|piece|plate|pot|sheet|slice|tin)(?:e?s)?) of (.+)$"
)
# "In the kitchen" shows a kitchen. In a longer phrase, what follows is an idiom as often as a place.
PLACE = re.compile(
    r"^(?:at|by|from|in|in front of|inside|into|near|next to|on|outside|to|under) "
    r"(?:an?|the|my|your|his|her|our|their) ((?:[\w'-]+ )?[\w-]+)$"
)
# "to give up" has nothing to do with giving, nor "at present" with presents.
PARTICLE = re.compile(
    r"^(?:up|down|out|off|away|back|over|through|into|onto|on|in|at|by|for|from|of|to|with|about|after|against|around|as|"
    r"along|apart|aside|together|forward|between|be|without|under|than|because|so|if|when|while|that)\b"
)
# "To laugh at" somebody still shows laughing.
TOWARDS = re.compile(r"^(?:about|at|of|to)$")
# "To want to eat" shows eating.
WISH = re.compile(
    r"^(?:(?:to )?(?:want|would like|begin|start|learn|be able|know how)|to (?:like|love|need)) (to (?!(?:be|do)\b).+)$"
)
# "to go to the beach" shows the beach.
APPROACH = re.compile(
    r"^(?:(?:go|walk|drive|ride|travel|return) (?:to|by|for)|come by|go on|(?:listen|talk|speak|write) (?:to|with)|"
    r"(?:look|laugh|smile|shout) at|look (?:after|out of)|sit (?:in|on|at)|get (?:on|off|into)|(?:put|try) on|take off|"
    r"(?:turn|switch) (?:on|off)|wait for|knock (?:at|on)|pick up|hang up|blow out|cut down|play with) (.+)$"
)
_ADVERB = "again|alone|early|fast|hard|late|overtime"
# An object, or an adverb, without which a verb shows the same.
SAYS_LITTLE = re.compile(
    r"^(?:sb|sth|somebody|something|someone)(?: (?:to|into|from|for|at) .+)?$|" rf"^(?:\w+ly|{_ADVERB}|home|well)$"
)
# "Study hard" shows study, but "very hard" something hard.
VERB_WITH_ADVERB = re.compile(
    rf"^(?!(?:an?|as|be|being|how|quite|rather|really|so|super|the|this|too|very|\w+ly) )(\w+) (?:{_ADVERB})$"
)
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
CONTRARY = frozenset({
    "avoid", "ban", "dismiss", "dislike", "hate", "lack", "lose", "miss", "quit", "refuse", "remove", "stop",
})  # fmt: skip
# "Stop eating" shows no meal.
CONTRARY_GERUND = re.compile(rf"^(?:{'|'.join(sorted(CONTRARY))}) \w+ing\b")
# Words that mean little at the end of a compound: a shopping center is not a target, a Communist Party has no balloons.
VAGUE = frozenset({
    "attack", "belt", "center", "centre", "fight", "floor", "head", "life", "long", "old", "party", "place", "room",
    "round", "season", "space", "thing", "things", "time", "times",
})  # fmt: skip
# For a measure word, use only what it counts, as a whole.
COUNTED = re.compile(r"^measure word for (.+)$")
PREPOSITION = re.compile(
    r" (?:of|in|on|at|with|for|from|to|by|about|under|over|without|forward|who|that|which|used)(?: |$)"
)
NEGATION = re.compile(
    r"^(?:to )?(?:non|without|lack|less|except|hate to|rather than|hardly any|out of)\b|n't\b|"
    r"(?<![-\w])(?:not|no|nobody|nothing|none|never|neither|nor|cannot)(?![-\w])"
)

# Endings of nouns and verbs, and their replacements (as in WordNet's morphy).
ENDINGS = (
    *(("s", ""), ("ses", "s"), ("xes", "x"), ("zes", "z"), ("ches", "ch"), ("shes", "sh"), ("oes", "o")),
    *(("ies", "y"), ("ves", "f"), ("ves", "fe"), ("men", "man")),
)
GERUND_ENDINGS = (("ing", ""), ("ing", "e"))
# "Mrs" is not a plural.
SHORTEST = 3


def terms_of(sense: str) -> tuple[tuple[str, ...], ...]:
    """Return, for each alternative of an English sense, the terms by which it may be depicted, best first.

    They are all of it, its object or head, and its verb; of a negated alternative only all of it.
    """
    text = plain(NOTE.sub(" ", sense)) or plain(" ".join(notes_of(sense)))
    if counted := COUNTED.match(text):
        return ((SEPARATOR.split(counted[1])[0].strip(),),)
    alternatives = (one for part in _listed(text) for one in _either(part))
    return tuple(tuple(dict.fromkeys(_terms(one))) for one in alternatives)


def notes_of(sense: str) -> tuple[str, ...]:
    """Return the texts in a sense's brackets: "animal" for "bat (animal)"."""
    return tuple(filter(None, ("".join(groups).strip().casefold() for groups in NOTE.findall(sense))))


def plain(text: str) -> str:
    """Return a text in lower case without quotes, "one's", labels, and marks at its ends."""
    text = " ".join(text.translate(QUOTES).casefold().split())
    return POSSESSIVE.sub("", LABEL.sub("", text).strip(MARKS))


def _listed(text: str) -> Sequence[str]:
    """Return the parts of a list of short translations; of longer ones only the first, as the commas may be its own."""
    parts = [found for part in SEPARATOR.split(text) if (found := plain(part))]
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
    if NEGATION.search(text):
        return
    if wished := WISH.match(text):
        yield from _terms(wished[1])
        return
    if CONTRARY_GERUND.match(text):
        text = f"to {text}"
    if not text.startswith("to "):
        yield from _noun_or_verb(text)
        return
    verb, _, rest = text.removeprefix("to ").partition(" ")
    thing = ARTICLE.sub("", rest)
    if thing != rest:
        yield f"to {verb} {thing}"
    if approached := APPROACH.match(f"{verb} {rest}"):
        yield from _heads(approached[1])
    elif thing and verb not in CONTRARY and not (SAYS_LITTLE.match(thing) or PARTICLE.match(thing)):
        yield from _heads(thing)
    if _shows_without(verb, thing):
        yield f"to {verb}"


def _noun_or_verb(text: str) -> Iterator[str]:
    """Yield the terms of what need not be a verb: "study hard"."""
    if with_adverb := VERB_WITH_ADVERB.match(text):
        yield f"to {text}"
        text = with_adverb[1]
    yield from _heads(text)
    if text in VISIBLE_VERBS:
        yield f"to {text}"


def _shows_without(verb: str, thing: str) -> bool:
    """Return whether a verb alone shows what it does with something; "to work out" is not to work."""
    if TOWARDS.match(thing):
        return verb in VISIBLE_VERBS
    if not thing or (" " not in thing and PARTICLE.match(thing)):
        return False
    return verb in VISIBLE_VERBS | CONTRARY or (verb not in LIGHT_VERBS and SAYS_LITTLE.match(thing) is not None)


def _heads(phrase: str) -> Iterator[str]:
    """Yield a noun phrase without its article, and its head."""
    phrase = ARTICLE.sub("", phrase)
    yield phrase
    if place := PLACE.match(phrase):
        yield from _heads(place[1])
        return
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
    head = core.rpartition(" ")[2]
    if head not in VAGUE and not PARTICLE.match(head):
        yield head


def base_forms(term: str) -> Iterator[str]:
    """Yield a term unchanged, then its possible dictionary forms: "dog" for "dogs", "to study" for "studying"."""
    yield term
    if "-" in term:
        yield term.replace("-", " ")
    if term.startswith("to "):
        return
    before, space, last = term.rpartition(" ")
    if before.count(" ") == 0:
        yield before + last  # "sun flower"
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
