"""The motifs that a picture can show, with a drawing of each."""

from typing import Annotated

from flask import Response, request, url_for
from pydantic import BaseModel, Field

from api.problems import problem_responses
from api.responses import json_response
from api.routes.blueprints import STATUS, make_blueprint
from api.services import services
from shared.errors import ImageryNotFound
from shared.schemas import LONGEST_MOTIF_NAME, Motifs, MotifView
from shared.writing.imagery import MotifName
from shared.writing.words import no_motif

MAX_LIMIT = 200
# They change only with a new version.
SVG_CACHE = "public, max-age=86400"
# A drawing opened on its own is a document; it must neither run nor load anything.
SVG_POLICY = "default-src 'none'; sandbox"

imagery_api = make_blueprint("imagery", __name__, STATUS)


class MotifQuery(BaseModel):
    """What to search for, and which page of the results to return."""

    query: Annotated[
        str,
        Field(
            description="part of a name or of a keyword, or a word of another language; empty: all motifs",
            max_length=100,
        ),
    ] = ""
    limit: Annotated[int, Field(description="the number of motifs per page", ge=1, le=MAX_LIMIT)] = 50
    offset: Annotated[int, Field(description="the number of motifs to skip", ge=0, le=100_000)] = 0


class MotifPath(BaseModel):
    """The path parameter of a motif."""

    name: Annotated[str, Field(max_length=LONGEST_MOTIF_NAME)]


@imagery_api.get("/imagery", responses={200: Motifs, **problem_responses(422)})
def motifs(query: MotifQuery) -> Response:
    """List motifs: first those whose name or keyword equals the query, then those that begin with it.

    Without a query all are listed, by name. A word that is no part of any is looked up in the other languages.
    """
    found = services().lexicon.motifs(query.query)
    page = found[query.offset : query.offset + query.limit]
    return json_response(Motifs(query=query.query, total=len(found), motifs=tuple(map(_view, page))))


@imagery_api.get(
    "/imagery/<name>.svg",
    responses={
        200: {"content": {"image/svg+xml": {"schema": {"type": "string"}}}},
        **problem_responses(404),
    },
)
def motif(path: MotifPath) -> Response:
    """Return a motif's drawing."""
    imagery = services().imagery
    name = imagery.find(path.name)
    if name is None:
        raise ImageryNotFound(no_motif(path.name, imagery))
    response = Response(imagery.motif(name).to_svg(), content_type="image/svg+xml")
    response.headers["Cache-Control"] = SVG_CACHE
    response.headers["Content-Security-Policy"] = SVG_POLICY
    response.add_etag()
    return response.make_conditional(request)  # type: ignore[return-value]


def _view(motif: MotifName) -> MotifView:
    return MotifView(
        name=motif.name,
        phrase=motif.phrase,
        keywords=motif.keywords,
        svg_url=url_for("imagery.motif", name=motif.name),
    )
