"""What words mean, as clients look them up."""

from shared.characters import CharacterDatabase
from shared.fonts import FontCoverage
from shared.schemas import Senses, SenseView
from shared.words import check_coverage, imagery_of, normalise_word
from shared.writing.imagery import Imagery


class Lexicon:
    """Looks up senses of words with what depicts them."""

    def __init__(self, database: CharacterDatabase, fonts: tuple[FontCoverage, ...], imagery: Imagery) -> None:
        self._database = database
        self._fonts = fonts
        self._imagery = imagery

    def senses(self, word: str) -> Senses:
        """Return a word in its normal form, and its senses with what depicts them, the likeliest first.

        Raises:
            InvalidRequest: it cannot be written.
        """
        word = normalise_word(word)
        check_coverage(word, self._database, self._fonts)
        senses = tuple(
            SenseView(
                reading=sense.reading,
                gloss=sense.gloss,
                is_pictured=sense.is_pictured,
                imagery=imagery_of(word, sense, self._imagery),
            )
            for sense in self._database.senses(word)
        )
        return Senses(word=word, readings=tuple(dict.fromkeys(sense.reading for sense in senses)), senses=senses)
