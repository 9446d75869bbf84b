"""The words of a deck as submitted, and the outcome of each: a job, or the reason why it was refused."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from pydantic import ValidationError

from api.idempotency import fingerprint
from api.lists.imagery import read_imagery
from api.lists.word_list import WordList
from api.problems import findings, problem_document
from api.validation import RequestValidator
from shared.errors import BadLine, DifferentWord, InvalidRequest, ServiceError
from shared.queue.decks import DeckEntry
from shared.schemas import LONGEST_READING, LONGEST_TRANSLATION, GenerationRequest, JobError, Priority
from shared.schemas.deck import DeckOptions, DeckWord
from shared.settings import Settings
from shared.writing.dictionaries import Dictionaries
from shared.writing.language import LanguageChoice
from shared.writing.normalise import fold
from shared.writing.words import Meaning, senses_read

LONGEST_WORD = 100  # of a refused word, in characters
# Options of every job of a deck.
OWN_OPTIONS = {"priority": Priority.BULK, "include_conditioning": False}


@dataclass(frozen=True, slots=True)
class ListedWord:
    """A word of a list as submitted.

    Attributes:
        document: the request, not yet validated.
        line: its line in a CSV, from 1; None if it was not sent as CSV.
        fault: why its line does not contain a word; "" if it does.
    """

    document: Any
    line: int | None = None
    fault: str = ""


def words_of(words: WordList) -> list[ListedWord]:
    """Return the words of a CSV in order, including the lines that do not contain one."""
    listed = [ListedWord(None, row.line, row.reason) for row in words.bad]
    for row in words.rows:
        own = {"word": row.word, "translation": row.translation, "reading": row.reading, "style": row.style}
        imagery = {"imagery": read_imagery(row.imagery)} if row.imagery else {}
        listed.append(ListedWord({**own, **imagery}, row.line))
    return sorted(listed, key=lambda word: word.line or 0)


def with_languages(listed: Sequence[ListedWord], options: DeckOptions, dictionaries: Dictionaries) -> list[ListedWord]:
    """Return the words of a list with the languages that it shows, where neither a word nor the deck names one."""
    documents = [{"word": word.document} if isinstance(word.document, str) else word.document for word in listed]
    words = [fold(_text(document, "word")).strip() for document in documents]
    languages: Sequence[LanguageChoice] = [options.language] * len(words)
    shown: dict[str, Sequence[str]] = {}
    if options.language == "auto":
        readings = [_text(document, "reading") for document in documents]
        shown["language"] = languages = dictionaries.of_list(list(zip(words, readings, strict=True)))
    if options.translation_language == "auto":
        translated = [(word, _text(document, "translation")) for word, document in zip(words, documents, strict=True)]
        shown["translation_language"] = dictionaries.translations_of_list(translated, languages)
    return [
        _completed(word, documents[index], {name: values[index] for name, values in shown.items()})
        for index, word in enumerate(listed)
    ]


def _completed(word: ListedWord, document: Any, shown: dict[str, str]) -> ListedWord:
    """Return a word with the fields that it lacks, or has as null, as far as the list shows them."""
    if not isinstance(document, dict):
        return word
    lacking = {name: value for name, value in shown.items() if value != "auto" and document.get(name) is None}
    return replace(word, document={**document, **lacking}) if lacking else word


def _text(document: Any, field: str) -> str:
    """Return a field of a document that is not yet validated; "" if it is no text."""
    value = document.get(field) if isinstance(document, dict) else None
    return value if isinstance(value, str) else ""


def plan(
    listed: ListedWord, options: DeckOptions, validator: RequestValidator, dictionaries: Dictionaries
) -> tuple[DeckEntry, GenerationRequest | None]:
    """Return a word as its deck records it, and the request to draw; None if it is refused."""
    try:
        if listed.fault:
            raise BadLine(f"line {listed.line}: {listed.fault}")
        word = DeckWord.model_validate(listed.document)
        request = _request(word, options, dictionaries)
        meaning = validator.check(request)
    except ValidationError as error:
        return _refused(listed, findings(error)), None
    except InvalidRequest as error:
        return _refused(listed, error), None
    entry = DeckEntry(
        word=word.word,
        reading=word.reading or meaning.reading or "",
        language=meaning.language,
        meaning=meaning.display,
        line=listed.line,
        job_id=str(uuid.uuid4()),
    )
    return entry, request


def drawn_by(
    entry: DeckEntry, job_id: str, request: GenerationRequest, meaning: Meaning, variation: int | None
) -> DeckEntry:
    """Return a word of a deck with another job, whose meaning goes onto its card.

    Raises:
        DifferentWord: the job draws another word. A refused word may be replaced by any.
    """
    if entry.job_id is not None and request.word != entry.word:
        raise DifferentWord(f"the job draws {request.word!r}; the deck has {entry.word!r} there", field="job_id")
    own = entry.reading if meaning.display == entry.meaning else ""  # the list's own reading stays with its meaning
    return replace(
        entry,
        word=request.word,
        reading=own or request.reading or meaning.reading or "",
        language=meaning.language,
        meaning=meaning.display,
        job_id=job_id,
        error=None,
        variation=variation,
    )


def identity(listed: ListedWord, options: DeckOptions, dictionaries: Dictionaries, settings: Settings) -> Any:
    """Return a value that is equal for equivalent words, however they were sent. An invalid word is its own."""
    try:
        word = DeckWord.model_validate(listed.document)
        return [word.reading, fingerprint(_request(word, options, dictionaries), settings)]
    except ValidationError:
        return listed.document


def _request(word: DeckWord, options: DeckOptions, dictionaries: Dictionaries) -> GenerationRequest:
    own = word.model_dump(exclude_unset=True, exclude={"reading"})
    shared = options.model_dump(exclude_unset=True, exclude={"name", "words", "webhook_url"})
    reading = {"reading": word.reading} if _is_known(word, options, dictionaries) else {}
    given = {name: value for name, value in own.items() if value is not None}
    return GenerationRequest.model_validate({**shared, **given, **reading, **OWN_OPTIONS})


def _is_known(word: DeckWord, options: DeckOptions, dictionaries: Dictionaries) -> bool:
    """Return whether the lexicon has a word's reading; a list may have romaji or free text."""
    database = dictionaries.of(word.word, word.language or options.language, word.reading)
    try:
        return bool(word.reading) and bool(senses_read(word.word, word.reading, database))
    except InvalidRequest:
        return False


def _refused(listed: ListedWord, error: ServiceError) -> DeckEntry:
    problem = problem_document(error)  # its text can be encoded in UTF-8, whatever the word contains
    refusal = JobError.model_validate({name: problem.get(name) for name in JobError.model_fields})
    document = listed.document if isinstance(listed.document, dict) else {"word": listed.document}
    return DeckEntry(
        word=_as_sent(document, "word", LONGEST_WORD),
        reading=_as_sent(document, "reading", LONGEST_READING),
        meaning=_as_sent(document, "translation", LONGEST_TRANSLATION),
        line=listed.line,
        error=refusal,
    )


def _as_sent(document: dict[str, Any], field: str, longest: int) -> str:
    text = document.get(field)
    return text.encode("utf-8", "backslashreplace").decode()[:longest] if isinstance(text, str) else ""
