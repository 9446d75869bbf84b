"""A deck as an Anki package: picture on the front; word, reading, meaning and stroke order on the back."""

import hashlib
import itertools
import json
import operator
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from functools import partial
from html import escape

import genanki  # type: ignore[import-untyped]

from api.deck_files.card import Card, CardWithPicture
from api.deck_files.language_tag import language_tag
from api.deck_files.stroke_order import stroke_order
from api.deck_files.zip_stream import ZipStream
from shared.schemas.deck import DIGEST_LENGTH
from shared.writing.dictionaries import Dictionaries

# Append new fields at the end: Anki identifies fields by position.
FIELDS = ("Word", "Reading", "Meaning", "Picture", "Strokes", "Language")
FRONT = "{{Picture}}"
BACK = """{{FrontSide}}<hr id="answer">
<div class="word" lang="{{Language}}" dir="auto">{{Word}}</div>
<div class="reading" dir="auto">{{Reading}}</div><div dir="auto">{{Meaning}}</div>
<div class="writing">{{Strokes}}</div>"""
# No colours, so that night mode (in Anki and AnkiDroid) can set them. Cards on a phone are narrow.
LOOK = """
.card { font-family: sans-serif; font-size: 22px; text-align: center; }
.card img { max-width: 100%; max-height: 60vh; }
.word { font-size: 44px; }
.reading { opacity: 0.7; }
.writing { margin-top: 12px; }
.writing svg { max-width: 100%; height: auto; }
.mobile .word { font-size: 36px; }
"""


def package(
    name: str,
    cards: Sequence[CardWithPicture],
    dictionaries: Dictionaries,
    run: Callable[[Callable[[], bytes]], bytes] = operator.call,
) -> Iterator[bytes]:
    """Yield the bytes of an ``.apkg``. Pictures are read one at a time.

    Args:
        name: the deck's name.
        cards: the words, each with its picture.
        dictionaries: the source of the strokes.
        run: calls a function that computes for up to seconds, such as `api.blocking.in_thread`, and returns its result.
    """
    media: dict[str, str] = {}
    names: list[str] = []
    files = ZipStream()
    for card in cards:
        png = card.read()
        names.append(media_name(hashlib.sha256(png).hexdigest()))
        if names[-1] not in media.values():
            yield files.add(str(len(media)), png)
            media[str(len(media))] = names[-1]
    yield files.add("media", json.dumps(media).encode())
    notes = run(partial(collection, name, cards, names, dictionaries))
    yield files.add("collection.anki2", notes, is_compressed=True)
    yield files.close()


def media_name(digest: str) -> str:
    """Return a picture's media name in Anki, from its SHA-256 in hexadecimal.

    Anki keeps the media of all decks in one folder, so two pictures must not share a name.
    """
    return f"writing-{digest[:DIGEST_LENGTH]}.png"


def collection(name: str, cards: Sequence[Card], media: Sequence[str], dictionaries: Dictionaries) -> bytes:
    """Return a package's database of notes, which refers to the pictures by name.

    The ids are derived from the deck's name, the words and their meanings. Importing a later version therefore updates
    the notes and keeps the learner's progress, regardless of word order. A different meaning makes a different note.

    Args:
        name: the deck's name.
        cards: the words.
        media: the name of each card's picture, from `media_name`.
        dictionaries: the source of the strokes.
    """
    model = genanki.Model(
        _number(f"model {name}"),
        name,
        fields=[{"name": field} for field in FIELDS],
        templates=[{"name": "Picture to word", "qfmt": FRONT, "afmt": BACK}],
        css=LOOK,
    )
    deck = genanki.Deck(_number(f"deck {name}"), name)
    repeats: Counter[tuple[str, str]] = Counter()
    for card, file in zip(cards, media, strict=True):
        texts = [_as_shown(text) for text in (card.word, card.reading, card.meaning)]
        pair = card.word, card.meaning  # 长 may occur twice with two meanings, and the same pair twice in two styles
        guid = genanki.guid_for(name, *pair, repeats[pair])
        repeats[pair] += 1
        strokes = stroke_order(card.word, dictionaries.strokes(card.language))
        fields = [*texts, f'<img src="{file}">', strokes, language_tag(card.word, card.language)]
        deck.add_note(genanki.Note(model, fields, guid=guid))
    return _written(genanki.Package(deck))


def _as_shown(text: str) -> str:
    r"""Return a text in HTML that Anki shows as it is: brackets may be sounds or LaTeX, ``\(`` MathJax."""
    return escape(text).replace("[", "&#91;").replace("\\", "&#92;")


def _written(package: genanki.Package) -> bytes:
    """Return the package's database, written in memory, since a full disk would break off a download."""
    now = time.time()
    with closing(sqlite3.connect(":memory:")) as connection:
        package.write_to_db(connection.cursor(), now, itertools.count(int(now * 1000)))
        connection.commit()
        return connection.serialize()


def _number(text: str) -> int:
    """Return a stable id for a text: 31 bits, like Anki's own ids."""
    return 1 << 30 | int.from_bytes(hashlib.sha256(text.encode()).digest()[:4]) >> 2
