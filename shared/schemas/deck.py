"""A deck on the wire: its request and its state."""

import unicodedata
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    SkipValidation,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from shared.schemas.base import PLAIN, RequestModel, Schema
from shared.schemas.job import JobStatus
from shared.schemas.problem import JobError
from shared.schemas.request import (
    LONGEST_READING,
    DrawingOptions,
    Language,
    LanguageOfTranslation,
    MotifNames,
    StyleName,
    WordToDraw,
    read_imagery_field,
)
from shared.writing.clusters import JOINERS, clusters
from shared.writing.language import LanguageChoice, TranslationLanguage
from shared.writing.motif import ImageryMode
from shared.writing.normalise import LENGTH_RULE, MAX_SENT_LENGTH, MAX_WORD_LENGTH, word_length

MAX_WORDS = 500
MAX_CARDS = 3_000  # their texts fit in `api.max_package_bytes`
# East Asian characters, from `FIRST_EAST_ASIAN` on, in the words of a package: their strokes take up to 8 KB each.
MAX_CHARACTERS = 10_000
FIRST_EAST_ASIAN = "\u2e80"
LONGEST_NAME = 100
DIGEST_LENGTH = 24  # hexadecimal digits of SHA-256 that identify a picture


def _in_normal_form(name: object) -> object:
    """Return a name as Anki compares it: composed, without marks of direction, and with plain spaces inside only."""
    if not isinstance(name, str):
        return name
    return "".join(map(_plain, unicodedata.normalize("NFC", name))).strip()


def _plain(character: str) -> str:
    """Return a space for any kind of space, such as a Chinese keyboard's, and nothing for an invisible mark."""
    category = unicodedata.category(character)
    if category == "Cf" and character not in JOINERS:
        return ""
    return " " if category == "Zs" else character


def _can_be_shown(name: str) -> str:
    if not name.strip(JOINERS) or not all(part.isprintable() or part in JOINERS for part in name):
        raise PydanticCustomError("invalid_text", "contains a character that cannot be displayed")
    return name


DeckName = Annotated[
    str,
    Field(
        min_length=1,
        max_length=LONGEST_NAME,
        description="the Anki deck's name; importing a later version of the deck updates its notes",
    ),
    BeforeValidator(_in_normal_form),
    AfterValidator(_can_be_shown),
]


class DeckWord(WordToDraw):
    """A word of a deck; a plain string is its `word`. Its own language, style and imagery override the deck's."""

    reading: Annotated[
        str,
        Field(
            max_length=LONGEST_READING,
            description="shown on the card; if the lexicon has it, it also selects the sense; empty: pinyin",
        ),
        PLAIN,
    ] = ""
    language: Language | None = None  # type: ignore[assignment]  # null: the deck's
    translation_language: LanguageOfTranslation | None = None  # type: ignore[assignment]  # null: the deck's
    style: StyleName | None = None
    imagery: Annotated[
        ImageryMode | MotifNames | None, Field(description="as in a single request"), read_imagery_field
    ] = None

    @model_validator(mode="before")
    @classmethod
    def _text_is_its_word(cls, data: Any) -> Any:
        return {"word": data} if isinstance(data, str) else data


class DeckOptions(DrawingOptions):
    """The options for all words of a deck."""

    name: DeckName = "Words"
    language: Annotated[
        LanguageChoice,
        Field(
            description="the words'; `auto`: as in a request, where kana in one makes others Japanese, and most words "
            "in Latin letters show the language of all"
        ),
    ] = "auto"
    translation_language: Annotated[
        TranslationLanguage,
        Field(
            description="the translations': as in a request; `auto`: where a third are of another language than "
            "English, all are"
        ),
    ] = "auto"
    webhook_url: Annotated[
        str | None,
        Field(
            max_length=2000,
            description="an allowed host's https URL, which receives one signed notification when all jobs of the deck "
            "have ended",
        ),
    ] = None


class PictureChoice(RequestModel):
    """The picture of a deck's word: that of a job which draws the word, or one of the job's variations."""

    job_id: Annotated[str, Field(max_length=100, description="a job of the same word; it need not have ended")]
    variation: Annotated[
        int | None,
        Field(strict=True, ge=0, description="which of its variations, from 0; null: the one that it chose"),
    ] = None


