"""Wiktionary's definitions as glosses: short English phrases, such as a teacher writes beside a word."""

import re
import unicodedata
from collections.abc import Iterator
from functools import cache

MAX_GLOSS_LENGTH = 45
MAX_WORDS = 3  # of each of several glosses between commas

UNFIT = re.compile(
    r"\b(penis|vagina|anus|semen|vulva|clitoris|sex|sexual\w*|masturbat\w*|fellatio|cunnilingus|fuck\w*|shit\w*|cunts?|"
    r"whores?|sluts?|assholes?|arseholes?|nigg(?:a|er)s?|fag(?:got)?s?|queers?|wank\w*|(?:jerk|jack) off|cum|"
    r"puss(?:y|ies)|blow ?jobs?|dildos?|surname|given name)\b",
    re.IGNORECASE,
)
LABELS = re.compile(r"\(([^()]*)\):?\s*")
NOTE = re.compile(r"\s*\([^()]*\)|\s*\[[^\[\]]*\]")
# "Alternative form of ein (“a, an”)"
MEANT = re.compile(r"“([^”]+)”")
ALTERNATIVE = re.compile(
    r"(?:alternative|informal|colloquial|nuqtaless) (?:letter-case )?(?:form|spelling) of "
    r"(?P<word>[^(:;,.]+?)(?: \(|[:;,.]|$)",
    re.IGNORECASE,
)
OTHER_FORM = re.compile(
    r"(?:[\w/-]+ ){0,4}?(?:form|spelling|plural|diminutive|augmentative|equivalent|counterpart|abbreviation|initialism|"
    r"acronym|synonym|contraction|clipping|ellipsis|participle|gerund|inflection|singular|feminine|masculine|short|"
    r"noun|agent|causative|passive|degree|comparative|superlative|infinitive|imperative|nominative|accusative|genitive|"
    r"dative|vocative|construct|elative|variant|version|pronunciation|polite|honorific|humble|transliteration|instance|"
    r"substitute|nominalization|letter|name|compound|present|preterite|subjunctive(?: I+)?|instrumental|locative|"
    r"misspelling|gerund combined with \w+)(?:/[\w/-]+)? (?:of|for|to)\b"
    r"|(?:nominative|genitive|accusative|vocative)\b.{0,60} form of\b"
    r"|(?:first|second|third)(?:-person|/third\S*) (?:singular|plural)\b|(?:[\w/-]+ ){1,3}(?:singular|plural)$"
    r"|(?-i:Of [^\WA-Z]\w+$)",
    re.IGNORECASE,
)
# Says how a word is used, not what it means: "used to express regret".
USAGE = re.compile(
    r"(?:only |often |usually |literally )?used (?:to|in|as|other|for|with|of|when|where|before|after|at|by|only|on|"
    r"chiefly|especially|mainly|together) \S|(?:express(?:es|ing)?|indicat(?:es|ing)|denot(?:es|ing)|introduces|"
    r"said of) |see (?:also|usage|notes?|expressions?|thesaurus)\b|(?:translation for|exclamation of) "
    r"|(?:[\w-]+ ){1,6}pronouns?\b",
    re.IGNORECASE,
)
# What follows a gloss to explain it: "kimchi, a dish made with vegetables".
EXPLAINING = re.compile(
    r"(?:a|an|the|any|as|esp|especially|particularly|specifically|usually|such|one|which|other than|including)\b"
    r"|(?:e\.g|i\.e|lit|esp|cf)\b\.?"
)
# What a definition begins with and a gloss does not: "a dog", "kind of cheese", "one's mother".
OPENING = re.compile(
    r"(?:(?:one of (?:several|many|various|the) )?(?:an?y? )?(?:kind|type|sort|variety|species)s? of(?: an?\b)?|"
    r"a|an|the|or|and|one's|(?:a )?pair of|any(?! (?:of|time|day|one|more)\b))\s+(?=\S)",
    re.IGNORECASE,
)
CAPITALISED = re.compile(
    r"^(?:To|Of|In|On|At|For|From|With|Without|By|And|Or|Having|Being|Made|Done|Pertaining|Relating|Related|Relative|"
    r"Small|Large|Great|Someone|Something|Person|Act|Any|One|Edible|That|Who|Which|Not|Very)\b(?= (?![A-Z]))"
)
SUBSTITUTES = (
    (re.compile(r"\bsb\b\.?"), "somebody"),
    (re.compile(r"\bsth\b\.?"), "something"),
    (re.compile(r"(?<=\S) in colou?r$"), ""),
    (re.compile(r"(?<=[a-z]{3})/[a-z]{3}[\w/'-]*"), ""),  # "neighbour/neighbor", but not "and/or"
    (re.compile(r"[!?.,]? (?:[Uu]sed (?:to|in|as)|[Ll]iterally) .*"), ""),
    (re.compile(r"\s*!+$"), ""),
    (re.compile(r"^(\S+(?: \S+)?)\?$"), r"\1"),
    (re.compile(r'^"([^"]+)"$'), r"\1"),
)
BROKEN = re.compile(r"^\d+$|[][{}()<>~+=\\`|_:]|^[^\"]*\"[^\"]*$|\.\.\.$|^\.")

