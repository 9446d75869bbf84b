"""A text file from any program: its actual type and its encoding."""

import codecs
import io
import re
import zipfile
from dataclasses import dataclass
from encodings import normalize_encoding
from encodings.aliases import aliases

from api.lists.code_pages import NAMES, latin_code_page
from api.lists.plausibility import plausibility
from api.lists.scripts import scripts_in
from shared.errors import UnreadableList

AS_CSV = "save it as “CSV UTF-8” and use that file"

# The first bytes of files that are often given by mistake, and what to do.
KINDS: tuple[tuple[bytes, str], ...] = (
    (b"\xd0\xcf\x11\xe0", f"an old Excel or Word document; {AS_CSV}"),
    (b"%PDF", "a PDF; copy the list into a spreadsheet, and " + AS_CSV),
    (b"SQLite format 3\0", "a database; export the list as CSV"),
    (b"\x1f\x8b", "a gzip archive; unpack it first"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive; unpack it first"),
    (b"Rar!", "a RAR archive; unpack it first"),
    (b"\x28\xb5\x2f\xfd", "a zstd archive; unpack it first"),
    (b"{\\rtf", "a rich text document; save it as plain text"),
    (b"\x89PNG", "a picture, not a list of words"),
    (b"\xff\xd8\xff", "a picture, not a list of words"),
    (b"GIF8", "a picture, not a list of words"),
    (b"ID3", "a sound, not a list of words"),
)
# The content of a zip archive, by the prefix of a name in it.
ARCHIVES: tuple[tuple[str, str], ...] = (
    ("xl/", f"an Excel workbook; {AS_CSV}"),
    ("collection.anki2", "an Anki package; export it in Anki as “Notes in Plain Text (.txt)” and use that file"),
    ("word/", "a Word document; copy the list into a spreadsheet, and " + AS_CSV),
    ("ppt/", "a presentation; copy the list into a spreadsheet, and " + AS_CSV),
    ("content.xml", f"an OpenDocument file; {AS_CSV}"),
    ("Index/", "a Numbers document; export it as CSV"),
    ("", "a zip archive; unpack it and use the list inside"),
)
BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig", "UTF-8"),
    (codecs.BOM_UTF32_LE, "utf-32", "UTF-32"),
    (codecs.BOM_UTF32_BE, "utf-32", "UTF-32"),
    (codecs.BOM_UTF16_LE, "utf-16", "UTF-16"),
    (codecs.BOM_UTF16_BE, "utf-16", "UTF-16"),
)
# The codecs to try, and their common names. That of Latin letters is chosen by languages.
CANDIDATES = (
    ("utf-8", "UTF-8"),
    ("gb18030", "GB18030"),
    ("big5hkscs", "Big5"),
    ("cp932", "Shift-JIS"),
    ("cp949", "EUC-KR"),
    ("cp1251", "cp1251"),
)
# The encodings that a caller may name, by Python's names. Some of Python's codecs take quadratic time (punycode),
# or decode to text that cannot be encoded again (raw_unicode_escape).
NAMED = frozenset(
    {
        *("ascii", "utf_8", "utf_8_sig", "utf_16", "utf_16_be", "utf_16_le", "utf_32", "utf_32_be", "utf_32_le"),
        *("gb2312", "gbk", "gb18030", "big5", "big5hkscs", "cp950"),
        *(
            "shift_jis",
            "shift_jis_2004",
            "shift_jisx0213",
            "euc_jis_2004",
            "cp932",
            "euc_jp",
            "iso2022_jp",
            "euc_kr",
            "cp949",
            "johab",
        ),
        *(f"cp{page}" for page in (437, 850, 852, 855, 866, 874, *range(1250, 1259))),
        *("latin_1", *(f"iso8859_{part}" for part in (*range(2, 12), *range(13, 17)))),
        *("koi8_r", "koi8_u", "mac_roman", "mac_cyrillic", "tis_620"),
    }
)
# Names that browsers and spreadsheets use, and Python does not know.
LABELS = {"x_sjis": "cp932", "windows_31j": "cp932", "x_gbk": "gbk", "gb_18030": "gb18030", "x_euc_jp": "euc_jp"}
LONGEST_ENCODING = 40
# Text is rarely valid UTF-8 by chance: with two bytes a character, and even more so with three.
UTF_8_BONUS, UTF_8_LONG_BONUS = 0.5, 1.0
FOREIGN_KANA = -0.4
CLEAR = 0.15  # by how much the best score must exceed the next
ENOUGH = 0.3  # the lowest acceptable score, and that of a file with fewer than FEW words
UNLIKELY = 0.2  # a decoding with a lower score is rejected
ENOUGH_OF_FEW, FEW = 0.65, 3


@dataclass(frozen=True, slots=True)
class Text:
    """A file's text and the encoding that it was read in."""

    content: str
    encoding: str


def read_text(content: bytes, encoding: str | None = None) -> Text:
    """Return a file's text.

    Args:
        content: the file's bytes.
        encoding: its encoding; None detects it.

    Raises:
        UnreadableList: it is not text, or its encoding cannot be determined.
    """
    kind = _kind(content)
    if kind is not None:
        raise UnreadableList(f"this is {kind}")
    if encoding is not None:
        return _decode_as(content, encoding)
    for mark, codec, name in BYTE_ORDER_MARKS:
        if content.startswith(mark):
            return Text(_without_nul(_decoded(content, codec, name)), name)
    if b"\0" in content:
        return _utf_16(content)
    return _detected(content)


