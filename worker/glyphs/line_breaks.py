"""Where a line may break, by the line breaking classes of Unicode (UAX #14) and the Japanese rules called kinsoku."""

from typing import Final

import regex

from shared.writing.clusters import is_square

# Closing marks, small kana, ー, 々, hyphens and bopomofo's tones do not begin a line. Opening marks do not end one.
NEVER_FIRST: Final = regex.compile(
    r"[\p{LB=CL}\p{LB=CP}\p{LB=EX}\p{LB=IS}\p{LB=IN}\p{LB=NS}\p{LB=CJ}\p{LB=HY}\p{LB=BA}\p{Pf}\p{Lm}\p{Sk}]"
)
NEVER_LAST: Final = regex.compile(r"[\p{LB=OP}\p{Pi}]")
HANGUL: Final = regex.compile(r"\p{Script=Hang}")


def may_break(before: str, after: str, *, has_spaces: bool) -> bool:
    """Return whether a line may break between two adjacent characters, without a space between them.

    Args:
        before: the character that would end a line.
        after: the character that would begin the next one.
        has_spaces: whether the text has spaces, at which hangul then breaks.
    """
    if NEVER_FIRST.match(after) or NEVER_LAST.match(before):
        return False
    if has_spaces and HANGUL.match(before) and HANGUL.match(after):
        return False
    return is_square(before) or is_square(after)
