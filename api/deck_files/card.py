"""A word with its picture, as contact sheets and Anki show it."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Card:
    """A card.

    Attributes:
        word: what it teaches.
        reading: pinyin, kana; "": none.
        meaning: in the learner's language.
        prompt: what its picture was drawn by.
        file: the picture's name, relative to the deck's folder.
        read: returns the picture as PNG.
    """

    word: str
    reading: str
    meaning: str
    prompt: str
    file: str
    read: Callable[[], bytes]
