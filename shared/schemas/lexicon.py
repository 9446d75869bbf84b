"""The meanings of words, and the motifs that depict them."""

from pydantic import (
    Field,
)

from shared.schemas.base import Schema
from shared.writing.language import Language


class SenseView(Schema):
    """One sense of a word."""

    reading: str = Field(description="pinyin with tone marks, or kana; empty in other languages")
    gloss: str
    is_pictured: bool = Field(description="false for a particle, which no picture can show")
    imagery: tuple[str, ...] = Field(description="the motifs that depict it, best first")


class LanguageView(Schema):
    """A language in which a word means something."""

    language: Language
    gloss: str = Field(description="the most likely meaning there")


class Senses(Schema):
    """A word, its readings, and its senses, most likely first."""

    word: str
    language: Language = Field(description="the language in which the word was looked up")
    readings: tuple[str, ...]
    senses: tuple[SenseView, ...]
    languages: tuple[LanguageView, ...] = Field(
        default=(),
        description="the languages that a word in Latin letters without senses may be of; send one as `language`",
    )
    imagery: tuple[str, ...] = Field(
        default=(),
        description='the motifs that `"imagery": "auto"` chooses for the word with this translation and reading',
    )


class MotifView(Schema):
    """One thing that a picture can show."""

    name: str = Field(description="its name in a request's `imagery`", examples=["graduation-cap"])
    phrase: str = Field(description="its name in a prompt", examples=["a graduation cap"])
    keywords: tuple[str, ...] = Field(description="English and Chinese words that find it")
    svg_url: str = Field(description="the URL of its drawing")


class Motifs(Schema):
    """The motifs found by a search."""

    query: str
    total: int = Field(description="how many were found; `motifs` is one page of them")
    motifs: tuple[MotifView, ...]
