r"""Rebuild the lexica in ``shared/writing/data/lexica``: English meanings in all languages but Chinese and Japanese.

    python -m training.wiktionary_lexicon \
        --stardict FOLDER --dsl FOLDER --omw FOLDER --wordnet FOLDER --frequencies FOLDER [LANGUAGE ...]

All come from the English Wiktionary (CC BY-SA 3.0), by way of collections of its entries:

- ``--stardict`` is a folder with one folder for each language (``Korean``), which contains its StarDict dictionary from
  github.com/Vuizur/Wiktionary-Dictionaries: of commit be0cfb8, or, for German, Italian, Polish and Spanish, of commit
  2c9585a.
- ``--dsl`` contains ``en-ru-enwiktionary.dsl.dz`` of github.com/open-dsl-dict/wiktionary-dict, commit 74c2c11: the
  Russian translations of English words, which are read backwards.
- ``--omw`` is the folder ``wns/wikt`` of github.com/omwn/omw-data, commit f75be19: the words that translate a meaning
  of WordNet 3.0, by Wiktionary's tables. ``--wordnet`` is the folder of WordNet 3.0's files (Debian's
  ``wordnet-base``).
- ``--frequencies`` is the folder ``wordfreq/data`` of PyPI's ``wordfreq`` 3.1.1, whose list of English words chooses
  among the English words that a word translates.

The script also needs ``pip install lemminflect msgpack``.

Wiktionary lists a word's senses as its editors think fit: for most languages the usual one first, for others by origin.
Senses whose English words the word translates in the entries of those words move up; dated, regional and figurative
ones move down, and names come last. Each sense gives its first gloss; the other glosses of the first sense
follow it. `training/wiktionary_first_senses.tsv` sets the first sense where this fails.

Left out are archaic, vulgar and derogatory senses, those that need more than a few words, those that only name
another form of the word, affixes and letters.
"""

import argparse
import gzip
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from tqdm import tqdm

from shared.errors import ServiceError
from shared.writing.language import Language
from shared.writing.lexicon import Sense
from shared.writing.normalise import normalise_word
from training.capitals import Capitals
from training.lexicon_tables import MAX_SENSES, write_lexicon
from training.reflexive_verbs import reflexive_verbs
from training.reversed_dictionary import Use, read_reversed
from training.stardict import Part, read_spellings, read_stardict
from training.translations import Translations, read_translations
from training.wiktionary_corrections import Corrections, read_corrections
from training.wiktionary_glosses import alternative_of, glosses_of, is_fit, labelled
from training.wordnet import ALL_FILES, WordNet

LEXICA = Path("shared/writing/data/lexica")
FIRST_SENSES = Path(__file__).parent / "wiktionary_first_senses.tsv"
THREE_LETTERS = {
    Language.ARABIC: "arb", Language.CZECH: "ces", Language.FRENCH: "fra", Language.GERMAN: "deu",
    Language.GREEK: "ell", Language.HEBREW: "heb", Language.HINDI: "hin", Language.INDONESIAN: "ind",
    Language.ITALIAN: "ita",
    Language.KOREAN: "kor", Language.PERSIAN: "fas", Language.POLISH: "pol", Language.PORTUGUESE: "por",
    Language.RUSSIAN: "rus", Language.SPANISH: "spa", Language.THAI: "tha", Language.TURKISH: "tur",
    Language.UKRAINIAN: "ukr", Language.VIETNAMESE: "vie",
}  # fmt: skip
RUSSIAN = "en-ru-enwiktionary.dsl.dz"

LEFT_OUT = frozenset({
    "obsolete", "archaic", "vulgar", "derogatory", "offensive", "pejorative", "slur", "ethnic slur", "religious slur",
    "Internet slang", "euphemistic", "proscribed", "nonstandard", "misspelling",
})  # fmt: skip
LATE = frozenset({
    "dated", "historical", "rare", "uncommon", "slang", "colloquial", "informal", "regional", "dialectal", "poetic",
    "literary", "idiomatic", "humorous", "childish", "in combination", "figuratively", "figurative", "by extension",
    "metonymically",
})  # fmt: skip
LEFT_OUT_PARTS = frozenset({
    "character", "symbol", "root", "syllable", "letter", "punct", "romanization", "proverb", "abbrev",
    "suffix", "prefix", "affix", "infix", "interfix", "circumfix", "circumpos", "combining form",
})  # fmt: skip
# Words that no picture can show.
GRAMMAR = frozenset({"particle", "article", "postp"})
NAME = "name"
VERB_PARTS = frozenset({"v", "verb"})

