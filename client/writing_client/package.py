"""The Anki package and the contact sheet of a deck's pictures.

The service makes both from the cards' texts. The pictures stay on this machine and are added here.
"""

import io
import json
import zipfile
from collections.abc import Sequence
from pathlib import Path

from writing_client.files import atomic_file, write_atomically
from writing_client.models import CardText

SHEET = "index.html"


def write_package(archive: bytes, cards: Sequence[CardText], folder: Path, path: Path) -> Path:
    """Write an Anki package, and a contact sheet in the deck's folder; return the sheet's path.

    Args:
        archive: the service's response: the package without its pictures, and the sheet.
        cards: the cards that it was made from.
        folder: the deck's folder, from which the cards' files are read.
        path: the package's path.
    """
    pictures = {f"writing-{card.digest}.png": folder / card.file for card in cards}
    with zipfile.ZipFile(io.BytesIO(archive)) as bare:
        with atomic_file(path) as file, zipfile.ZipFile(file, "w", strict_timestamps=False) as package:
            for number, name in json.loads(bare.read("media")).items():
                package.write(pictures[name], number)
            for name in ("media", "collection.anki2"):
                package.writestr(name, bare.read(name), zipfile.ZIP_DEFLATED)
        return write_atomically(folder / SHEET, bare.read(SHEET))
