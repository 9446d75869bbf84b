"""Import a deck into a real Anki, twice, with a review in between: ``python bench/anki_import.py DECK.apkg``.

Needs ``pip install anki``, preferably in a separate environment. Nothing of the service is loaded.
"""

import argparse
import tempfile
from pathlib import Path

from anki.collection import Collection, ImportAnkiPackageOptions, ImportAnkiPackageRequest


def main() -> None:
    """Print what each import did, and what the collection contains afterwards."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("deck", type=Path)
    parser.add_argument("later", type=Path, nargs="?", help="a later version; default: the same file again")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        collection = Collection(str(Path(folder) / "collection.anki2"))
        _import(collection, arguments.deck)
        reviewed = _review(collection)
        _import(collection, arguments.later or arguments.deck)
        _report(collection, reviewed)
        collection.close()


def _import(collection: Collection, path: Path) -> None:
    request = ImportAnkiPackageRequest(package_path=str(path), options=ImportAnkiPackageOptions())
    log = collection.import_anki_package(request).log
    counts = {"new": log.new, "updated": log.updated, "as they were": log.duplicate, "refused": log.conflicting}
    print(f"{path}: {', '.join(f'{len(notes)} {name}' for name, notes in counts.items())}")


def _review(collection: Collection) -> int:
    """Answer the first card of the imported deck; return its id."""
    deck = next(deck for deck in collection.decks.all_names_and_ids() if collection.decks.card_count(deck.id, True))
    collection.decks.select(deck.id)
    card = collection.sched.getCard()
    collection.sched.answerCard(card, 3)
    return int(card.id)


def _report(collection: Collection, reviewed: int) -> None:
    notes = [collection.get_note(note) for note in collection.find_notes("")]
    print(f"{len(notes)} notes, {len({(note.fields[0], note.fields[2]) for note in notes})} words with their meanings")
    for name in notes[0].keys():  # noqa: SIM118  # a note is no mapping
        print(f"  {name}: empty in {sum(not note[name] for note in notes)}")
    print(f"media missing: {len(collection.media.check().missing)}")
    print(f"reviews kept: {collection.get_card(reviewed).reps} of 1")


if __name__ == "__main__":
    main()
