"""Lines without a separator in which a word and its meaning differ in script: 苹果 apple, дом (house)."""

import re
from collections.abc import Sequence
from itertools import groupby, pairwise
from operator import itemgetter

from api.lists.scripts import scripts_in
from shared.writing.english import is_english
from shared.writing.furigana import is_reading
from shared.writing.pinyin import is_pinyin

LATIN = "Latin"
EAST_ASIAN = "East Asian"
EAST_ASIAN_SCRIPTS = frozenset({"Han", "Kana", "Hangul", "Bopomofo"})
TOKEN = re.compile(r"[^\s/、()（）\[\]【】]+")
CLOSING = re.compile(r"[)）\]】]*")
IN_BRACKETS = re.compile(r"[(（\[【]([^()（）\[\]【】]*)[)）\]】]")
# A reading between word and meaning, without a space after it: 苹果（píngguǒ）apple
BRACKETED = re.compile(r"(?<=[\u2e80-\u9fff])\s*[(（\[【]([^()（）\[\]【】]+)[)）\]】](?=\w)")
AROUND = "()[],;:- "  # a romanisation
BETWEEN = " \t/,;:，；：、،؛"
MARKUP = re.compile(r"^//|^#+ |[<{]|&\w+;|\[sound:")  # by a program, which writes separators
# Capitals or a single letter may belong to the word before them: 卡拉 OK, 维生素 C.
MEANING = re.compile(r"\b(?![A-Z]+\b)[^\W\d_]{2,}")


def is_pair(text: str) -> bool:
    """Return whether a text consists of a word and its meaning, in two scripts."""
    cells = _cells(text)
    latin = [cell for cell in cells if scripts_in(cell) == {LATIN}]
    readings = [cell for cell in latin if is_pinyin(cell, with_tones=True) or is_reading(cells[0], cell)]
    meanings = [cell for cell in latin if MEANING.search(cell) and cell not in readings]
    return len(cells) > 1 and (not latin or bool(meanings))


def divide(lines: Sequence[str], separator: str) -> list[str]:
    """Return lines with a separator between word and meaning, and between them and a romanisation."""
    cells = [_cells(line) if line.strip() else [line] for line in lines]
    romanised = {index: _romanised(pair) for index, pair in enumerate(cells) if len(pair) == 2}
    is_usual = sum(map(bool, romanised.values())) * 2 >= len(romanised)
    for index, triple in romanised.items() if is_usual else ():
        word, meaning = cells[index]
        cells[index] = triple or [word, "", meaning]
    return [separator.join(parts) for parts in cells]


def _cells(line: str) -> list[str]:
    """Return a line in parts, each in another script than its neighbours; whole if it does not form a pair."""
    in_brackets = IN_BRACKETS.sub(lambda one: one[0].replace("、", ","), line)
    runs = [] if MARKUP.search(line) else _runs(BRACKETED.sub(_opened, in_brackets))
    scripts = [script for script, _ in runs]
    texts = [text for _, text in runs]
    is_read = len(runs) == 3 and any(is_pinyin(text, with_tones=True) for text in texts)  # píngguǒ 苹果 apple
    return texts if len(runs) == 2 or (is_read and scripts[0] == scripts[2]) else [line]


def _opened(bracketed: re.Match[str]) -> str:
    return f" {bracketed[1]} " if is_pinyin(bracketed[1], with_tones=False) else bracketed[0]


def _runs(line: str) -> list[tuple[str, str]]:
    """Return the runs of words in one script, each with it. A number or a mark belongs to the run before it."""
    words = [(_script(token[0]), token) for token in TOKEN.finditer(line)]
    groups = [list(group) for _, group in groupby([word for word in words if word[0]], key=itemgetter(0))]
    starts = [0]
    for before in groups[:-1]:
        closing = CLOSING.match(line, before[-1][1].end())
        starts.append(closing.end() if closing else 0)
    texts = [_bare(line[start:end]) for start, end in pairwise([*starts, len(line)])]
    return [(group[0][0], text) for group, text in zip(groups, texts, strict=False)]


def _bare(text: str) -> str:
    """Return a run without what divides it from its neighbours, and the brackets around it."""
    text = text.strip(BETWEEN)
    whole = IN_BRACKETS.fullmatch(text)
    return whole[1].strip() if whole else text


def _script(token: str) -> str:
    """Return the script of a word; that of T恤 and IT-отдел is the one that is not Latin. "" if it has no letters."""
    scripts = scripts_in(token)
    if scripts & EAST_ASIAN_SCRIPTS:
        return EAST_ASIAN
    return min(scripts - {LATIN}, default=LATIN if scripts else "")


def _romanised(pair: Sequence[str]) -> list[str] | None:
    """Return a word, its romanisation and its meaning; None if the meaning does not begin with one."""
    word, meaning = pair
    tokens = meaning.split()
    count = next((index for index, token in enumerate(tokens) if is_english(token)), len(tokens))
    rest = " ".join(tokens[count:])
    if not 0 < count < len(tokens) or not is_english(rest) or is_pinyin(tokens[0].strip(AROUND), with_tones=True):
        return None
    return [word, " ".join(tokens[:count]).strip(AROUND), rest.lstrip("-–—:,;/ ")]
