"""Decks: lists of words, drawn in the bulk queue and downloaded together."""

from collections.abc import Collection, Iterator
from functools import partial
from http import HTTPStatus
from typing import Annotated, Any
from urllib.parse import quote

from flask import Response, g, json, request, url_for
from flask_openapi3 import RawModel
from flask_openapi3.types import ResponseDict
from pydantic import BaseModel, Field, ValidationError

from api.blocking import in_thread
from api.bodies import CSV_TYPES, list_encoding
from api.deck_files.anki import package
from api.deck_files.archive import archive
from api.deck_files.card import CardWithPicture
from api.deck_files.file_name import safe_name
from api.deck_words import ListedWord, words_of
from api.decks import CreatedDeck
from api.lists.word_list import read_list
from api.parameters import IdempotencyHeaders, ReadingQuery
from api.problems import problem_responses, validation_problem
from api.query import refuse_others
from api.rate_limit import count_pictures
from api.responses import files, json_response
from api.routes.blueprints import DECKS, make_blueprint
from api.security import authorise_job
from api.services import services
from shared.errors import InvalidRequest, MalformedJson
from shared.queue.decks import DeckEntry, DeckRecord, JobState, word_counts
from shared.schemas.deck import (
    MAX_WORDS,
    DeckAccepted,
    DeckOptions,
    DeckRequest,
    DeckView,
    DeckWordView,
    PictureChoice,
)

MOST_LINES = MAX_WORDS + 2  # a heading and one word too many

decks_api = make_blueprint("decks", __name__, DECKS)


class DeckPath(BaseModel):
    """The path parameter of a deck."""

    deck_id: Annotated[str, Field(description="the id that POST returned")]


class DeckWordPath(DeckPath):
    """The path parameters of a deck's word."""

    index: Annotated[int, Field(ge=0, description="its position in the list, from 0")]


class DeckQuery(BaseModel):
    """How much of a deck is returned."""

    words: Annotated[bool, Field(description="false: only the counts")] = True


class ListQuery(ReadingQuery):
    """The options of a deck sent as CSV; a JSON body contains them itself."""

    name: Annotated[str | None, Field(description="the deck's name, as in JSON")] = None
    style: Annotated[str | None, Field(description="the style of all words, as in JSON")] = None
    options: Annotated[str | None, Field(description="the other fields of the JSON, as a JSON object")] = None


class DeckList(RawModel):
    """A list of words, as JSON or as CSV."""

    mimetypes = ["application/json", *sorted(CSV_TYPES)]  # noqa: RUF012  # as in the base class


def file_responses(media_type: str) -> ResponseDict:
    """Return the OpenAPI description of a deck's file."""
    return {200: files(media_type), **problem_responses(404, 409, 410, 503)}


@decks_api.post("/decks", responses={202: DeckAccepted, **problem_responses(409, 413, 415, 422, 429, 503)})
def create(header: IdempotencyHeaders, query: ListQuery, raw: DeckList) -> Response:  # noqa: ARG001  # for the description
    """Draw a list of up to 500 words, as JSON or as CSV. A CSV's encoding, separator and heading are detected.

    Words that cannot be drawn are refused individually and listed in the deck. The jobs wait in the bulk queue.
    """
    try:
        words, options, read_as = _csv(query) if request.mimetype in CSV_TYPES else _json()
    except ValidationError as error:
        return validation_problem(error)
    count_pictures(options, words=len(words))
    created = services().decks.create(
        words, options, read_as=read_as, idempotency_key=header.idempotency_key, client=g.client or ""
    )
    response = json_response(_accepted(created), HTTPStatus.ACCEPTED)
    response.headers["Location"] = url_for("decks.poll", deck_id=created.submission.deck_id)
    return response


@decks_api.get("/decks/<deck_id>", responses={200: DeckView, **problem_responses(404, 503)})
def poll(path: DeckPath, query: DeckQuery) -> Response:
    """Return a deck's status: the number of words by status, and each word."""
    record, states = services().decks.state(path.deck_id)
    response = json_response(_view(record, states, has_words=query.words))
    response.add_etag()
    return response.make_conditional(request)  # type: ignore[return-value]


@decks_api.delete("/decks/<deck_id>", responses={200: DeckView, **problem_responses(404, 503)})
def cancel(path: DeckPath) -> Response:
    """Cancel the jobs that have not ended. Finished pictures stay and can be downloaded. Safe to repeat."""
    decks = services().decks
    decks.cancel(path.deck_id)
    return json_response(_view(*decks.state(path.deck_id), has_words=True))


@decks_api.put(
    "/decks/<deck_id>/words/<int:index>",
    responses={200: DeckWordView, **problem_responses(404, 409, 410, 413, 415, 422, 500, 503)},
)
def replace(path: DeckWordPath, body: PictureChoice) -> Response:
    """Give a word of a deck another picture, as if it had been drawn with the deck. Safe to repeat.

    The job draws the same word, or any word in the place of a refused one. Its meaning goes onto the card.
    """
    authorise_job(body.job_id)
    decks = services().decks
    entry = decks.replace(path.deck_id, path.index, body.job_id, body.variation)
    state = decks.job_state(body.job_id)
    with_picture = services().jobs.with_picture([(body.job_id, state.status)])
    return json_response(_word(path.index, entry, {body.job_id: state}, with_picture))


