"""Anki packages of the caller's own pictures."""

import json
from functools import partial

from flask import Response

from api.blocking import in_thread
from api.deck_files.anki import collection, media_name
from api.deck_files.card import Card
from api.deck_files.contact_sheet import contact_sheet
from api.deck_files.zip_stream import ZipStream
from api.problems import problem_responses
from api.responses import files
from api.routes.blueprints import DECKS, make_blueprint
from api.services import services
from shared.schemas.deck import CardsRequest, CardText
from shared.writing.dictionaries import Dictionaries

anki_packages_api = make_blueprint("anki_packages", __name__, DECKS)


@anki_packages_api.post(
    "/anki-packages", responses={200: files("application/zip"), **problem_responses(413, 415, 422, 429, 503)}
)
def bind(body: CardsRequest) -> Response:
    """Return an Anki package without its pictures and a contact sheet (`index.html`), as a ZIP archive.

    `media` in the archive is a JSON object that maps numbers to names. The package is complete once each picture is
    added to the archive under its number. A name consists of `writing-`, the picture's `digest` and `.png`.
    """
    return Response(in_thread(partial(_bound, body, services().dictionaries)), content_type="application/zip")


def _bound(asked: CardsRequest, dictionaries: Dictionaries) -> bytes:
    cards = [_card(card, dictionaries) for card in asked.cards]
    names = [media_name(card.digest) for card in asked.cards]
    media = {str(number): name for number, name in enumerate(dict.fromkeys(names))}
    archive = ZipStream()
    parts = [
        archive.add("media", json.dumps(media).encode()),
        archive.add("index.html", contact_sheet(asked.name, cards), is_compressed=True),
        archive.add("collection.anki2", collection(asked.name, cards, names, dictionaries), is_compressed=True),
        archive.close(),
    ]
    return b"".join(parts)


def _card(text: CardText, dictionaries: Dictionaries) -> Card:
    language = dictionaries.of(text.word, text.language, text.reading).language
    return Card(text.word, text.reading, language, text.meaning, text.prompt, text.file)
