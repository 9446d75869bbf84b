"""Help with filling in a request: a word's meanings, and samples of the styles."""

from typing import Annotated

from flask import Response, send_file
from pydantic import BaseModel, Field

from api.problems import problem_responses
from api.responses import files, json_response, png_response
from api.routes.blueprints import STATUS, make_blueprint
from api.services import services
from api.style_samples import shipped_sample
from shared.schemas import LONGEST_READING, LONGEST_TRANSLATION, Schema, Senses, StyleName
from shared.styles import find_style
from shared.writing.language import LanguageChoice, TranslationLanguage
from shared.writing.normalise import LENGTH_RULE, MAX_SENT_LENGTH

SAMPLE_MAX_AGE_S = 86_400

lexicon_api = make_blueprint("lexicon", __name__, STATUS)


class MeaningQuery(BaseModel):
    """The word to look up."""

    word: Annotated[str, Field(description=LENGTH_RULE, max_length=MAX_SENT_LENGTH)]


class SensesQuery(MeaningQuery):
    """The word to look up, and the fields of a request that determine its sense."""

    translation: Annotated[str, Field(description="as in a request", max_length=LONGEST_TRANSLATION)] = ""
    reading: Annotated[str, Field(description="as in a request", max_length=LONGEST_READING)] = ""
    language: Annotated[LanguageChoice, Field(description="as in a request")] = "auto"
    translation_language: Annotated[TranslationLanguage, Field(description="as in a request")] = "auto"


class Meanings(Schema):
    """A word and its English meanings, the likeliest first."""

    word: str
    meanings: tuple[str, ...]


class StylePath(BaseModel):
    """The path parameter of a style."""

    style: StyleName


@lexicon_api.get("/meaning", responses={200: Meanings, **problem_responses(422)})
def meaning(query: MeaningQuery) -> Response:
    """Look up those meanings of a word that can be pictured. The list is empty if none is found."""
    found = services().lexicon.senses(query.word)
    glosses = dict.fromkeys(sense.gloss for sense in found.senses if sense.is_pictured)
    return json_response(Meanings(word=found.word, meanings=tuple(glosses)))


@lexicon_api.get("/meanings", responses={200: Senses, **problem_responses(422)})
def meanings(query: SensesQuery) -> Response:
    """Look up a word's readings and senses, and the motifs that depict each. The list is empty if none is found."""
    return json_response(services().lexicon.senses(**query.model_dump()))


@lexicon_api.get(
    "/styles/<style>/sample",
    responses={200: files("image/jpeg", "image/png"), **problem_responses(404, 429, 503)},
)
def sample(path: StylePath) -> Response:
    """Return a style's sample picture.

    The sample of an operator's own style is drawn once, by a job that waits behind all others. Until then, the response
    is a 404 with `Retry-After`.
    """
    service = services()
    definition = find_style(path.style, service.settings.styles)
    file = shipped_sample(path.style, definition)
    if file.is_file():
        return send_file(file, mimetype="image/jpeg", max_age=SAMPLE_MAX_AGE_S)
    return png_response(service.jobs.sample(path.style, definition))
