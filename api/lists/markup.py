"""The markup that learning programs add to a text: HTML, sounds, clozes, readings in brackets."""

import html
import re

from api.lists.glosses import is_in_other_characters
from api.lists.readings import split_spaced
from shared.writing.english import is_english
from shared.writing.furigana import is_reading, split_furigana

INVISIBLE = re.compile(r"[\ufeff\u200b\u2060\u00ad\u200e\u200f\u202a-\u202e\u2066-\u2069]")
PRIVATE = re.compile(r"[\ue000-\uf8ff]+")  # Pleco's marks for bold, italics and line breaks
# Each pattern takes linear time: a match that was begun ends, or fails, where the next one may begin.
CLOZE = re.compile(r"\{\{c\d+::((?:(?!::|\}\}|\{\{c).)*+)(?:::(?:(?!\}\}|\{\{c).)*+)?\}\}", re.DOTALL)
CLOZE_DEPTH = 3  # Anki nests them; each pass replaces the inner ones
SOUND = re.compile(r"\[(?:sound|anki):[^\[\]]*+\]", re.IGNORECASE)
UNSHOWN = re.compile(
    r"<(style|script|rt|rp|svg)\b[^<>]*+>(?:(?!</?\1\b).)*+</\1\s*+>|<!--(?:(?!<!--|-->).)*+-->",
    re.IGNORECASE | re.DOTALL,
)
BREAK = re.compile(r"<(?:br|hr|/?div|/?p|/?li|/?tr|/?ul|/?ol|/?td)\b[^<>]*+>", re.IGNORECASE)
TAG = re.compile(r"</?[a-z][^<>]*+>", re.IGNORECASE)
RUBY = re.compile(r"<rt\b[^<>]*+>((?:(?!</?rt\b).)*+)</rt\s*+>", re.IGNORECASE | re.DOTALL)
LONG_REFERENCE = re.compile(
    r"&#0*+[1-9][0-9]{7,};?"
)  # no character has such a number, and Python refuses to read long ones
HAN = r"[\u3400-\u9fff\U00020000-\U0003ffff]"
# Pleco's other form, "汉字[漢字]", and that of dictionaries, "汉字【漢字】". 【 and 】 are U+3010 and U+3011.
OTHER_FORM = re.compile(r"^(\S+?)\s*[\[【(（]\s*([\u2e80-\u300f\u3012-\u9fff\U00020000-\U0003ffff]++)\s*[\]】)）]$")
# "汉字/漢字", "汉字 漢字"
BOTH_FORMS = re.compile(rf"({HAN}+)(?:\s*[/／|]\s*|\s+)({HAN}+)(?=[\s\[【(（]|$)")
# "汉字 (漢字, hànzì)"
FORM_AND_READING = re.compile(rf"({HAN}+)\s*[\[【(（]\s*{HAN}+\s*[,，、;；/]\s*([^()（）\[\]【】]++)[\]】)）]")
# "食べる (たべる, taberu)"
ROMANISED = re.compile(r"([^(（)）]++[(（][\u3041-\u30ff]++)\s*[,，、/]\s*([^(（)）]++)([)）])")
HAS_KANA = re.compile(r"[\u3041-\u30ff]")


def shown(text: str) -> str:
    """Return a cell as a card displays it, on one line or several."""
    text = SOUND.sub(" ", text)
    for _ in range(CLOZE_DEPTH):
        text = CLOZE.sub(r"\1", text)
    if "<" in text:
        text = TAG.sub("", BREAK.sub("\n", UNSHOWN.sub("", text)))
    if "&" in text:
        text = html.unescape(LONG_REFERENCE.sub("\ufffd", text))
    text = PRIVATE.sub(" ", INVISIBLE.sub("", text)).replace("\xa0", " ")
    lines = (" ".join(line.split()) for line in text.splitlines())
    return "\n".join(filter(None, lines))


def split_word(text: str) -> tuple[str, str]:
    """Return a cell's word as written, and the reading included in it, or ""."""
    ruby = "".join(RUBY.findall(text))
    first = shown(text).partition("\n")[0]
    other = OTHER_FORM.match(first)
    if other and (HAS_KANA.search(other[2]) is None or re.search(r"[\u4e00-\u9fff]", other[2])):
        return other[1], ruby
    if (both := BOTH_FORMS.match(first)) and is_in_other_characters(both[1], both[2]):
        first = both[1] + first[both.end() :]
    elif (form := FORM_AND_READING.fullmatch(first)) and is_reading(form[1], form[2]):
        return form[1], form[2]
    if (romanised := ROMANISED.fullmatch(first)) and not is_english(romanised[2]):
        first = romanised[1] + romanised[3]
    word, reading = split_furigana(first)
    if not reading and not ruby:
        word, reading = split_spaced(word)
    return word, reading or shown(ruby)
