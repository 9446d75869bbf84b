"""Grapheme clusters: what a reader takes for one character."""

import regex


def clusters(text: str) -> tuple[str, ...]:
    """Return a text's grapheme clusters in order; spaces are entries of their own."""
    return tuple(regex.findall(r"\X", text))
