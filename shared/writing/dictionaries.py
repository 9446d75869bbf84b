"""The dictionaries of all languages, and the choice of a word's language."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from shared.writing.characters import CharacterDatabase
from shared.writing.dictionary import Dictionary
from shared.writing.english import english_part, is_english, is_latin, read_translation, why_empty
from shared.writing.kana import has_kana
from shared.writing.language import Language, LanguageChoice, TranslationLanguage
from shared.writing.pinyin import same_reading
from shared.writing.unicode_script import script

LATIN: Final = "Latn"
# The languages of a script, of which the first that knows a word is taken. A word in Latin letters may be of any.
OF_SCRIPT: Final[Mapping[str, tuple[Language, ...]]] = {
    "Arab": (Language.ARABIC, Language.PERSIAN),
    "Cyrl": (Language.RUSSIAN, Language.UKRAINIAN),
    "Deva": (Language.HINDI,),
    "Grek": (Language.GREEK,),
    "Hang": (Language.KOREAN,),
    "Hebr": (Language.HEBREW,),
    LATIN: (
        Language.CZECH, Language.FRENCH, Language.GERMAN, Language.INDONESIAN, Language.ITALIAN, Language.POLISH,
        Language.PORTUGUESE, Language.SPANISH, Language.TURKISH, Language.VIETNAMESE,
    ),
    "Thai": (Language.THAI,),
}  # fmt: skip
# So many words of a list show its language, and so many translations theirs.
JUDGED_WORDS: Final = 100
JUDGED_TRANSLATIONS: Final = 500
# Fewer words, or a smaller share of them, may be of a language by chance.
FEWEST_WORDS: Final = 4
KNOWN_SHARE: Final = 0.6


class Dictionaries(Mapping[Language, Dictionary]):
    """The dictionaries by language; safe to share between threads.

    Attributes:
        written: those with stroke data, by language.
    """

    def __init__(self) -> None:
        """Open them.

        Raises:
            SettingsError: a file is missing or damaged; names the file.
        """
        self.written = {language: CharacterDatabase(language) for language in Language if language.has_strokes}
        others = {language: Dictionary(language) for language in Language if not language.has_strokes}
        self._dictionaries: dict[Language, Dictionary] = {**self.written, **others}

    def __getitem__(self, language: Language) -> Dictionary:
        return self._dictionaries[language]

    def __iter__(self) -> Iterator[Language]:
        return iter(self._dictionaries)

    def __len__(self) -> int:
        return len(self._dictionaries)

    def strokes(self, language: Language) -> CharacterDatabase:
        """Return the strokes with which a language's words are drawn."""
        return self.written[language.strokes]

    def of(self, word: str, language: Language | LanguageChoice = "auto", reading: str = "") -> Dictionary:
        """Return the dictionary for a word.

        Args:
            word: the word in normal form.
            language: as a request gives it. "auto" is Japanese if the word or its reading contains kana, or if it has
                Han characters and only the Japanese lexicon knows it; of the languages of the word's script the first
                that knows it; and otherwise Chinese.
            reading: as a request gives it.
        """
        if language != "auto":
            return self[Language(language)]
        chinese, japanese = self[Language.CHINESE], self[Language.JAPANESE]
        if has_kana(word) or has_kana(reading):
            return japanese
        if has_han(word):
            return japanese if not chinese.senses(word) and japanese.senses(word) else chinese
        code = _first_script(word)
        candidates = [self[one] for one in OF_SCRIPT.get(code, ()) if code != LATIN]
        return next((one for one in candidates if one.senses(word)), candidates[0] if candidates else chinese)

    def that_know(self, word: str) -> list[Dictionary]:
        """Return the dictionaries that know a word in Latin letters, whose language it does not show."""
        languages = OF_SCRIPT[LATIN] if _first_script(word) == LATIN else ()
        return [self[language] for language in languages if self[language].senses(word)]

    def of_list(self, words: Sequence[tuple[str, str]]) -> list[LanguageChoice]:
        """Return the languages of a list's words.

        Where any word or reading contains kana, all words that the Japanese lexicon knows are Japanese, since 手紙
        alone does not show it, unless their reading is pinyin. Words of a script that several languages have are of the
        one that knows most of them, if it knows them. The others are "auto".

        Args:
            words: the words in normal form, each with its reading.
        """
        japanese = self._japanese(words)
        shown = self._by_script([word for word, _ in words])
        return [
            "ja" if (word, reading) in japanese else self._known_in(shown.get(_first_script(word)), word)
            for word, reading in words
        ]

    def _known_in(self, language: Language | None, word: str) -> LanguageChoice:
        return language.value if language is not None and self[language].senses(word) else "auto"

    def _japanese(self, words: Sequence[tuple[str, str]]) -> set[tuple[str, str]]:
        """Return the words of a list that are Japanese, with their readings."""
        if not any(has_kana(word) or has_kana(reading) for word, reading in words):
            return set()
        # In order, each block of the lexicon is decompressed once.
        known = {word for word in sorted({word for word, _ in words}) if self[Language.JAPANESE].senses(word)}
        return {(word, reading) for word, reading in words if word in known and not self._is_pinyin(word, reading)}

    def _by_script(self, words: Sequence[str]) -> dict[str, Language | None]:
        """Return the language of a list's words of each script; None if they are English, or may be of several."""
        of_script: dict[str, list[str]] = defaultdict(list)
        for word in dict.fromkeys(words):
            of_script[_first_script(word)].append(word)
        several = {code: languages for code, languages in OF_SCRIPT.items() if len(languages) > 1 and code in of_script}
        return {code: self._of_most(of_script[code][:JUDGED_WORDS], several[code]) for code in several}

    def _of_most(self, words: Sequence[str], languages: Sequence[Language]) -> Language | None:
        if len(words) < FEWEST_WORDS:
            return None
        # In order, each block of a lexicon is decompressed once.
        known = {one: sum(bool(self[one].senses(word)) for word in sorted(words)) for one in languages}
        best, second, *_ = sorted(known, key=lambda language: -known[language])
        least = max(KNOWN_SHARE * len(words), known[second] + 1, sum(map(_is_english_word, words)) + 1)
        return best if known[best] >= least else None

    def of_translation(self, translation: str, language: TranslationLanguage = "auto") -> list[Dictionary]:
        """Return the dictionaries of the languages but English that a translation may be of.

        Args:
            translation: as a request gives it.
            language: likewise. "auto" are the languages of its script.
        """
        if language == "en" or not translation:
            return []
        if language not in {"auto", "other"}:
            return [self[Language(language)]]
        if has_han(translation) or has_kana(translation):
            return [self.of(translation)]
        return [self[one] for one in OF_SCRIPT.get(_first_script(translation), ())]

    def translations_of_list(
        self, words: Sequence[tuple[str, str]], languages: Sequence[LanguageChoice]
    ) -> list[TranslationLanguage]:
        """Return the languages of a list's translations.

        Where more than a third of those in Latin letters are not English, none is, as far as a lexicon knows it or its
        word: beside *mer* and *poisson*, *pain* is bread. They are of the language that knows most of them, or "other".
        The others are "auto".

        Args:
            words: the words in normal form, each with its translation.
            languages: of the words, as from `of_list`.
        """
        texts = (read_translation(translation) for _, translation in words)
        latin = [text for text in texts if text and why_empty(text) is None and is_latin(text)]
        is_foreign = [not english_part(text) for text in latin[:JUDGED_TRANSLATIONS]]
        if 3 * sum(is_foreign) <= len(is_foreign):
            return ["auto"] * len(words)
        own = self._by_script(latin).get(LATIN)
        # In order, as above.
        pairs = sorted({(word, language) for (word, _), language in zip(words, languages, strict=True)})
        known = {pair for pair in pairs if self.of(*pair).senses(pair[0])}
        return [
            own.value if own and self._means(own, translation) else "other" if translation and pair in known else "auto"
            for (word, translation), language in zip(words, languages, strict=True)
            for pair in [(word, language)]
        ]

    def _means(self, language: Language, translation: str) -> bool:
        """Return whether a translation in Latin letters means something in a language."""
        return is_latin(translation) and bool(self[language].meanings(read_translation(translation)))

    def _is_pinyin(self, word: str, reading: str) -> bool:
        if not reading or has_kana(reading):
            return False
        return any(same_reading(reading, sense.reading) for sense in self[Language.CHINESE].senses(word))


def _first_script(word: str) -> str:
    """Return the script of a word's first letter; "" without one."""
    return next((script(character) for character in word if character.isalpha()), "")


def _is_english_word(word: str) -> bool:
    return _first_script(word) == LATIN and is_english(word)


def has_han(text: str) -> bool:
    """Return whether a text contains a Han character."""
    return any(script(character) == "Hani" for character in text)
