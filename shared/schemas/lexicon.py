"""The meanings of words, and the motifs that depict them."""

from pydantic import (
    Field,
)

from shared.schemas.base import Schema


class SenseView(Schema):
    """One sense of a word."""

    reading: str = Field(description="pinyin with tone marks")
    gloss: str
    is_pictured: bool = Field(description="false: a particle, which no picture can show")
    imagery: tuple[str, ...] = Field(description="the motifs that depict it, the best first")


class Senses(Schema):
    """A word, its readings, and its senses, most likely first."""

    word: str
    readings: tuple[str, ...]
    senses: tuple[SenseView, ...]
    imagery: tuple[str, ...] = Field(
        default=(),
        description='what `"imagery": "auto"` takes for the word, with the translation and reading asked for',
    )


class MotifView(Schema):
    """One thing that a picture can show."""

    name: str = Field(description="as `imagery` of a request names it", examples=["graduation-cap"])
    phrase: str = Field(description="as a prompt names it", examples=["a graduation cap"])
    keywords: tuple[str, ...] = Field(description="English and Chinese words that lead to it")
    svg_url: str = Field(description="its drawing")


class Motifs(Schema):
    """The motifs found by a search."""

    query: str
    total: int = Field(description="how many were found; `motifs` is a part of them")
    motifs: tuple[MotifView, ...]