AUXILIARIES = frozenset({"can", "could", "may", "might", "must", "ought", "shall", "should", "will", "would", "used"})


def labelled(text: str) -> tuple[frozenset[str], str]:
    """Return the labels before a definition, and the definition."""
    labels: set[str] = set()
    while (found := LABELS.match(text)) and found.end() < len(text):
        labels.update(label.strip() for label in found[1].split(","))
        text = text[found.end() :]
    return frozenset(labels), text


def glosses_of(definition: str, part: str) -> Iterator[str]:
    """Yield the short English phrases that a definition consists of, or none."""
    meant = MEANT.search(definition)
    if OTHER_FORM.match(definition) or (meant and USAGE.match(definition)):
        definition = meant[1] if meant else ""
    plain = _plain(definition)
    if not is_fit(plain) or plain.startswith(":"):  # examples begin with a colon
        return
    for alternative in (one.strip() for one in plain.split(";")):
        if USAGE.match(alternative):
            continue
        uncapitalised = CAPITALISED.sub(_lower, _after_colon(alternative, part).strip(" .:,"))
        for phrase in _short(uncapitalised, part):
            gloss = _tidy(phrase, part)
            if gloss and len(gloss) <= MAX_GLOSS_LENGTH and gloss.isascii() and not BROKEN.search(gloss):
                yield gloss


def is_fit(gloss: str) -> bool:
    """Tell whether a gloss is neither vulgar nor a note that the word is a name."""
    return UNFIT.search(gloss) is None


def alternative_of(definition: str) -> str | None:
    """Return the word whose other form a word is."""
    found = ALTERNATIVE.match(definition)
    return found["word"] if found else None


@cache
def _plain(text: str) -> str:
    """Return a text without notes, accents and typographic marks."""
    plain = "".join(one for one in unicodedata.normalize("NFKD", text) if not unicodedata.combining(one))
    plain = plain.translate({ord("’"): "'", ord("‘"): "'", ord("“"): '"', ord("”"): '"', ord("–"): "-"})
    while plain != (shorter := NOTE.sub("", plain)):
        plain = shorter
    return plain


def _after_colon(alternative: str, part: str) -> str:
    """Return the gloss of "animal's home: burrow" and of "theropod: any dinosaur of suborder Theropoda"."""
    before, colon, after = alternative.partition(": ")
    if not colon or not after.strip() or part == "name":
        return before
    return after if len(after.split()) < len(before.split()) and not EXPLAINING.match(after.strip()) else before


def _lower(found: re.Match[str]) -> str:
    return found[0].lower()


def _short(alternative: str, part: str) -> Iterator[str]:
    """Yield the glosses between the commas of a definition, up to an explanation; a single long one is one gloss."""
    first, *others = [one.strip() for one in alternative.split(",")]
    prefix = next((one for one in ("to be ", "to ") if first.startswith(one)), "")
    if part == "adj" and prefix == "to be ":  # Korean adjectives are verbs
        first, prefix = first.removeprefix(prefix), ""
    if others and len(first.split()) > MAX_WORDS + 1 and not EXPLAINING.match(others[0]):
        yield alternative
        return
    yield first
    for other in others if prefix != "to be " else ():
        if EXPLAINING.match(other) or len(other.split()) > MAX_WORDS:
            return
        yield other if other.startswith(prefix) else prefix + other


def _tidy(phrase: str, part: str) -> str:
    """Return a phrase as a gloss: without the article and marks of a definition, a verb with "to"."""
    opening = OPENING.match(phrase)
    gloss = phrase[opening.end() :] if opening else phrase
    for pattern, substitute in SUBSTITUTES:
        gloss = pattern.sub(substitute, gloss)
    gloss = gloss.strip()
    return _with_to(re.sub("^(?:I am|am) ", "be ", gloss).removeprefix("I ")) if part == "verb" else gloss


def _with_to(gloss: str) -> str:
    """Put "to" before a verb: Greek's are given without."""
    first = gloss.partition(" ")[0]
    if first == "to":
        return gloss
    return f"to {gloss}" if first not in AUXILIARIES and _is_verb(first) else gloss


@cache
def _is_verb(word: str) -> bool:
    """Tell whether an English word is a verb's plain form."""
    from lemminflect import getAllLemmas  # noqa: PLC0415

    return word in getAllLemmas(word, upos="VERB").get("VERB", ())
