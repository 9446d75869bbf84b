"""A word and its picture, for contact sheets and Anki."""

from collections.abc import Callable
from dataclasses import dataclass

from shared.writing.language import Language


@dataclass(frozen=True, slots=True)
class Card:
    """A card without its picture.

    Attributes:
        word: the word that it teaches.
        reading: pinyin or kana; "" if none.
        language: the language in which the word was looked up. Its characters have that language's forms and strokes.
        meaning: in the learner's language.
        prompt: the prompt of its picture.
        file: the picture's name, relative to the deck's folder.
    """

    word: str
    reading: str
    language: Language
    meaning: str
    prompt: str
    file: str


@dataclass(frozen=True, slots=True)
class CardWithPicture(Card):
    """A card whose picture can be read.

    Attributes:
        read: a function that returns the picture as PNG.
    """

    read: Callable[[], bytes]
