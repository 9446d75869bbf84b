"""Make ``shared/writing/data/english_words.txt``: the English words by which a translation is known to be English.

    python -m training.english_words

They are the words that occur in three senses or more of the Chinese or the Japanese lexicon, and the words of the
motifs' names and keywords. Of 454 accepted translations of everyday words (tests/shared/senses.tsv) two are not
recognised; of the 2,500 most frequent words of German, French, Spanish, Italian, Dutch and Turkish (PyPI's wordfreq)
that are not frequent in English, 2 to 5 % are taken for English.
"""

import re
from collections import Counter

from tqdm import tqdm

from shared.writing.dictionaries import Dictionaries
from shared.writing.english import WORDS_PATH
from shared.writing.imagery import Imagery

LEAST_SENSES = 3
WORD = re.compile(r"[a-z]+(?:'[a-z]+)?")


def main() -> None:
    """Write the list."""
    imagery = Imagery()
    words = {
        word
        for motif in map(imagery.named, imagery.names)
        for text in (motif.phrase, *motif.keywords)
        for word in WORD.findall(text)
    }
    for language, database in Dictionaries().items():
        # A word with two spellings has its senses once.
        senses = {
            (word[0], sense.gloss) for word in tqdm(database.words(), desc=language) for sense in database.senses(word)
        }
        counts = Counter(word for _, gloss in senses for word in set(WORD.findall(gloss)))
        words |= {word for word, count in counts.items() if count >= LEAST_SENSES}
    WORDS_PATH.write_text("\n".join(sorted(words)) + "\n", encoding="utf-8")
    print(f"{WORDS_PATH}: {len(words)} words")


if __name__ == "__main__":
    main()
