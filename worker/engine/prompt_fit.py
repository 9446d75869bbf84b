"""Shorten prompts to what the text encoders can read.

CLIP's text encoders read 77 tokens, including start and end marks (Radford et al. 2021), and silently ignore the rest.
Here a longer prompt loses whole phrases. The caller learns which, so that a result never claims words that had no
effect.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from shared.errors import PromptTooLong

# A phrase with its preceding separator.
PHRASE = re.compile(r"(?:^|[,;，、；])[^,;，、；]*")


@dataclass(frozen=True, slots=True)
class FittedPrompt:
    """A prompt as the encoders read it.

    Attributes:
        text: what is encoded.
        left_out: the phrases that are not read, in order.
    """

    text: str = ""
    left_out: tuple[str, ...] = ()


def fit(text: str, tokenizers: Sequence[Any], *, essential: str = "", field: str | None = None) -> FittedPrompt:
    """Return a prompt that fits every tokenizer, dropping the last phrases if it is too long.

    Args:
        text: phrases separated by commas or semicolons.
        tokenizers: CLIP tokenizers; `model_max_length` is the limit of their encoder.
        essential: a part of the text that is never dropped.
        field: the request's field that the error names.

    Raises:
        PromptTooLong: the part that cannot be dropped is too long by itself.
    """
    phrases = PHRASE.findall(text)
    left_out: list[str] = []
    while not _is_readable("".join(phrases), tokenizers):
        index = _last_dispensable(phrases, essential)
        if index is None:
            limit = min(tokenizer.model_max_length for tokenizer in tokenizers)
            raise PromptTooLong(f"the text encoders read at most {limit} tokens; shorten the text", field=field)
        left_out.insert(0, _without_separator(phrases.pop(index)))
    return FittedPrompt("".join(phrases), tuple(left_out))


def phrases_of(text: str) -> tuple[str, ...]:
    """Return a prompt's phrases without their separators."""
    return tuple(filter(None, map(_without_separator, PHRASE.findall(text))))


def _without_separator(phrase: str) -> str:
    return phrase.lstrip(",;，、； ").rstrip()


def _is_readable(text: str, tokenizers: Sequence[Any]) -> bool:
    return all(len(tokenizer(text).input_ids) <= tokenizer.model_max_length for tokenizer in tokenizers)


def _last_dispensable(phrases: Sequence[str], essential: str) -> int | None:
    """Return the index of the last phrase that can be dropped; the first phrase and the essential part stay."""
    for index in range(len(phrases) - 1, 0, -1):
        if essential in "".join([*phrases[:index], *phrases[index + 1 :]]):
            return index
    return None
