"""Compare stroke types with cnchar-order, an independent table of strokes in writing order.

    python -m training.compare_stroke_types orders.json

``orders.json`` is the ``dict.orders`` of the npm package ``cnchar-order`` 3.2.6 (MIT), which maps a character to one
letter for each stroke. The five classes 横竖撇点折 (横 with 提, 竖 with 竖钩, 点 with 捺) are compared over all
characters with equal stroke counts.
"""

import argparse
import json
from collections import Counter, defaultdict
from pathlib import Path

from tqdm import tqdm

from shared.writing.characters import CharacterDatabase
from worker.glyphs.stroke_types import StrokeType, stroke_type

# The five classes of the dictionary order 横竖撇点折 (GB 13000.1 character strokes order).
FIVE_CLASSES = {
    StrokeType.HENG: 1,
    StrokeType.TI: 1,
    StrokeType.SHU: 2,
    StrokeType.SHU_GOU: 2,
    StrokeType.PIE: 3,
    StrokeType.DIAN: 4,
    StrokeType.NA: 4,
    StrokeType.ZHE: 5,
}
# cnchar's letters by class; omitted letters are bent strokes. `d` is the left dot, `g` the hooked vertical stroke.
CLASS_OF_LETTER = {"j": 1, "i": 1, "f": 2, "g": 2, "s": 3, "k": 4, "l": 4, "d": 4}
BENT = 5
NAMES = {1: "横", 2: "竖", 3: "撇", 4: "点", 5: "折"}


def main(path: Path) -> None:
    """Print the agreement and the kinds of disagreement."""
    orders: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
    database = CharacterDatabase()
    agreed = compared = characters = 0
    kinds: Counter[tuple[str, str]] = Counter()
    examples: dict[tuple[str, str], list[str]] = defaultdict(list)
    for name in tqdm(database.characters(), desc="characters"):
        character, letters = database.character(name), orders.get(name)
        if character is None or not letters or len(letters) != len(character.strokes):
            continue
        characters += 1
        for letter, stroke in zip(letters, character.strokes, strict=True):
            ours, theirs = FIVE_CLASSES[stroke_type(stroke)], CLASS_OF_LETTER.get(letter, BENT)
            compared += 1
            agreed += ours == theirs
            if ours != theirs:
                kind = (NAMES[theirs], NAMES[ours])
                kinds[kind] += 1
                examples[kind].append(name)
    print(f"{agreed / compared:.4f} of {compared} strokes of {characters} characters")
    for kind, count in kinds.most_common():
        print(f"  theirs {kind[0]} ours {kind[1]}: {count:4}  {''.join(dict.fromkeys(examples[kind]))[:12]}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("orders", type=Path)
    main(parser.parse_args().orders)
