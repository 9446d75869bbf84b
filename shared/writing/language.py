"""The languages whose words the service knows."""

from enum import StrEnum
from typing import Literal


class Language(StrEnum):
    """A language with stroke data and a lexicon of its own, by its code in BCP 47."""

    CHINESE = "zh"
    JAPANESE = "ja"


# As a request gives it; "auto" lets the word decide.
LanguageChoice = Literal["auto", "zh", "ja"]
# The language of a translation, as a request gives it. "auto" lets its words decide.
TranslationLanguage = Literal["auto", "en", "other"]
