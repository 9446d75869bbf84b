"""Prompts that the text encoders can read whole.

CLIP's text encoders read 77 tokens, start and end marks among them (Radford et al. 2021); what comes after is cut off
silently. A longer prompt loses whole phrases here, and the caller is told which, so that a result never claims words
that had no effect.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from shared.errors import PromptTooLong

# A phrase with the separator before it.
PHRASE = re.compile(r"(?:^|[,;，、；])[^,;，、；]*")


@dataclass(frozen=True, slots=True)
class FittedPrompt:
    """A prompt as the encoders read it.

    Attributes:
        text: what is encoded.
        left_out: the phrases that did not fit, in their order.
    """

    text: str = ""
    left_out: tuple[str, ...] = ()


def fit(text: str, tokenizers: Sequence[Any], *, essential: str = "", field: str | None = None) -> FittedPrompt:
    """Return a prompt that fits every tokenizer, the last phrases left out where it is too long.

    Args:
        text: phrases separated by commas or semicolons.
        tokenizers: CLIP tokenizers; `model_max_length` is what their encoder reads.
        essential: a part of the text that is never left out.
        field: of the request, named in the error.

    Raises:
        PromptTooLong: what cannot be left out is too long by itself.
    """
    phrases = PHRASE.findall(text)
    left_out: list[str] = []
    while not _is_readable("".join(phrases), tokenizers):
        index = _last_dispensable(phrases, essential)
        if index is None:
            limit = min(tokenizer.model_max_length for tokenizer in tokenizers)
            raise PromptTooLong(f"the text encoders read {limit} tokens; shorten it", field=field)
        left_out.insert(0, phrases.pop(index).lstrip(",;，、； ").rstrip())
    return FittedPrompt("".join(phrases), tuple(left_out))


def _is_readable(text: str, tokenizers: Sequence[Any]) -> bool:
    return all(len(tokenizer(text).input_ids) <= tokenizer.model_max_length for tokenizer in tokenizers)


def _last_dispensable(phrases: Sequence[str], essential: str) -> int | None:
    """Return the index of the last phrase without which the essential part is still whole; the first one stays."""
    for index in range(len(phrases) - 1, 0, -1):
        if essential in "".join([*phrases[:index], *phrases[index + 1 :]]):
            return index
    return None
