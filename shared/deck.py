"""A deck on the wire: what is asked for, and how it stands."""

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, SkipValidation, field_validator, model_validator
from pydantic_core import PydanticCustomError

from shared.schemas import (
    DrawingOptions,
    JobError,
    JobStatus,
    MotifNames,
    Schema,
    WordToDraw,
    read_imagery_field,
)
from shared.writing.motif import ImageryMode

MAX_WORDS = 500
LONGEST_READING = 80
LONGEST_NAME = 100


class DeckWord(WordToDraw):
    """A word of a deck; a text alone is its `word`. Style and imagery of its own go before the deck's."""

    reading: Annotated[
        str,
        Field(
            max_length=LONGEST_READING,
            description="as the card shows it; one that the lexicon has also chooses the sense. Empty: pinyin",
        ),
    ] = ""
    style: Annotated[str, Field(max_length=40)] | None = None
    imagery: Annotated[
        ImageryMode | MotifNames | None, Field(description="as of a single request"), read_imagery_field
    ] = None

    @model_validator(mode="before")
    @classmethod
    def _text_is_its_word(cls, data: Any) -> Any:
        return {"word": data} if isinstance(data, str) else data


class DeckOptions(DrawingOptions):
    """What holds for all words of a deck."""

    name: Annotated[
        str,
        Field(
            min_length=1,
            max_length=LONGEST_NAME,
            description="Anki's deck; a later version of the same name updates its notes",
        ),
    ] = "Words"

    @field_validator("name")
    @classmethod
    def _name_can_be_shown(cls, name: str) -> str:
        if not name.isprintable():
            raise PydanticCustomError("invalid_text", "holds a character that cannot be shown")
        return name


class DeckRequest(DeckOptions):
    """A list of words to draw, to be downloaded together."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"name": "Lesson 7", "style": "comic", "words": ["山", {"word": "长", "reading": "zhǎng"}]}]
        }
    )

    words: Annotated[
        tuple[SkipValidation[DeckWord | str], ...],  # each by itself, so that a wrong one spoils no other
        Field(min_length=1, max_length=MAX_WORDS),
    ]


class DeckWordView(Schema):
    """How one word of a deck stands."""

    index: int = Field(description="its place in the list, from 0")
    line: int | None = Field(description="its line in a CSV, from 1; null for JSON")
    word: str
    reading: str = Field(description="as the card shows it: the list's, or pinyin from the lexicon")
    meaning: str
    status: JobStatus | Literal["refused"]
    job_id: str | None = Field(description="null: it was refused")
    status_url: str | None
    image_url: str | None = Field(description="null until there is a picture")
    error: JobError | None = Field(description="why it was refused, or failed")


class DeckView(Schema):
    """How a deck stands."""

    deck_id: str
    name: str
    is_finished: bool = Field(description="nothing waits or runs any more")
    total: int
    counts: dict[str, int] = Field(
        description="words by status: queued, running, succeeded, failed, cancelled, refused"
    )
    zip_url: str = Field(description="pictures and a contact sheet; 409 until the deck is finished")
    apkg_url: str = Field(description="an Anki package; likewise")
    words: tuple[DeckWordView, ...] = Field(description="in the order of the list; empty with `words=false`")


class DeckAccepted(Schema):
    """The answer to a new deck."""

    deck_id: str
    status_url: str
    accepted: int = Field(description="words that are drawn")
    refused: int = Field(description="words that cannot be; the deck names them")
    read_as: str | None = Field(description="how a CSV was understood: encoding, separator, columns")
