"""Lookup of word meanings for clients."""

from itertools import chain

from shared.errors import TranslationRequired
from shared.schemas import LanguageView, Senses, SenseView
from shared.writing.dictionaries import Dictionaries
from shared.writing.fonts import FontCoverage
from shared.writing.imagery import Imagery, MotifName
from shared.writing.language import LanguageChoice, TranslationLanguage
from shared.writing.meanings import find_meaning
from shared.writing.normalise import language_shown
from shared.writing.words import check_coverage, imagery_of, normalise_word, resolve_imagery


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
        check_coverage(word, self._dictionaries.strokes(database.language), self._fonts)
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
            readings=tuple(dict.fromkeys(sense.reading for sense in senses if sense.reading)),
            senses=senses,
            languages=() if senses else self._languages(word),
            imagery=self._depicting(
                word, translation, reading=reading, language=language, translation_language=translation_language
            ),
        )

    def motifs(self, query: str) -> tuple[MotifName, ...]:
        """Return the motifs whose name or keyword contains a text, or else those of its meanings in other languages."""
        every = len(self._imagery.names)
        if found := self._imagery.search(query, every):
            return found
        meanings = (gloss for one in self._dictionaries.of_translation(query) for gloss in one.meanings(query))
        names = (self._imagery.for_word("", gloss, has_keywords=False) for gloss in meanings)
        return tuple(map(self._imagery.named, dict.fromkeys(chain.from_iterable(names))))

    def _languages(self, word: str) -> tuple[LanguageView, ...]:
        """Return the languages of which a word in Latin letters may be, with what it means there."""
        known = self._dictionaries.that_know(word)
        return tuple(LanguageView(language=one.language, gloss=one.senses(word)[0].gloss) for one in known)

    def _depicting(
        self,
        word: str,
        translation: str,
        *,
        reading: str,
        language: LanguageChoice,
        translation_language: TranslationLanguage,
    ) -> tuple[str, ...]:
        """Return the motifs that a request without `imagery` would get; () if it would need a translation."""
        try:
            meaning = find_meaning(
                word,
                translation,
                self._dictionaries,
                reading=reading,
                language=language,
                translation_language=translation_language,
            )
        except TranslationRequired:
            return ()
        return resolve_imagery(word, meaning, "auto", self._imagery)
