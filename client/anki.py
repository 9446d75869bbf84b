"""A deck as an Anki package: the picture in front; word, reading and meaning behind."""

import hashlib
import io
import itertools
import json
import sqlite3
import tempfile
import time
import zipfile
from collections import Counter
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path

import genanki  # type: ignore[import-untyped]

from client.deck import Card
from client.files import write_atomically

FIELDS = ("Word", "Reading", "Meaning", "Picture")
FRONT = "{{Picture}}"
BACK = """{{FrontSide}}<hr id="answer">
<div class="word">{{Word}}</div><div class="reading">{{Reading}}</div><div>{{Meaning}}</div>"""
LOOK = """
.card { font-family: sans-serif; font-size: 22px; text-align: center; }
.card img { max-width: 100%; }
.word { font-size: 44px; }
.reading { opacity: 0.7; }
"""


def write_package(path: Path, name: str, cards: Sequence[Card]) -> Path:
    """Write the package; return its path.

    The ids follow from the deck's name, the words and their meanings, so that importing a later version updates the
    notes, and what was learnt stays, in whatever order the words stand. Another meaning is another note.

    Args:
        path: ends in ``.apkg``.
        name: the deck's.
        cards: the words, each with its picture.
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
    media: dict[str, bytes] = {}
    for card in cards:
        png = card.picture.read_bytes()
        # By its content: Anki keeps all decks' media in one folder, and would take another picture for an old one.
        file = f"writing-{hashlib.sha256(png).hexdigest()[:24]}.png"
        media[file] = png
        texts = [escape(text) for text in (card.word, card.reading, card.meaning)]
        pair = card.word, card.meaning  # 长 may stand there twice, with two meanings; a pair again, in two styles
        guid = genanki.guid_for(name, *pair, repeats[pair])
        repeats[pair] += 1
        deck.add_note(genanki.Note(model, [*texts, f'<img src="{file}">'], guid=guid))
    return write_atomically(path, _package(genanki.Package(deck), media))


def _package(package: genanki.Package, media: Mapping[str, bytes]) -> bytes:
    """Return the package's file. genanki's own writing leaves a database behind in the folder for temporary files."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("collection.anki2", _collection(package))
        archive.writestr("media", json.dumps({str(number): name for number, name in enumerate(media)}))
        for number, png in enumerate(media.values()):
            archive.writestr(str(number), png)
    return content.getvalue()


def _collection(package: genanki.Package) -> bytes:
    now = time.time()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "collection.anki2"
        connection = sqlite3.connect(path)
        try:
            package.write_to_db(connection.cursor(), now, itertools.count(int(now * 1000)))
            connection.commit()
        finally:
            connection.close()
        return path.read_bytes()


def _number(text: str) -> int:
    """Return an id for Anki that is always the same for a text: 31 bits, as its own."""
    return 1 << 30 | int.from_bytes(hashlib.sha256(text.encode()).digest()[:4]) >> 2
