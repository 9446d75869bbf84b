"""The languages whose words the service knows."""

from enum import StrEnum
from typing import Final, Literal


class Language(StrEnum):
    """A language with a lexicon of its own, by its code in BCP 47."""

    CHINESE = "zh"
    JAPANESE = "ja"
    ARABIC = "ar"
    CZECH = "cs"
    FRENCH = "fr"
    GERMAN = "de"
    GREEK = "el"
    HEBREW = "he"
    HINDI = "hi"
    INDONESIAN = "id"
    ITALIAN = "it"
    KOREAN = "ko"
    PERSIAN = "fa"
    POLISH = "pl"
    PORTUGUESE = "pt"
    RUSSIAN = "ru"
    SPANISH = "es"
    THAI = "th"
    TURKISH = "tr"
    UKRAINIAN = "uk"
    VIETNAMESE = "vi"

    @property
    def has_strokes(self) -> bool:
        """Whether the language has stroke data and readings of its own; the others have a lexicon only."""
        return self in {Language.CHINESE, Language.JAPANESE}

    @property
    def strokes(self) -> "Language":
        """The language whose forms of Han characters it is drawn with."""
        return self if self.has_strokes else Language.CHINESE


# Those with stroke data of their own.
WRITTEN: Final = tuple(language for language in Language if language.has_strokes)

# As a request gives it; "auto" lets the word decide.
LanguageChoice = Literal[
    "auto", "zh", "ja", "ar", "cs", "fr", "de", "el", "he", "hi", "id", "it", "ko", "fa", "pl", "pt", "ru", "es", "th",
    "tr", "uk", "vi",
]  # fmt: skip
# The language of a translation, as a request gives it. "auto" lets its words decide; "other" is any but English.
TranslationLanguage = Literal[
    "auto", "en", "other", "zh", "ja", "ar", "cs", "fr", "de", "el", "he", "hi", "id", "it", "ko", "fa", "pl", "pt",
    "ru", "es", "th", "tr", "uk", "vi",
]  # fmt: skip
