"""How much a text looks like words: what tells the right decoding of a file from the wrong ones."""

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from itertools import pairwise

from api.lists.glosses import glosses
from api.lists.scripts import scripts_in

TOKENS = 400
LONGEST_TOKEN = 100  # the number of characters examined in each token

PUNCTUATION = frozenset("，。、；：？！“”‘’„«»‹›（）「」『』【】《》〈〉〔〕［］…—–·・～〜\u3000\xa0¿¡％")
NUMBERS = re.compile(r"[\W\d_]+")
USUAL_HANGUL = frozenset(
    "가각간갈감갑값강같개거건걸검것게겨격견결경계고곡곤공과관광교구국군권귀그근글금급기길김까꽃나낙난날남내너널네"
    "녀년념노녹놀농누눈느는능니님다단달담답당대더도독돈동두드든들등디따때또라람랑래량러럼력련령로록론료루류르른를름"
    "리린림마막만많말맛매머먹면명모목몸못무문물미민밀바박반발밥방배백버번벌범법베별병보복본봄부북분불비빛빠사산살"
    "삶상새색생서석선설성세소속손송수술숙순쉬스슬습승시식신실심싸쓰씨아악안알암압애야약양어억언얼엄업없에여역연"
    "열영예오옥온올옷와완왕외요용우운울움원월위유육윤은을음응의이인일임입있자작잔잘잠장재저적전절점정제조족존종좋주"
    "죽준중즐증지직진질집차착찬참창책처천철첫청체초촌총최추축출충취치친칠침카커코크큰키타택터토통투특파판팔패페편평포"
    "늘녁언퓨컴햇벽쪽밤렌닭돼쓸젊짧좁컵펜책벌끝꿈별빵젓숟휴냉짐찌닐겁"
    "표품풍프피필하학한할함합항해했행향험혁현형호혼화환활황회획효후훈휴희히힘"
)
USUAL_LATIN = frozenset("ªºāáǎàēéěèīíǐìōóǒòūúǔùǖǘǚǜüńňǹḿơưșțẞŵŷ")
USUAL_CYRILLIC = frozenset("абвгдеёжзийклмнопрстуфхцчшщъыьэюяіїєґ")
RUSSIAN_ONLY, UKRAINIAN_ONLY = frozenset("ёъыэ"), frozenset("іїєґ")
# Scripts of no list; a wrong encoding gives their letters.
UNLIKELY_SCRIPTS = frozenset({"Coptic", "Nko"})
VOWELS_CYRILLIC = frozenset("аеёиоуыэюяіїє")


def plausibility(text: str) -> float:
    """Return how much a text looks like natural-language words, from -1 to about 1.5: the mean of its words' scores."""
    scores = [score for _, score in zip(range(TOKENS), _scores(text), strict=False)]
    return sum(scores) / len(scores) if scores else 0.0


def _scores(text: str) -> Iterator[float]:
    for line in text.splitlines():
        if line.isascii():
            continue
        english = frozenset(re.findall(r"[a-z]{3,}", line.casefold()))
        for token in re.split(r"[\s,;|/()\[\]<>\"'.:!?=&#+*-]+", line):
            if not token.isascii():
                yield from _token_scores(token, english)


def _token_scores(token: str, english: frozenset[str]) -> Iterator[float]:
    for character in token:
        if not character.isascii() and _is_odd(character):
            yield -1.0
            return
    for part in re.split("|".join(map(re.escape, PUNCTUATION)), token):
        if part and not part.isascii():
            yield _word_score(part[:LONGEST_TOKEN], english)


def _is_odd(character: str) -> bool:
    """Return whether a character does not occur in words: a symbol, a control, a letter of another width."""
    if character in PUNCTUATION:
        return False
    return unicodedata.category(character)[0] in "CSPZN" or "\uff21" <= character <= "\uffdc"


