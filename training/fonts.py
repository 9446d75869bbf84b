r"""Make the fallback fonts in ``shared/writing/data/fonts``: subsets of fonts of the Noto family (SIL OFL 1.1).

    python -m training.fonts FOLDER

FOLDER contains, at any depth, the TrueType files of the npm packages ``@expo-google-fonts/noto-sans`` and its siblings
(`SUBSETS`) 0.4, such as ``NotoSans_500Medium.ttf``.
"""

import argparse
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from fontTools.subset import Options, Subsetter
from fontTools.ttLib import TTFont
from tqdm import tqdm

from shared.writing.characters import CharacterDatabase

OUTPUT = Path("shared/writing/data/fonts")

LETTERS_AND_MARKS = [
    *range(0x0020, 0x0250),  # Latin
    *range(0x0250, 0x02B0),  # letters of African languages
    0x02BB,  # ʻokina
    0x02BC,  # modifier letter apostrophe
    *range(0x0300, 0x0370),  # combining accents
    *range(0x0370, 0x0530),  # Greek, Cyrillic
    *range(0x1E00, 0x2000),  # Latin and Greek with accents
    *range(0x2010, 0x2040),  # dashes and quotation marks
]
KANA = [
    *range(0x3001, 0x3100),  # CJK punctuation, kana
    *range(0x31F0, 0x3200),  # small kana
    *range(0xFF01, 0xFFA0),  # full-width Latin, half-width kana
]
BOPOMOFO = [*range(0x3105, 0x3130), *range(0x31A0, 0x31C0), *map(ord, "ˇˊˋ˙")]
HANGUL = [*range(0x1100, 0x1200), *range(0x3130, 0x3190), *range(0xAC00, 0xD7A4)]
ARABIC = [*range(0x0600, 0x0700), *range(0x0750, 0x0780), *range(0x08A0, 0x0900)]
HEBREW = range(0x0590, 0x0600)
THAI = range(0x0E00, 0x0E80)
DEVANAGARI = [*range(0x0900, 0x0980), *range(0xA8E0, 0xA900)]
JOYO_BEYOND_SHIFT_JIS = "塡𠮟剝頰"
JOINERS = [0x200C, 0x200D]

# The features that HarfBuzz needs to place accents. Ligatures and kerning are omitted: each letter has its own box.
MARKS = ("mark", "mkmk", "ccmp")
# Forms for characters below each other: ー, brackets, small kana.
VERTICAL = ("vert",)
EVERY_FEATURE = ("*",)


@dataclass(frozen=True)
class FontSubset:
    """A source font, the characters to keep, and its OpenType features."""

    source: str
    output: str
    code_points: Iterable[int]
    features: tuple[str, ...] = ()


def subsets() -> tuple[FontSubset, ...]:
    """Return the fonts to make. None contains U+25CC, which HarfBuzz would draw under marks without a base letter."""
    kanji = kanji_without_strokes()
    return (
        FontSubset("NotoSans_500Medium.ttf", "NotoSans-Medium-subset.ttf", LETTERS_AND_MARKS, MARKS),
        FontSubset("NotoSansJP_500Medium.ttf", "NotoSansJP-Medium-subset.ttf", KANA + BOPOMOFO + kanji, VERTICAL),
        FontSubset("NotoSansKR_500Medium.ttf", "NotoSansKR-Medium-subset.ttf", HANGUL),
        *(
            FontSubset(f"NotoSans{name}_500Medium.ttf", f"NotoSans{name}-Medium-subset.ttf", kept, EVERY_FEATURE)
            for name, kept in (
                ("Arabic", [*ARABIC, *JOINERS]),
                ("Hebrew", HEBREW),
                ("Thai", THAI),
                ("Devanagari", [*DEVANAGARI, *JOINERS]),
            )
        ),
    )


def kanji_without_strokes() -> list[int]:
    """Return the kanji of Windows' Shift-JIS, which has those of names, and of the jōyō list that have no strokes."""
    database = CharacterDatabase()
    kanji = [*filter(_is_kanji, (chr(code) for code in range(0x3400, 0xFB00))), *JOYO_BEYOND_SHIFT_JIS]
    return [ord(one) for one in kanji if not database.has_strokes(one)]


def _is_kanji(character: str) -> bool:
    is_letter = unicodedata.category(character) == "Lo" and "IDEOGRAPH" in unicodedata.name(character, "")
    return is_letter and unicodedata.is_normalized("NFC", character) and _in_shift_jis(character)


def _in_shift_jis(character: str) -> bool:
    try:
        character.encode("cp932")
    except UnicodeEncodeError:
        return False
    return True


def make(subset: FontSubset, folder: Path) -> str:
    """Write a subset without hinting; return a summary of its content.

    Raises:
        FileNotFoundError: the folder lacks the source font.
    """
    source = next(folder.rglob(subset.source), None)
    if source is None:
        raise FileNotFoundError(f"there is no {subset.source} in {folder}")
    font = TTFont(source)
    options = Options(hinting=False, layout_features=list(subset.features), notdef_outline=True, name_IDs=["*"])
    subsetter = Subsetter(options)
    subsetter.populate(unicodes=subset.code_points)
    subsetter.subset(font)
    output = OUTPUT / subset.output
    font.save(output)
    return f"{output}: {len(font.getBestCmap())} characters, {output.stat().st_size / 1e6:.2f} MB"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    arguments = parser.parse_args()
    for wanted in tqdm(subsets(), unit="font"):
        tqdm.write(make(wanted, arguments.folder))
