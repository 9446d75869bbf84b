"""The code pages of Latin scripts, told apart by the letters of the languages that are written in them."""

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice

# By codec: the letters of each language besides those of ASCII. The same bytes are è in one and č in another.
LETTERS: Mapping[str, Sequence[str]] = {
    "cp1252": (
        "àâæçéèêëîïôœùûüÿ",  # French
        "áéíñóúüàçèïòâêãõô",  # Spanish, Catalan, Portuguese
        "àèéìíîòóùú",  # Italian
        "äöüßéàåæø",  # German and the languages of Scandinavia, with their loanwords
        "áéíóúýðþæö",  # Icelandic
        "áéíóúàèëïöüêâûî",  # Dutch, Irish
    ),
    "cp1250": (
        "áčďéěíňóřšťúůýž",  # Czech
        "áäčďéíĺľňóôŕšťúýž",  # Slovak
        "ąćęłńóśźż",  # Polish
        "áéíóöőúüű",  # Hungarian
        "ăâîşţ",  # Romanian
        "čćđšž",  # Croatian, Slovene
    ),
    "iso8859_2": ("áčďéěíňóřšťúůýž", "áäčďéíĺľňóôŕšťúýž", "ąćęłńóśźż", "ăâîşţ", "čćđšž"),
    "cp1254": ("çğıöşüâîû\u0307",),  # Turkish; a dot above is what remains of İ in lower case
    "cp1257": (
        "ąčęėįšųūž",  # Lithuanian
        "āčēģīķļņšūž",  # Latvian
        "äõöüšž",  # Estonian
    ),
}
NAMES = {"cp1252": "cp1252", "cp1250": "cp1250", "iso8859_2": "ISO 8859-2", "cp1254": "cp1254", "cp1257": "cp1257"}
BETWEEN = re.compile(r"[\x00-@\[-`{-\x7f]+")  # what is in ASCII and no letter
NO_LETTERS = frozenset("“”‘’„«»‹›…—–·¿¡\xa0")
LINES = 400
LONGEST = 100_000  # bytes that are examined


def latin_code_page(content: bytes) -> str:
    """Return the codec in which most words of a text have the letters of one language; cp1252 if several are equal."""
    lines = islice((line for line in content.splitlines() if not line.isascii()), LINES)
    examined = b"\n".join(lines)[:LONGEST]
    shares = {codec: _share(examined, codec) for codec in LETTERS}
    return max(shares, key=lambda codec: shares[codec])


def _share(content: bytes, codec: str) -> float:
    """Return the share of the words beyond ASCII that may be of one language; 0 if there are none."""
    try:
        words = list(_letters(content.decode(codec)))
    except UnicodeDecodeError:
        return 0.0
    return max(sum(map(frozenset(letters).issuperset, words)) for letters in LETTERS[codec]) / max(1, len(words))


def _letters(text: str) -> Iterator[frozenset[str]]:
    """Yield the characters beyond ASCII of each word that has any."""
    for word in BETWEEN.split(text):
        if not word.isascii() and (letters := {letter for letter in word.lower() if not letter.isascii()} - NO_LETTERS):
            yield frozenset(letters)