class DeckRequest(DeckOptions):
    """A list of words to draw and download together."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"name": "Lesson 7", "style": "comic", "words": ["山", {"word": "长", "reading": "zhǎng"}]}]
        }
    )

    words: Annotated[
        tuple[SkipValidation[DeckWord | str], ...],  # validated one by one, so that an invalid one affects no other
        Field(min_length=1, max_length=MAX_WORDS),
    ]


class ListedRow(Schema):
    """A line of a list that contains a word, as it was read."""

    line: int = Field(description="its line in the list, from 1")
    word: str
    translation: str = Field(description="empty: looked up in the lexicon")
    reading: str
    language: LanguageChoice = Field(
        description="`ja` beside kana, or the language of most words in Latin letters, if its lexicon knows the word"
    )
    translation_language: TranslationLanguage = Field(
        description="where more than a third are not English: their language, or `other` if a lexicon knows the word"
    )
    style: str | None = Field(description="the word's own; null: the deck's")
    imagery: ImageryMode | tuple[str, ...] | None = Field(description="the word's own; null: the deck's")


class ListNote(Schema):
    """A line of a list that does not contain a word, and why."""

    line: int
    reason: str


class ListView(Schema):
    """A list of words as it was read. Whether the words can be drawn is checked only on submission."""

    read_as: str = Field(description="how the list was read: encoding, separator, columns")
    words: tuple[ListedRow, ...]
    refused: tuple[ListNote, ...] = Field(description="lines that should contain a word but do not")
    notes: tuple[ListNote, ...] = Field(description="lines that are not meant as words, such as a heading")


def _is_a_words_length(word: str) -> str:
    written = clusters(word)
    if word_length(written) > MAX_WORD_LENGTH:
        raise PydanticCustomError(
            "too_long", "has {length} characters; give {rule}", {"length": len(written), "rule": LENGTH_RULE}
        )
    return word


class CardText(RequestModel):
    """A card whose picture the caller already has."""

    # A control character separates the fields of Anki's notes, so every text is plain.
    word: Annotated[
        str,
        Field(min_length=1, max_length=MAX_SENT_LENGTH, description=LENGTH_RULE),
        AfterValidator(_is_a_words_length),
        PLAIN,
    ]
    reading: Annotated[str, Field(max_length=LONGEST_READING), PLAIN] = ""
    language: Language = "auto"
    meaning: Annotated[str, Field(max_length=500), PLAIN] = ""
    prompt: Annotated[
        str, Field(max_length=1000, description="the picture's prompt, for its alternative text"), PLAIN
    ] = ""
    file: Annotated[
        str, Field(min_length=1, max_length=300, description="the picture's path, relative to the contact sheet"), PLAIN
    ]
    digest: Annotated[
        str,
        Field(
            pattern=rf"^[0-9a-f]{{{DIGEST_LENGTH}}}$",
            description="the first 24 hexadecimal digits of the picture's SHA-256",
        ),
    ]


class CardsRequest(RequestModel):
    """Cards to bind into a package."""

    name: DeckName = "Words"
    cards: Annotated[
        tuple[CardText, ...],
        Field(
            min_length=1,
            max_length=MAX_CARDS,
            description=f"with at most {MAX_CHARACTERS:,} East Asian characters in all of their words",
        ),
    ]

    @field_validator("cards")
    @classmethod
    def _strokes_fit_into_a_package(cls, cards: tuple[CardText, ...]) -> tuple[CardText, ...]:
        count = sum(character >= FIRST_EAST_ASIAN for card in cards for character in card.word)
        if count > MAX_CHARACTERS:
            raise PydanticCustomError(
                "too_long",
                "the words have {count} East Asian characters together; give at most {limit}",
                {"count": count, "limit": MAX_CHARACTERS},
            )
        return cards


class DeckWordView(Schema):
    """The state of one word of a deck."""

    index: int = Field(description="its position in the list, from 0")
    line: int | None = Field(description="its line in the CSV, from 1; null for JSON")
    word: str
    reading: str = Field(
        description="shown on the card: the list's reading, or pinyin or kana from the lexicon; as sent if refused"
    )
    meaning: str = Field(description="shown on the card; the translation as sent if the word was refused")
    status: JobStatus | Literal["refused"]
    job_id: str | None = Field(description="null if the word was refused")
    status_url: str | None
    image_url: str | None = Field(description="null until there is a picture, and once it is no longer stored")
    error: JobError | None = Field(description="why the word was refused or failed")


class DeckHead(Schema):
    """A deck without its words."""

    deck_id: str
    name: str
    is_finished: bool = Field(description="whether no job is waiting or running any more")
    total: int
    counts: dict[str, int] = Field(
        description="words by status: queued, running, succeeded, failed, cancelled, refused"
    )
    zip_url: str = Field(
        description="a ZIP archive of the pictures and a contact sheet; 409 until the deck is finished"
    )
    apkg_url: str = Field(description="an Anki package; 409 until the deck is finished")


class DeckView(DeckHead):
    """The state of a deck."""

    words: tuple[DeckWordView, ...] = Field(description="in the order of the list; empty if `words=false`")


class DeckAccepted(Schema):
    """The response to a new deck."""

    deck_id: str
    status_url: str
    accepted: int = Field(description="how many words will be drawn")
    refused: int = Field(description="how many words cannot be drawn; the deck lists them")
    read_as: str | None = Field(description="how a CSV was read: encoding, separator, columns")
