"""Columns beside a word and its meaning that no card shows: parts of speech, articles and example sentences."""

import re
from collections.abc import Callable, Iterable, Sequence

from api.lists.kinds import EAST_ASIAN, MOST, Kind

# Several per line: English first, then other languages.
NAMES = """
    n|noun|v|vb|vi|vt|verb|adj|adjective|a|adv|adverb|prep|preposition|conj|conjunction|pron|pronoun|num|numeral|number
    int|interj|interjection|art|article|part|particle|phr|phrase|mw|cl|measure word|classifier|counter|aux|idiom|expr
    expression|prefix|suffix|pn|proper noun|m|f|nt|masc|fem|neut|sv|vo|ti|stative verb|u-verb|ru-verb|i-adj|na-adj
    i-adjective|na-adjective|godan|ichidan|suru verb
    名|动|動|形|副|代|数|量|介|连|助|叹|名词|名詞|动词|動詞|形容词|形容詞|副词|副詞|代词|代名詞|数词|量词|介词|连词|助词|助詞
    い形容詞|な形容詞|接続詞|感動詞|助数詞|他動詞|自動詞|명사|동사|형용사|부사|대명사|조사|수사
    сущ|гл|прил|нареч|мест|числ|существительное|глагол|прилагательное|наречие|м|ж|с|sust|sustantivo|subst|adjetivo
    adverbio|verbo|nom|verbe|adjectif|adverbe|nomen|adjektiv
"""
PARTS_OF_SPEECH = frozenset(name for line in NAMES.split("\n") for name in line.strip().split("|") if name)
ARTICLES = frozenset({
    "der", "die", "das", "den", "dem", "ein", "eine", "le", "la", "les", "l'", "un", "une", "el", "los", "las", "il",
    "lo", "gli", "de", "het", "een", "en", "ett",
})  # fmt: skip
REMARK = re.compile(r"(?<=[^\s(（])\s*[(（][^()（）]*[)）]$")  # "dog (masc.)" is no sentence
SENTENCE = re.compile(r".{5,}[.!?。！？؟।]['\"”’」』)）]*", re.DOTALL)


def asides(columns: Sequence[Sequence[str]], kinds: Sequence[Kind]) -> frozenset[int]:
    """Return the columns that hold parts of speech, articles or example sentences.

    In a list of phrases, or of the names of parts of speech, they are what the list is about.
    """
    articles = {index for index, cells in enumerate(columns) if len(columns) > 2 and _mostly(_is_article, cells)}
    speech = {index for index, cells in enumerate(columns) if _mostly(_is_part_of_speech, cells)}
    sentences = {index for index, cells in enumerate(columns) if _mostly(_is_sentence, cells)}
    scripts = [_script(kind) for kind in kinds]
    words = [None if index in sentences else script for index, script in enumerate(scripts)]
    examples = {index for index in sentences if scripts[index] in words[:index]}  # they follow their words
    return frozenset(examples | articles | (speech if len(speech) == 1 < len(columns) else set()))


def _mostly(condition: Callable[[str], bool], cells: Iterable[str]) -> bool:
    filled = [cell for cell in cells if cell]
    return bool(filled) and sum(map(condition, filled)) >= MOST * len(filled)


def _is_part_of_speech(cell: str) -> bool:
    parts = [part.strip("()[]（）〈〉<> ") for part in re.split(r"[./,;&]", cell.casefold())]
    return any(parts) and all(part in PARTS_OF_SPEECH for part in parts if part)


def _is_article(cell: str) -> bool:
    return all(part.strip() in ARTICLES for part in cell.casefold().replace("’", "'").split("/"))


def _is_sentence(cell: str) -> bool:
    return SENTENCE.fullmatch(REMARK.sub("", cell)) is not None


def _script(kind: Kind) -> Kind:
    """Return a kind that stands for all kinds of the same script; Chinese and Japanese words mix theirs."""
    return Kind.HAN if kind in EAST_ASIAN else kind
