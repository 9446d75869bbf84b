r"""Make the fallback fonts in ``shared/data/fonts``: subsets of Noto Sans, Noto Sans JP and Noto Sans KR (SIL OFL 1.1).

    python -m training.fonts --latin NotoSans_500Medium.ttf \
        --japanese NotoSansJP_500Medium.ttf --korean NotoSansKR_500Medium.ttf

The sources are the TrueType files of the npm packages ``@expo-google-fonts/noto-sans``, ``…-jp`` and ``…-kr`` 0.4. The
first subset holds Latin, Greek, Cyrillic and punctuation, the Japanese one kana and those kanji of JIS X 0208 that have
no stroke data, the Korean one hangul.
"""

import argparse
import unicodedata
from pathlib import Path

from fontTools.subset import Options, Subsetter
from fontTools.ttLib import TTFont

from shared.characters import CharacterDatabase

OUTPUT = Path("shared/data/fonts")
LETTERS_AND_MARKS = [
    *range(0x0020, 0x0250),  # Latin
    *range(0x0300, 0x0370),  # combining accents
    *range(0x0370, 0x0530),  # Greek, Cyrillic
    *range(0x1E00, 0x2000),  # Latin and Greek with accents
    *range(0x2010, 0x2040),  # dashes and quotation marks
    *range(0x0530, 0x0590),  # Armenian
]
KANA = [
    *range(0x3001, 0x3100),  # CJK punctuation, kana
    *range(0x31F0, 0x3200),  # small kana
    *range(0xFF01, 0xFFA0),  # full width Latin, half width kana
]
HANGUL = [*range(0x1100, 0x1200), *range(0x3130, 0x3190), *range(0xAC00, 0xD7A4)]


def kanji_without_strokes() -> list[int]:
    """Return the kanji of JIS X 0208 that the character database lacks."""
    database = CharacterDatabase()
    ideographs = (chr(code) for code in range(0x4E00, 0xA000) if unicodedata.category(chr(code)) == "Lo")
    return [ord(kanji) for kanji in ideographs if _in_jis(kanji) and not database.has_strokes(kanji)]


def _in_jis(character: str) -> bool:
    try:
        character.encode("shift_jis")
    except UnicodeEncodeError:
        return False
    return True


def subset(source: Path, code_points: list[int], output: Path) -> None:
    """Write the subset of a font that covers the code points, without hinting and layout tables."""
    font = TTFont(source)
    subsetter = Subsetter(Options(hinting=False, layout_features=[], notdef_outline=True, name_IDs=["*"]))
    subsetter.populate(unicodes=code_points)
    subsetter.subset(font)
    font.save(output)
    print(f"{output}: {len(font.getBestCmap())} characters, {output.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--latin", type=Path, required=True)
    parser.add_argument("--japanese", type=Path, required=True)
    parser.add_argument("--korean", type=Path, required=True)
    arguments = parser.parse_args()
    subset(arguments.latin, LETTERS_AND_MARKS, OUTPUT / "NotoSans-Medium-subset.ttf")
    subset(arguments.japanese, KANA + kanji_without_strokes(), OUTPUT / "NotoSansJP-Medium-subset.ttf")
    subset(arguments.korean, HANGUL, OUTPUT / "NotoSansKR-Medium-subset.ttf")
