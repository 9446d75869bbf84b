"""The grapheme clusters of Arabic, Thai and Devanagari that the recogniser of joined letters knows.

A cluster has a base, a sign (a vowel's, or Arabic's marks) and a top (tone, nasalisation, or the r before Devanagari's
consonants). Each has its own output of the network, and a cluster's probability is their product.
"""

import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from typing import Final, NamedTuple

# Stands for base and sign in a top.
PLACE: Final = "◌"


@dataclass(frozen=True)
class Group:
    """Bases that combine with the same signs and tops, and their share of the clusters of random words."""

    share: float
    bases: tuple[str, ...]
    signs: tuple[str, ...] = ("",)
    tops: tuple[str, ...] = (PLACE,)


@dataclass(frozen=True)
class Script:
    """A script's share of random words, its groups, and sequences of letters that are joined in a form of their own."""

    share: float
    groups: tuple[Group, ...]
    ligatures: tuple[str, ...] = ()

    @property
    def signs(self) -> tuple[str, ...]:
        """All signs, in order."""
        return tuple(dict.fromkeys(sign for group in self.groups for sign in group.signs))

    @property
    def tops(self) -> tuple[str, ...]:
        """All tops, in order."""
        return tuple(dict.fromkeys(top for group in self.groups for top in group.tops))


class Parts(NamedTuple):
    """The numbers of a cluster's script, of its base among all, and of its sign and top among its script's."""

    script: int
    base: int
    sign: int
    top: int


ARABIC_LETTERS = tuple("ابتثجحخدذرزسشصضطظعغفقكلمنهويءآأإؤئةىٱپچژکگیٹڈڑںہھۂۃےۓڤ")
HARAKAT = (
    "", "\u064e", "\u064f", "\u0650", "\u0652", "\u064b", "\u064c", "\u064d", "\u0651", "\u0651\u064e",
    "\u0651\u064f", "\u0651\u0650", "\u0670",
)  # fmt: skip

THAI_CONSONANTS = tuple(map(chr, range(0x0E01, 0x0E2F)))
THAI_VOWELS = ("", "\u0e31", "\u0e34", "\u0e35", "\u0e36", "\u0e37", "\u0e38", "\u0e39")
THAI_TONES = tuple(PLACE + tone for tone in ("", "\u0e48", "\u0e49", "\u0e4a", "\u0e4b"))
# อำ is a vowel, but the tone stands before it.
THAI_AM = tuple(tone + "\u0e33" for tone in THAI_TONES[:4])
THAI_ALONE = tuple("ะาเแโใไๅๆฯ")

CONSONANTS = (*"कखगघङचछजझञटठडढणतथदधनपफबभमयरलवशषसहळ", *(letter + "\u093c" for letter in "कखगजडढफ"))
VIRAMA = "\u094d"
# The second consonants of each first one's common conjuncts, and conjuncts of three.
PAIRS = {
    "क": "कखटतमयरलवषस", "ख": "यव", "ग": "दधनयरलव", "घ": "नयर", "च": "चछय", "ज": "जञयरव", "ञ": "चज", "ट": "टठयर",
    "ठ": "य", "ड": "डयर", "ढ": "य", "ण": "टठडढणयव", "त": "कतथनपमयरलवस", "थ": "यव", "द": "गघदधनबभमयरव", "ध": "नमयरव",
    "न": "कटडतथदधनमयवसह", "प": "तनपमयरलवस", "फ": "रल", "ब": "जतदधबयरल", "भ": "यर", "म": "नपबभमयरलह", "य": "य",
    "ल": "कगटडदपमयलवह", "व": "यरव", "श": "कचनमयरलव", "ष": "कटठणपमयव", "स": "कखटतथनपफमयरलवस", "ह": "णनमयरलव",
}  # fmt: skip
TRIPLES = ("क्ष्म", "क्ष्य", "त्त्व", "त्स्य", "न्त्र", "न्द्र", "न्ध्र", "म्प्र", "ष्ट्र", "स्त्र", "स्ट्र", "स्थ्य")
CONJUNCTS = (*(first + VIRAMA + second for first, seconds in PAIRS.items() for second in seconds), *TRIPLES)
MATRAS = ("", *(chr(code) for code in (*range(0x093E, 0x0944), 0x0945, *range(0x0947, 0x094A), 0x094B, 0x094C)))
NASALS = (PLACE, PLACE + "\u0902", PLACE + "\u0901", PLACE + "\u0903")
# The r before a consonant is drawn above it.
REPH = ("र" + VIRAMA + PLACE, "र" + VIRAMA + PLACE + "\u0902")
VOWELS = tuple("अआइईउऊऋएऐओऔऑऍ")
# Vowels with a crescent, which under the dot of ं looks like ँ: such a cluster is drawn as another, frequent one.
CANDRA, DOTS = frozenset("\u0945\u0949\u090d\u0911"), frozenset("\u0901\u0902")

SCRIPTS: Final = {
    "Arabic": Script(0.3, (Group(1, ARABIC_LETTERS, HARAKAT),), ("لا", "لأ", "لإ", "لآ", "لله", "الله")),
    "Thai": Script(
        0.3,
        (
            Group(0.6, THAI_CONSONANTS, THAI_VOWELS, THAI_TONES),
            Group(0.05, THAI_CONSONANTS, ("", "\u0e34", "\u0e38"), (PLACE + "\u0e4c",)),
            Group(0.05, THAI_CONSONANTS, ("\u0e47",)),
            Group(0.1, THAI_CONSONANTS, tops=THAI_AM),
            Group(0.2, THAI_ALONE),
        ),
    ),
    "Devanagari": Script(
        0.4,
        (
            Group(0.5, CONSONANTS, MATRAS, NASALS + REPH),
            Group(0.35, CONJUNCTS, MATRAS, NASALS + REPH[:1]),
            Group(0.03, CONSONANTS, (VIRAMA,)),
            Group(0.12, VOWELS, tops=NASALS),
        ),
    ),
}
BASES: Final = tuple(
    dict.fromkeys(base for script in SCRIPTS.values() for group in script.groups for base in group.bases)
)


def compose(base: str, sign: str, top: str) -> str:
    """Return the cluster of a base, a sign and a top."""
    return unicodedata.normalize("NFC", top.replace(PLACE, base + sign))


@lru_cache(maxsize=1)
def clusters_with_parts() -> dict[str, Parts]:
    """Return the clusters that are known, in order, with their parts."""
    known: dict[str, Parts] = {}
    numbers = {base: number for number, base in enumerate(BASES)}
    for number, script in enumerate(SCRIPTS.values()):
        for group in script.groups:
            for base, sign, top in product(group.bases, group.signs, group.tops):
                if {base, sign} & CANDRA and DOTS & set(top):
                    continue
                parts = Parts(number, numbers[base], script.signs.index(sign), script.tops.index(top))
                known.setdefault(compose(base, sign, top), parts)
    return known
