"""Lists of words, read from the files of other programs."""

from functools import partial

from flask import Response, request
from flask_openapi3 import RawModel

from api.blocking import in_thread
from api.bodies import CSV_TYPES, list_encoding
from api.lists.imagery import read_imagery
from api.lists.word_list import BadRow, read_list
from api.parameters import ReadingQuery
from api.problems import problem_responses
from api.responses import json_response
from api.routes.blueprints import DECKS, make_blueprint
from api.services import services
from shared.schemas.deck import ListedRow, ListNote, ListView

word_lists_api = make_blueprint("word_lists", __name__, DECKS)


class ListFile(RawModel):
    """A list of words."""

    mimetypes = sorted(CSV_TYPES)


@word_lists_api.post("/word-lists", responses={200: ListView, **problem_responses(413, 415, 422, 429, 503)})
def read(query: ReadingQuery, raw: ListFile) -> Response:  # noqa: ARG001  # for the description
    """Return how a list is read. Its encoding, separator and columns are detected. Nothing is drawn or stored."""
    content = request.get_data()
    encoding = list_encoding(query.encoding)
    styles = services().settings.styles
    words = in_thread(lambda: read_list(content, encoding=encoding, columns=query.columns, styles=styles))
    texts = [(row.word, row.reading) for row in words.rows]
    dictionaries = services().dictionaries
    languages = in_thread(partial(dictionaries.of_list, texts))
    translated = [(row.word, row.translation) for row in words.rows]
    translations = in_thread(partial(dictionaries.translations_of_list, translated, languages))
    rows = tuple(
        ListedRow(
            line=row.line,
            word=row.word,
            translation=row.translation,
            reading=row.reading,
            language=language,
            translation_language=translation,
            style=row.style,
            imagery=read_imagery(row.imagery) if row.imagery else None,
        )
        for row, language, translation in zip(words.rows, languages, translations, strict=True)
    )
    view = ListView(
        read_as=words.mapping,
        words=rows,
        refused=_notes(words.bad),
        notes=_notes(words.notes),
    )
    return json_response(view)


def _notes(lines: list[BadRow]) -> tuple[ListNote, ...]:
    return tuple(ListNote(line=line.line, reason=line.reason) for line in lines)
