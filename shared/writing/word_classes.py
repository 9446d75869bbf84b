"""Word classes that dictionaries and teachers add to a translation: "adj. big", "tie (n.)", "run, v."."""

import re
from typing import Final

_VERB: Final = r"v|vb|v\.?[it]"
_NAME: Final = rf"(?:n|noun|{_VERB}|verb|adj|adjective|adv|adverb|conj|prep|pron)\.?"
# What stands before a translation in dictionaries: "n.", and what may stand there only before a word: "art.".
WORD_CLASS: Final = rf"(?:(?:n|{_VERB}|adj|adv)\.|(?:art|aux|conj|int|interj|num|part|phr|prep|pron)\.(?= ))"

_SEPARATORS: Final = r";,/|，、；／｜"
_START: Final = rf"(?P<start>(?:^|[{_SEPARATORS}]|(?<=\d[.)])|(?<=[①-⑳]))\s*)"
_END: Final = rf"(?=\s*(?:$|[{_SEPARATORS}]))"
_OPEN, _CLOSE = r"[(（\[【{]", r"[)）\]】}]"
_VERB_IN_BRACKETS: Final = rf"{_OPEN}\s*(?:{_VERB}|verb)\.?\s*{_CLOSE}"

# "v. watch" and "(v.) watch"
VERB_BEFORE: Final = re.compile(
    rf"{_START}(?:(?:{_VERB})\.\s|{_VERB_IN_BRACKETS})\s*(?:to\s+)?(?=[^\W\d_])", re.IGNORECASE
)
# "watch (v.)" and "watch, v.", but not "the letter v."
VERB_AFTER: Final = re.compile(
    rf"{_START}(?!(?:an?|the)\s)(?:to\s+)?(?P<said>[^{_SEPARATORS}()（）\[\]【】{{}}]+?)"
    rf"(?:\s*{_VERB_IN_BRACKETS}|,?\s+(?:{_VERB})\.{_END})",
    re.IGNORECASE,
)
# "adj. big", "dog n.", "tie (noun)" and "fall (n., season)"
BEFORE: Final = re.compile(rf"{_START}{WORD_CLASS}\s+(?=[^\W\d_])", re.IGNORECASE)
AFTER: Final = re.compile(rf"(?<=\S),?\s+(?:n|adj|adv)\.{_END}", re.IGNORECASE)
IN_BRACKETS: Final = re.compile(rf"\s*{_OPEN}\s*{_NAME}\s*{_CLOSE}", re.IGNORECASE)
FIRST_IN_BRACKETS: Final = re.compile(rf"({_OPEN})\s*{_NAME}\s*[,;，；]\s*", re.IGNORECASE)


def without_word_classes(text: str) -> str:
    """Return a translation without word classes, its verbs with "to": "watch (v.), look" becomes "to watch, look"."""
    text = VERB_BEFORE.sub(r"\g<start>to ", text)
    text = VERB_AFTER.sub(r"\g<start>to \g<said>", text)
    text = BEFORE.sub(r"\g<start>", text)
    text = IN_BRACKETS.sub("", FIRST_IN_BRACKETS.sub(r"\1", text))
    return AFTER.sub("", text).strip()
