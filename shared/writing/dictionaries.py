"""The character databases of all languages, and the choice of a word's language."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice

from shared.writing.characters import CharacterDatabase
from shared.writing.english import english_part, is_latin, read_translation, why_empty
from shared.writing.kana import has_kana
from shared.writing.language import Language, LanguageChoice, TranslationLanguage
from shared.writing.pinyin import same_reading
from shared.writing.unicode_script import script

# So many translations of a list show its language.
JUDGED_TRANSLATIONS = 500


class Dictionaries(Mapping[Language, CharacterDatabase]):
    """The databases by language; safe to share between threads."""

    def __init__(self) -> None:
        """Open them.

        Raises:
            FileNotFoundError: a file is missing.
        """
        self._databases = {language: CharacterDatabase(language) for language in Language}

    def __getitem__(self, language: Language) -> CharacterDatabase:
        return self._databases[language]

    def __iter__(self) -> Iterator[Language]:
        return iter(self._databases)

    def __len__(self) -> int:
        return len(self._databases)

    def of(self, word: str, language: Language | LanguageChoice = "auto", reading: str = "") -> CharacterDatabase:
        """Return the database for a word.

        Args:
            word: the word in normal form.
            language: as a request gives it. "auto" is Japanese if the word or its reading contains kana, or if it has
                Han characters and only the Japanese lexicon knows it, and otherwise Chinese.
            reading: as a request gives it.
        """
        if language != "auto":
            return self[Language(language)]
        chinese, japanese = self[Language.CHINESE], self[Language.JAPANESE]
        if has_kana(word) or has_kana(reading):
            return japanese
        # JMdict also has TV, CD and PC.
        is_japanese = has_han(word) and not chinese.senses(word) and bool(japanese.senses(word))
        return japanese if is_japanese else chinese

    def of_list(self, words: Sequence[tuple[str, str]]) -> list[LanguageChoice]:
        """Return the languages of a list's words.

        Where any word or reading contains kana, all words that the Japanese lexicon knows are Japanese, since 手紙
        alone does not show it, unless their reading is pinyin. The others are "auto".

        Args:
            words: the words in normal form, each with its reading.
        """
        if not any(has_kana(word) or has_kana(reading) for word, reading in words):
            return ["auto"] * len(words)
        # In order, each block of the lexicon is decompressed once.
        known = {word for word in sorted({word for word, _ in words}) if self[Language.JAPANESE].senses(word)}
        return ["ja" if word in known and not self._is_pinyin(word, reading) else "auto" for word, reading in words]

    def translations_of_list(
        self, words: Sequence[tuple[str, str]], languages: Sequence[LanguageChoice]
    ) -> list[TranslationLanguage]:
        """Return the languages of a list's translations.

        Where more than a third of those in Latin letters are not English, none of a word that a lexicon knows is:
        beside *mer* and *poisson*, *pain* is bread. The others are "auto".

        Args:
            words: the words in normal form, each with its translation.
            languages: of the words, as from `of_list`.
        """
        texts = (read_translation(translation) for _, translation in words)
        latin = (text for text in texts if text and why_empty(text) is None and is_latin(text))
        is_foreign = [not english_part(text) for text in islice(latin, JUDGED_TRANSLATIONS)]
        if 3 * sum(is_foreign) <= len(is_foreign):
            return ["auto"] * len(words)
        # In order, as above.
        pairs = sorted({(word, language) for (word, _), language in zip(words, languages, strict=True)})
        known = {pair for pair in pairs if self.of(*pair).senses(pair[0])}
        return [
            "other" if translation and (word, language) in known else "auto"
            for (word, translation), language in zip(words, languages, strict=True)
        ]

    def _is_pinyin(self, word: str, reading: str) -> bool:
        if not reading or has_kana(reading):
            return False
        return any(same_reading(reading, sense.reading) for sense in self[Language.CHINESE].senses(word))


def has_han(text: str) -> bool:
    """Return whether a text contains a Han character."""
    return any(script(character) == "Hani" for character in text)
