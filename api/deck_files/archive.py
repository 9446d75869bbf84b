"""A deck as a ZIP archive: its pictures and a contact sheet."""

from collections.abc import Iterator, Sequence

from api.deck_files.card import CardWithPicture
from api.deck_files.contact_sheet import contact_sheet
from api.deck_files.zip_stream import ZipStream


def archive(name: str, cards: Sequence[CardWithPicture]) -> Iterator[bytes]:
    """Yield the archive's bytes. Pictures are read one at a time.

    Args:
        name: the deck's name.
        cards: its cards, in order.
    """
    files = ZipStream()
    for card in cards:
        yield files.add(card.file, card.read())
    yield files.add("index.html", contact_sheet(name, cards), is_compressed=True)
    yield files.close()
