"""A caller's own decks."""

from flask import Response, g, url_for
from pydantic import Field

from api.parameters import PageQuery
from api.problems import problem_responses
from api.responses import json_response
from api.routes.blueprints import DECKS, make_blueprint
from api.services import services
from shared.queue.deck_index import DeckCount
from shared.schemas import Schema
from shared.schemas.deck import DeckHead

deck_list_api = make_blueprint("deck_list", __name__, DECKS)


class DeckSummary(DeckHead):
    """A deck in a list."""

    created_at: float = Field(description="seconds since the epoch")
    status_url: str


class DeckListing(Schema):
    """A page of a caller's decks, newest first."""

    decks: tuple[DeckSummary, ...]
    next_cursor: str | None = Field(description="for the next page, with older decks; null on the last page")


@deck_list_api.get("/decks", responses={200: DeckListing, **problem_responses(422, 503)})
def read(query: PageQuery) -> Response:
    """List the caller's own decks, newest first; without API keys, list all decks."""
    page = services().deck_index.page(g.client or "", limit=query.limit, cursor=query.cursor)
    return json_response(DeckListing(decks=tuple(map(_summary, page.records)), next_cursor=page.cursor))


def _summary(deck: DeckCount) -> DeckSummary:
    return DeckSummary(
        deck_id=deck.deck_id,
        name=deck.name,
        is_finished=deck.is_finished,
        total=sum(deck.counts.values()),
        counts=dict(deck.counts),
        created_at=deck.created_at,
        status_url=url_for("decks.poll", deck_id=deck.deck_id),
        zip_url=url_for("decks.zip_file", deck_id=deck.deck_id),
        apkg_url=url_for("decks.anki_file", deck_id=deck.deck_id),
    )
