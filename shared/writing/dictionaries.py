"""The character databases of all languages, and the choice of a word's language."""

from collections.abc import Iterator, Mapping, Sequence

from shared.writing.characters import CharacterDatabase
from shared.writing.kana import has_kana
from shared.writing.language import Language, LanguageChoice


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
            language: as a request gives it. "auto" is Japanese if the word or its reading contains kana, or if only the
                Japanese lexicon knows the word, and otherwise Chinese.
            reading: as a request gives it.
        """
        if language != "auto":
            return self[Language(language)]
        chinese, japanese = self[Language.CHINESE], self[Language.JAPANESE]
        is_unknown = not chinese.senses(word) and bool(japanese.senses(word))
        return japanese if is_unknown or has_kana(word) or has_kana(reading) else chinese

    def of_list(self, words: Sequence[tuple[str, str]]) -> list[LanguageChoice]:
        """Return the languages of a list's words.

        Where any word or reading contains kana, all words that the Japanese lexicon knows are Japanese, since 手紙
        alone does not show it. The others are "auto".

        Args:
            words: the words in normal form, each with its reading.
        """
        japanese = self[Language.JAPANESE]
        is_japanese = any(has_kana(word) or has_kana(reading) for word, reading in words)
        return ["ja" if is_japanese and japanese.senses(word) else "auto" for word, _ in words]
