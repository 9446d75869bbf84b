"""Lookup of word meanings for clients."""

from shared.errors import TranslationRequired
from shared.schemas import Senses, SenseView
from shared.writing.characters import CharacterDatabase
from shared.writing.dictionaries import Dictionaries
from shared.writing.fonts import FontCoverage
from shared.writing.imagery import Imagery
from shared.writing.language import LanguageChoice, TranslationLanguage
from shared.writing.normalise import language_shown
from shared.writing.words import check_coverage, imagery_of, normalise_word, resolve_imagery, resolve_meaning


class Lexicon:
    """The senses of words and the motifs that depict them."""

    def __init__(self, dictionaries: Dictionaries, fonts: tuple[FontCoverage, ...], imagery: Imagery) -> None:
        self._dictionaries = dictionaries
        self._fonts = fonts
        self._imagery = imagery

    def senses(
        self,
        word: str,
        translation: str = "",
        reading: str = "",
        language: LanguageChoice = "auto",
        translation_language: TranslationLanguage = "auto",
    ) -> Senses:
        """Return a word in normal form and its senses with their motifs, the likeliest first.

        Args:
            word: as in a request.
            translation: as in a request; it then determines the word's motifs.
            reading: likewise.
            language: likewise.
            translation_language: likewise.

        Raises:
            InvalidRequest: the word cannot be written, or does not have this reading.
        """
        language = language_shown(word, language)
        word = normalise_word(word)
        database = self._dictionaries.of(word, language, reading)
        check_coverage(word, database, self._fonts)
        senses = tuple(
            SenseView(
                reading=sense.reading,
                gloss=sense.gloss,
                is_pictured=sense.is_pictured,
                imagery=imagery_of(word, sense, database.language, self._imagery),
            )
            for sense in database.senses(word)
        )
        return Senses(
            word=word,
            language=database.language,
            readings=tuple(dict.fromkeys(sense.reading for sense in senses)),
            senses=senses,
            imagery=self._depicting(word, translation, reading, database, translation_language),
        )

    def _depicting(
        self,
        word: str,
        translation: str,
        reading: str,
        database: CharacterDatabase,
        translation_language: TranslationLanguage,
    ) -> tuple[str, ...]:
        """Return the motifs that a request without `imagery` would get; () if it would need a translation."""
        try:
            meaning = resolve_meaning(word, translation, database, reading, translation_language)
        except TranslationRequired:
            return ()
        return resolve_imagery(word, meaning, "auto", self._imagery)