def _kind(content: bytes) -> str | None:
    """Return the type of a file that is not text, and what to do with it; None for text."""
    if content.startswith(b"PK\x03\x04"):
        try:
            names = zipfile.ZipFile(io.BytesIO(content)).namelist()
        except (zipfile.BadZipFile, ValueError, NotImplementedError):
            names = []
        return next(kind for start, kind in ARCHIVES if not start or any(name.startswith(start) for name in names))
    if re.match(rb'\s*(?:\[\s*["{]|\{\s*")', content[:200]):
        return "JSON; write each word on a line of its own, with its meaning after a tab"
    if re.match(rb"\s*<(?:!doctype\s+html|html|head|meta|body|table|\?xml)\b", content[:200], re.IGNORECASE):
        return f"a web page or XML; open it in a spreadsheet, and {AS_CSV}"
    return next((kind for start, kind in KINDS if content.startswith(start)), None)


def _decode_as(content: bytes, encoding: str) -> Text:
    # Python's own lookup remembers every name that it was ever asked for.
    normal = normalize_encoding(encoding).lower()
    codec = LABELS.get(normal) or aliases.get(normal, normal)
    if codec not in NAMED or len(encoding) > LONGEST_ENCODING:
        names = ", ".join((*(name for _, name in CANDIDATES), "cp1252"))
        raise UnreadableList(
            f"unknown encoding {encoding[:LONGEST_ENCODING]!r}; available: {names}, UTF-16, UTF-32, "
            "and the code pages of ISO 8859, Windows, DOS, KOI8 and EUC",
            field="encoding",
        )
    text = _decoded(content, codec, encoding)
    return Text(_without_nul(text.removeprefix("\ufeff")), encoding)


def _decoded(content: bytes, codec: str, name: str) -> str:
    try:
        return content.decode(codec)
    except UnicodeError as error:
        raise UnreadableList(
            f"this is not valid {name} ({error}); name another encoding (encoding=…), or {AS_CSV}", field="encoding"
        ) from error


def _without_nul(text: str) -> str:
    if "\0" in text:
        line = text[: text.index("\0")].count("\n") + 1
        raise UnreadableList(f"line {line}: contains a NUL character, so the file is damaged or not text; {AS_CSV}")
    return text


def _utf_16(content: bytes) -> Text:
    """Return a text in UTF-16 without a byte order mark; line ends and separators show which byte is zero."""
    halves = {"utf-16-le": content[1::2].count(0), "utf-16-be": content[::2].count(0)}
    for codec, empty in halves.items():
        if empty == content.count(0) and len(content) % 2 == 0:
            text = content.decode(codec, errors="replace")
            if "\0" not in text and "\ufffd" not in text and plausibility(text) > 0:
                return Text(text, "UTF-16")
    line = content[: content.index(0)].count(b"\n") + 1
    raise UnreadableList(f"line {line}: contains a NUL byte, so the file is damaged or not text; {AS_CSV}")


def _detected(content: bytes) -> Text:
    """Return the decoding of a file that looks most like words.

    Raises:
        UnreadableList: there is none, or two score alike.
    """
    if content.isascii():
        return Text(content.decode("ascii"), "UTF-8")
    scores: list[tuple[float, Text]] = []
    latin = latin_code_page(content)
    for codec, name in (*CANDIDATES, (latin, NAMES[latin])):
        try:
            text = content.decode(codec)
        except UnicodeDecodeError:
            continue
        scores.append((plausibility(text) + _bonus(codec, text), Text(text, name)))
    scores.sort(key=lambda score: -score[0])
    is_short = sum(not word.isascii() for word in re.split(rb"[\s,;|]+", content)) < FEW
    has_rivals = any(score > -UNLIKELY for score, text in scores[1:] if text.content != scores[0][1].content)
    enough = ENOUGH_OF_FEW if is_short and has_rivals else ENOUGH
    if not scores or scores[0][0] < enough:
        if scores and scores[0][1].encoding == "UTF-8" and all(score < UNLIKELY for score, _ in scores[1:]):
            return scores[0][1]  # implausible, but nothing is better; validation reports why
        if (line := _damaged_line(content)) is not None:
            raise UnreadableList(f"line {line}: is not valid UTF-8, as the other lines are; {AS_CSV}", field="encoding")
        raise UnreadableList(
            f"its encoding cannot be determined; name it (encoding=GB18030), or {AS_CSV}", field="encoding"
        )
    best = scores[0]
    rivals = [text for score, text in scores[1:] if best[0] - score < CLEAR and text.content != best[1].content]
    if rivals:
        names = ", ".join(f"{text.encoding} (“{_sample(text.content)}”)" for text in (best[1], *rivals))
        raise UnreadableList(f"this may be {names}; name the encoding (encoding=…), or {AS_CSV}", field="encoding")
    return best[1]


def _damaged_line(content: bytes) -> int | None:
    """Return the first line that is not UTF-8 of a text whose other lines beyond ASCII mostly are; None if none is."""
    lines = [(number, line) for number, line in enumerate(content.split(b"\n"), start=1) if not line.isascii()]
    damaged = [number for number, line in lines if not _is_utf_8(line)]
    return damaged[0] if damaged and len(damaged) * 2 < len(lines) else None


def _is_utf_8(line: bytes) -> bool:
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True


def _bonus(codec: str, text: str) -> float:
    """Return the score that an encoding adds to a text, regardless of its words."""
    if codec == "utf-8":
        return UTF_8_LONG_BONUS if any(character >= "\u0800" for character in text) else UTF_8_BONUS
    # The Chinese and Korean standards include kana, but Japanese lists are not written in them.
    return FOREIGN_KANA if codec in {"gb18030", "big5hkscs", "cp949"} and "Kana" in scripts_in(text) else 0.0


def _sample(text: str) -> str:
    first = next((line for line in text.splitlines() if not line.isascii()), "")
    return first[:20]