# How far up a sense goes that translations confirm, and how far down others go, in places.
CONFIRMED_PLACES = 5
LATE_PLACES, GRAMMAR_PLACES, NAME_PLACES = 3, 20, 50
# Small, since the language of a list is found by looking words up in all lexica.
WORDS_PER_BLOCK = 64
COMMON = 3.0  # how common a word is that beginners may learn, on the Zipf scale

QUALIFIED = re.compile(r" (?:or|used|made|worn|that|which|with)\b.*")


@dataclass(frozen=True, slots=True)
class Ranked:
    """The glosses of one sense, and the sense's place; the lowest is the first."""

    place: int
    is_pictured: bool
    glosses: tuple[str, ...]


def senses_of(
    parts: Iterable[Part], translated: Mapping[str, int] = MappingProxyType({}), first: Sequence[str] = ()
) -> tuple[Sense, ...]:
    """Return a word's senses, the one most useful to a learner first.

    Args:
        parts: what it means as each part of speech.
        translated: the English words that it translates, the likeliest first, as of `likeliest`. They are the senses of
            a word that has no others: the dictionaries lack words that are also a form of another, such as "hermana".
        first: the glosses to put first, which need not be among them.
    """
    ranked = sorted(_ranked(parts, translated), key=lambda one: one.place)
    if ranked and translated.keys().isdisjoint(ranked[0].glosses):
        first = first or [gloss for gloss in translated if translated[gloss] == 0][:1]
    ranked = ranked or list(_ranked([Part("", tuple(translated))]))
    senses = [Sense("", one.glosses[0], is_pictured=one.is_pictured) for one in ranked]
    others = [Sense("", gloss) for one in ranked[:1] for gloss in one.glosses[1:]]
    known = {sense.gloss: sense for sense in reversed(senses + others)}
    corrected = [known.get(gloss, Sense("", gloss)) for gloss in first]
    distinct: dict[str, Sense] = {}
    for sense in (*corrected, *senses[:1], *others, *senses[1:]):
        distinct.setdefault(sense.gloss, sense)  # a gloss stays where it comes first
    return tuple(distinct.values())[:MAX_SENSES]


def _ranked(parts: Iterable[Part], translated: Mapping[str, int] = MappingProxyType({})) -> Iterator[Ranked]:
    """Yield the senses that are fit for a learner, the likeliest gloss of each first."""
    place = 0
    order = {gloss: number for number, gloss in enumerate(translated)}
    for part in parts:
        for text in part.glosses if part.name not in LEFT_OUT_PARTS else ():
            labels, definition = labelled(text)
            short = (_head(gloss, translated) for gloss in glosses_of(definition, part.name))
            glosses = sorted(short, key=lambda gloss: order.get(gloss, len(order)))
            if glosses and LEFT_OUT.isdisjoint(labels):
                place += 1
                moved = (
                    LATE_PLACES * (not LATE.isdisjoint(labels))
                    + GRAMMAR_PLACES * (part.name in GRAMMAR)
                    + NAME_PLACES * (part.name == NAME)
                    - CONFIRMED_PLACES * (not translated.keys().isdisjoint(glosses))
                )
                yield Ranked(place + moved, part.name not in GRAMMAR, tuple(glosses))


def _head(gloss: str, translated: Mapping[str, int]) -> str:
    """Return what a word translates, rather than a definition that begins with it: "hammer used for pounding"."""
    head = QUALIFIED.sub("", gloss)
    return head if gloss not in translated and head in translated else gloss


def build_from_stardict(
    folder: Path, language: Language, capitals: Capitals, translations: Translations, corrections: Corrections
) -> dict[str, tuple[Sense, ...]]:
    """Return every word's senses, from a language's StarDict dictionary."""
    entries: dict[str, list[Part]] = defaultdict(list)
    for word, parts in read_stardict(folder):
        if (normal := _normal(word)) is not None:
            entries[normal].extend(map(capitals.without, parts))
    for spelling, word in read_spellings(folder):
        normal, other = _normal(spelling), _normal(word)
        if normal is not None and normal not in entries and other in entries:
            entries[normal] = entries[other]
    return _lexicon({**reflexive_verbs(entries, language), **entries}, translations, corrections)


def build_reversed(
    path: Path, frequency: Mapping[str, float], translations: Translations, corrections: Corrections
) -> dict[str, tuple[Sense, ...]]:
    """Return every word's senses, from an English dictionary that is read backwards."""
    uses = {normal: uses for word, uses in read_reversed(path).items() if (normal := _normal(word)) is not None}
    entries = {
        word: [Part("", (gloss,)) for gloss in _by_likelihood([*one, *_uses(translations.get(word, {}))], frequency)]
        for word, one in uses.items()
    }
    return _lexicon(entries, {word: translations[word] for word in translations if word not in entries}, corrections)