@decks_api.get("/decks/<deck_id>.zip", responses=file_responses("application/zip"))
def zip_file(path: DeckPath) -> Response:
    """Return the pictures and a contact sheet of a finished deck."""
    record, cards = _cards(path.deck_id)
    return _download(archive(record.name, cards), record.name, "zip", "application/zip")


@decks_api.get("/decks/<deck_id>.apkg", responses=file_responses("application/octet-stream"))
def anki_file(path: DeckPath) -> Response:
    """Return a finished deck as an Anki package. Importing a later version updates its notes."""
    record, cards = _cards(path.deck_id)
    stream = package(record.name, cards, services().dictionaries, in_thread)
    return _download(stream, record.name, "apkg", "application/octet-stream")


def _json() -> tuple[list[ListedWord], DeckOptions, None]:
    refuse_others((), "a deck in JSON contains its options")
    asked = DeckRequest.model_validate(request.get_json())
    return [ListedWord(word) for word in asked.words], asked, None


def _csv(query: ListQuery) -> tuple[list[ListedWord], DeckOptions, str]:
    content = request.get_data()
    encoding = list_encoding(query.encoding)
    styles = services().settings.styles
    words = in_thread(
        lambda: read_list(content, encoding=encoding, columns=query.columns, most=MOST_LINES, styles=styles)
    )
    listed = words_of(words)
    own, options = {"name": query.name, "style": query.style}, _options(query.options)
    for name, value in own.items():
        if value is not None and name in options:
            raise InvalidRequest("give it once, not in `options` as well", field=name, code="invalid_value")
    given: dict[str, Any] = own | options
    # Validated like a JSON body, so that the same faults have the same codes.
    asked = DeckRequest.model_validate({**given, "words": [word.document for word in listed]})
    return listed, asked, words.mapping


def _options(text: str | None) -> dict[str, Any]:
    if text is None:
        return {}
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise MalformedJson(f"options: not valid JSON: {error}", field="options") from error
    if not isinstance(document, dict) or "words" in document:
        raise MalformedJson('options: give a JSON object such as {"seed": 7}, without `words`', field="options")
    return document


def _accepted(created: CreatedDeck) -> DeckAccepted:
    accepted = len(created.record.jobs)
    return DeckAccepted(
        deck_id=created.submission.deck_id,
        status_url=url_for("decks.poll", deck_id=created.submission.deck_id),
        accepted=accepted,
        refused=len(created.record.entries) - accepted,
        read_as=created.record.read_as,
    )


def _view(record: DeckRecord, states: dict[str, JobState], *, has_words: bool) -> DeckView:
    words: tuple[DeckWordView, ...] = ()
    if has_words:
        with_picture = services().jobs.with_picture((job_id, state.status) for job_id, state in states.items())
        words = tuple(_word(index, entry, states, with_picture) for index, entry in enumerate(record.entries))
    return DeckView(
        deck_id=record.deck_id,
        name=record.name,
        is_finished=all(state.status.is_terminal for state in states.values()),
        total=len(record.entries),
        counts=word_counts(record, states),
        zip_url=url_for("decks.zip_file", deck_id=record.deck_id),
        apkg_url=url_for("decks.anki_file", deck_id=record.deck_id),
        words=words,
    )


def _word(index: int, entry: DeckEntry, states: dict[str, JobState], with_picture: Collection[str]) -> DeckWordView:
    job_id = entry.job_id
    state = states[job_id] if job_id is not None else None
    return DeckWordView(
        index=index,
        line=entry.line,
        word=entry.word,
        reading=entry.reading,
        meaning=entry.meaning,
        status="refused" if state is None else state.status,
        job_id=job_id,
        status_url=url_for("jobs.poll", job_id=job_id) if job_id is not None else None,
        image_url=_image_url(entry) if job_id in with_picture else None,
        error=entry.error if state is None else state.error,
    )


def _image_url(entry: DeckEntry) -> str:
    if entry.variation is None:
        return url_for("jobs.image", job_id=entry.job_id)
    return url_for("jobs.variation", job_id=entry.job_id, variation=entry.variation)


def _cards(deck_id: str) -> tuple[DeckRecord, list[CardWithPicture]]:
    decks, dictionaries = services().decks, services().dictionaries
    record, words = decks.drawn(deck_id)
    digits = len(str(len(words)))
    cards = [
        CardWithPicture(
            word=word.entry.word,
            reading=word.entry.reading,
            language=dictionaries.of(word.entry.word, word.entry.language, word.entry.reading).language,
            meaning=word.entry.meaning,
            prompt=word.stored.body["prompt_used"],
            file=f"pictures/{number:0{digits}}-{safe_name(word.entry.word)}.png",
            read=partial(decks.png, word),
        )
        for number, word in enumerate(words, start=1)
    ]
    return record, cards


def _download(stream: Iterator[bytes], name: str, suffix: str, media_type: str) -> Response:
    first = next(stream)  # a missing picture can change the status only before the first byte is sent
    response = Response(_rest(first, stream), content_type=media_type)
    file = f"{safe_name(name)}.{suffix}"
    response.headers["Content-Disposition"] = f"attachment; filename=\"deck.{suffix}\"; filename*=UTF-8''{quote(file)}"
    response.headers["Cache-Control"] = "private, no-store"
    return response


def _rest(first: bytes, stream: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from stream