def _word_score(word: str, english: frozenset[str]) -> float:
    scripts = scripts_in(word)
    if scripts == {"Han"}:
        score = _han_score(word, english)
    elif scripts in ({"Kana"}, {"Han", "Kana"}):
        score = _kana_score(word, scripts)
    elif scripts == {"Hangul"}:
        score = -0.5 + (1.5 if len(word) > 1 else 1.0) * sum(map(USUAL_HANGUL.__contains__, word)) / len(word)
    elif scripts == {"Cyrillic"}:
        score = _cyrillic_score(word)
    elif scripts == {"Latin"}:
        score = _latin_score(word)
    elif scripts in ({"Latin", "Han"}, {"Latin", "Hangul"}, {"Latin", "Kana"}):
        score = -0.5  # words such as T恤 are rare
    elif len(scripts) == 1 and not scripts & UNLIKELY_SCRIPTS:
        score = -0.7 if any("\u03d0" <= character <= "\u03ff" for character in word) else 0.5 * (len(word) > 1)
    else:
        score = -1.0
    return score


def _han_score(word: str, english: frozenset[str]) -> float:
    if not all(map(_is_usual_han, word)):
        return -0.5 if not glosses(word) or len(word) == 1 else 0.6
    said = {part for gloss in glosses(word) for part in re.findall(r"[a-z]{3,}", gloss.casefold())}
    matched = 0.5 if said & english else 0.0
    if len(word) == 1:
        return 0.4 + matched
    return 0.1 + 0.9 * _covered(word) / len(word) + matched


def _kana_score(word: str, scripts: frozenset[str]) -> float:
    if len(word) == 1:
        return 0.3
    if not all(_is_usual_kanji(character) for character in word):
        return -0.3
    has_hiragana = any("\u3041" <= character <= "\u309f" for character in word)
    if "Han" in scripts and (not has_hiragana or ("\u3041" <= word[0] <= "\u309f" and word[0] not in "おご")):
        return 0.2  # kanji between katakana are rare, and so are words that begin in hiragana and continue in kanji
    return 0.9


def _covered(word: str) -> int:
    """Return how many characters of a text belong to lexicon words of at least two characters."""
    covered = position = 0
    while position < len(word):
        longest = next(
            (size for size in (4, 3, 2) if position + size <= len(word) and glosses(word[position : position + size])),
            0,
        )
        covered += longest
        position += longest or 1
    return covered


def _cyrillic_score(word: str) -> float:
    lower = word.casefold()
    if not (word in (lower, word.upper()) or word == word[0].upper() + lower[1:]):
        return -0.7
    if any(letter not in USUAL_CYRILLIC and not "\u0490" <= letter <= "\u04ff" for letter in lower):
        return -0.4
    if RUSSIAN_ONLY & set(lower) and UKRAINIAN_ONLY & set(lower):
        return -0.5
    if len(word) <= 2:
        return 0.4 * (len(word) - 1) - 0.2  # few single letters are words, and not many pairs
    return 0.8 if VOWELS_CYRILLIC & set(lower) else -0.5


def _latin_score(word: str) -> float:
    lower = word.casefold()
    if any(upper.isupper() and before.islower() for before, upper in pairwise(word)):
        return -0.7
    strange = [letter for letter in lower if not letter.isascii() and not _is_usual_latin(letter)]
    if strange:
        return -0.6
    share = sum(letter.isascii() for letter in word) / len(word)
    if share == 0 or len(word) <= 2 or (len(word) == 3 and word.isupper()):
        return 0.1
    return 0.7 if share >= 0.5 else 0.4


def _is_usual_latin(letter: str) -> bool:
    return (
        "\xdf" <= letter <= "\u017e" or letter in USUAL_LATIN or "\u1e00" <= letter <= "\u1eff" or not letter.isalpha()
    )


@lru_cache(maxsize=20_000)
def _is_usual_han(character: str) -> bool:
    """Return whether a character is in the first level of a national standard, which holds the more common ones."""
    return _is_within(character, "gb2312", 0xD7) or _is_within(character, "big5", 0xC6) or _is_usual_kanji(character)


@lru_cache(maxsize=20_000)
def _is_usual_kanji(character: str) -> bool:
    """Return whether a character is a kana, or a kanji of the first level of the Japanese standard."""
    return _is_within(character, "shift_jis", 0x97)


def _is_within(character: str, codec: str, last: int) -> bool:
    """Return whether the lead byte of a character's two-byte code is at most `last`."""
    try:
        encoded = character.encode(codec)
    except UnicodeEncodeError:
        return False
    return len(encoded) == 2 and encoded[0] <= last