def likeliest(translations: Translations, frequency: Mapping[str, float]) -> Translations:
    """Return translations by the normal form of their words, the likeliest first.

    A rare English word never stands for its main sense: it would come before a word's own senses.
    """
    found: dict[str, dict[str, int]] = defaultdict(dict)
    for word, translated in translations.items():
        if (normal := _normal(word)) is not None:
            for use in filter(lambda use: is_fit(use.english), _uses(translated)):
                gloss = _gloss(use)
                is_common = frequency.get(use.english.casefold(), 0.0) >= COMMON
                place = translated[gloss] if is_common else max(translated[gloss], 1)
                found[normal][gloss] = min(place, found[normal].get(gloss, place))
    return {
        word: {gloss: translated[gloss] for gloss in _by_likelihood(_uses(translated), frequency)}
        for word, translated in found.items()
    }


def _uses(translated: Mapping[str, int]) -> list[Use]:
    return [
        Use(gloss.removeprefix("to "), "v" if gloss.startswith("to ") else "", place == 0, place)
        for gloss, place in translated.items()
    ]


def _gloss(use: Use) -> str:
    return f"to {use.english}" if use.part in VERB_PARTS else use.english


def _by_likelihood(uses: Iterable[Use], frequency: Mapping[str, float]) -> list[str]:
    """Return the English words that a word translates, the likeliest first.

    A word most likely means the English word whose main sense it translates, as the first translation, and which is
    common.
    """
    scores: dict[str, float] = {}
    for use in uses:
        gloss = _gloss(use)
        common = frequency.get(use.english.casefold(), 0.0) / 2
        score = common + 2.0 * use.is_main - min(use.place, 3) / 2
        # Each further sense that the word translates makes the English word likelier.
        scores[gloss] = max(scores[gloss], score) + 0.3 if gloss in scores else score
    return sorted(scores, key=lambda gloss: -scores[gloss])


def read_frequencies(path: Path) -> dict[str, float]:
    """Return how common words are, as the logarithm of their number in a billion (Zipf scale)."""
    import msgpack  # noqa: PLC0415

    with gzip.open(path) as file:
        header, *bins = msgpack.load(file, raw=False)
    if header != {"format": "cB", "version": 1}:
        raise ValueError(f"not a list of wordfreq: {path}")
    return {word: 9 - centibels / 100 for centibels, words in enumerate(bins) for word in words}


def _normal(text: str) -> str | None:
    try:
        return normalise_word(text)
    except ServiceError:
        return None


def _lexicon(
    entries: Mapping[str, Sequence[Part]], translations: Translations, corrections: Corrections
) -> dict[str, tuple[Sense, ...]]:
    """Return the senses of the words that have any."""
    senses = {
        word: senses_of(entries.get(word, ()), translations.get(word, {}), corrections.get(word, ()))
        for word in {**entries, **translations, **corrections}
    }
    senses = {word: found for word, found in senses.items() if found}
    others = {word: _alternative(parts) for word, parts in entries.items() if word not in senses}
    return senses | {word: senses[other] for word, other in others.items() if other in senses}


def _alternative(parts: Iterable[Part]) -> str | None:
    """Return the word whose other form a word is."""
    definitions = (labelled(text) for part in parts for text in part.glosses)
    alternatives = (alternative_of(text) for labels, text in definitions if LEFT_OUT.isdisjoint(labels))
    return _normal(next(filter(None, alternatives), ""))


def build(language: Language, sources: argparse.Namespace) -> None:
    """Rewrite a language's lexicon."""
    corrections = read_corrections(FIRST_SENSES, language)
    frequency = read_frequencies(sources.frequencies / "large_en.msgpack.gz")
    wordnet = WordNet(sources.wordnet, ALL_FILES)
    translations = likeliest(
        read_translations(sources.omw / f"wn-wikt-{THREE_LETTERS[language]}.tab", wordnet), frequency
    )
    if language is Language.RUSSIAN:
        lexicon = build_reversed(sources.dsl / RUSSIAN, frequency, translations, corrections)
    else:
        folder = sources.stardict / language.name.title()
        lexicon = build_from_stardict(folder, language, Capitals(wordnet, frequency), translations, corrections)
    LEXICA.mkdir(exist_ok=True)
    write_lexicon(lexicon, LEXICA / f"{language}.sqlite", WORDS_PER_BLOCK)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("languages", nargs="*", metavar="LANGUAGE", help="code of a language; default: all")
    for source in ("stardict", "dsl", "omw", "wordnet", "frequencies"):
        parser.add_argument(f"--{source}", type=Path, required=True)
    arguments = parser.parse_args()
    wanted = [Language(code) for code in arguments.languages] or [one for one in Language if not one.has_strokes]
    for one in tqdm(wanted, desc="lexica", unit="language"):
        build(one, arguments)
