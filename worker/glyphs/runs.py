"""A word split into runs: characters that are drawn together, and their measurements."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import groupby, pairwise
from pathlib import Path

from PIL import ImageFont, features

from shared.errors import UnsupportedCharacter
from shared.writing.characters import CharacterDatabase
from shared.writing.clusters import (
    SHAPED_PLAIN_SCRIPTS,
    clusters,
    directions,
    is_joining,
    is_right_to_left,
    is_square,
    needs_shaping,
    needs_tables,
)
from shared.writing.fonts import FontCoverage, font_of
from shared.writing.hyphenation import LONGEST_UNDIVIDED
from shared.writing.unicode_script import script

# Fonts are measured at this size: no font's outlines have a coarser grid.
MEASURED_PX = 1000
JOINER = "\u200d"
HYPHEN = "-"
# In em. A narrower cluster forms a ligature with the one before it; both then count as one character.
LEAST_ADVANCE = 0.05


@dataclass(frozen=True, slots=True)
class Run:
    """Grapheme clusters that are drawn together. Lengths are in em.

    Attributes:
        text: what is drawn, in reading order.
        characters: its clusters, from left to right. A ligature's clusters count as one.
        advances: their widths.
        font: the font file; None for the strokes of one character.
        is_shaped: whether HarfBuzz draws it; otherwise it is one plain character.
        right_to_left: whether it is read from right to left.
        is_square: whether it fills a square.
        is_vertical: whether it has the form for characters below each other, such as that of ー.
        offset: from the left edge to where drawing starts; from the middle if one character is drawn there.
        before, after: how far its ink extends beyond its width, to the left and to the right.
        above, below: how far its ink extends beyond the em box; negative if it ends inside.
        index: its place in the word, in reading order.
        is_hyphen: whether it is a hyphen at a line's end, which is not part of the word.
    """

    text: str
    characters: tuple[str, ...]
    advances: tuple[float, ...]
    font: Path | None = None
    is_shaped: bool = False
    right_to_left: bool = False
    is_square: bool = False
    is_vertical: bool = False
    offset: float = 0.0
    before: float = 0.0
    after: float = 0.0
    above: float = 0.0
    below: float = 0.0
    index: int = 0
    is_hyphen: bool = False

    @property
    def width(self) -> float:
        """The run's width."""
        return sum(self.advances)

    def widened(self, *, left: bool, right: bool) -> "Run":
        """Return the run of one character so wide that its ink does not extend beyond it on the given sides."""
        before, after = self.before * left, self.after * right
        if not before and not after:
            return self
        return replace(self, advances=(before + self.width + after,), offset=(before - after) / 2)

    @property
    def first(self) -> str:
        """The first character in reading order."""
        return self.characters[-1 if self.right_to_left else 0]

    @property
    def last(self) -> str:
        """The last character in reading order."""
        return self.characters[0 if self.right_to_left else -1]


def split_runs(word: str, database: CharacterDatabase, fonts: Sequence[FontCoverage]) -> list[Run | None]:
    """Return a word's runs in reading order; None stands for a space.

    Raises:
        UnsupportedCharacter: this Pillow cannot shape text, or the font's glyph for a cluster has no width.
    """
    written = clusters(word)
    runs: list[Run | None] = []
    read = zip(written, directions(written), strict=True)
    for (font, right_to_left), group in groupby(read, key=lambda one: (_font(one[0], database, fonts), one[1])):
        stretch = [cluster for cluster, _ in group]
        if font is None:
            runs += [
                None if cluster == " " else Run(cluster, (cluster,), (1.0,), is_square=True) for cluster in stretch
            ]
        else:
            runs += _font_runs(stretch, font, right_to_left=right_to_left)
    return [None if run is None else replace(run, index=index) for index, run in enumerate(runs)]


def reads_right_to_left(word: str) -> bool:
    """Return whether a word is read from right to left."""
    return is_right_to_left(clusters(word))


def _font(cluster: str, database: CharacterDatabase, fonts: Sequence[FontCoverage]) -> FontCoverage | None:
    return None if cluster == " " or database.has_strokes(cluster) else font_of(cluster, fonts)


def _font_runs(stretch: Sequence[str], font: FontCoverage, *, right_to_left: bool) -> Iterator[Run]:
    """Yield the runs of clusters of one font: square and plain characters singly, shaped clusters together."""
    for is_square_group, group in groupby(stretch, key=is_square):
        members = list(group)
        if is_square_group:
            yield from (_square(cluster, font) for cluster in members)
        elif right_to_left or (any(map(needs_shaping, members)) and not _is_divisible(members)):
            yield _shaped(members, font, right_to_left=right_to_left)
        else:
            yield from (
                _shaped([cluster], font, right_to_left=False) if needs_shaping(cluster) else _plain(cluster, font)
                for cluster in members
            )


def _is_divisible(members: Sequence[str]) -> bool:
    """Return whether a long word's letters can be drawn one by one, so that a line may end after any of them."""
    return len(members) > LONGEST_UNDIVIDED and not any(
        needs_tables(cluster) or script(cluster[0]) in SHAPED_PLAIN_SCRIPTS for cluster in members
    )


def hyphen_after(run: Run) -> Run:
    """Return a hyphen in a run's font."""
    if run.font is None:
        raise AssertionError("only letters from fonts are divided with a hyphen")
    above, below = _reach(HYPHEN, run.font)
    advance = _measured(run.font).getlength(HYPHEN) / MEASURED_PX
    return Run(HYPHEN, (HYPHEN,), (advance,), run.font, above=above, below=below, index=run.index, is_hyphen=True)


def _plain(character: str, font: FontCoverage) -> Run:
    advance = font.advance(character)
    if advance <= 0:
        raise UnsupportedCharacter(f"the font gives {character!r} no width", field="word")
    measured = _measured(font.path)
    left, _, right, _ = measured.getbbox(character, anchor="ls")
    before, after = max(0.0, -left), max(0.0, right - measured.getlength(character))
    above, below = _reach(character, font.path)
    return Run(
        character,
        (character,),
        (advance,),
        font.path,
        before=before / MEASURED_PX,
        after=after / MEASURED_PX,
        above=above,
        below=below,
    )


def _square(cluster: str, font: FontCoverage) -> Run:
    """Return a run of a square script. Its characters advance by about an em."""
    above, below = _reach(cluster, font.path)
    return Run(
        cluster,
        (cluster,),
        (1.0,),
        font.path,
        is_shaped=needs_shaping(cluster),
        is_square=True,
        above=above,
        below=below,
    )


def _shaped(members: Sequence[str], font: FontCoverage, *, right_to_left: bool) -> Run:
    if not features.check("raqm"):
        raise UnsupportedCharacter("this worker cannot shape text, because its Pillow lacks Raqm", field="word")
    text = "".join(members)
    measured = _measured(font.path)
    direction = direction_of(right_to_left=right_to_left)
    left, _, right, _ = measured.getbbox(text, anchor="ls", direction=direction)
    width = measured.getlength(text, direction=direction)
    characters, advances = _divide(members, measured, right_to_left=right_to_left)
    # Ink beyond the advance, such as a last letter's flourish, belongs to the outer characters.
    advances[0] += max(0.0, -left) / MEASURED_PX
    advances[-1] += max(0.0, right - width) / MEASURED_PX
    if sum(advances) <= 0:
        raise UnsupportedCharacter(f"the font gives {text!r} no width", field="word")
    above, below = _reach(text, font.path, direction)
    return Run(
        text,
        tuple(characters),
        tuple(advances),
        font.path,
        is_shaped=True,
        right_to_left=right_to_left,
        offset=max(0.0, -left) / MEASURED_PX,
        above=above,
        below=below,
    )


def _divide(
    members: Sequence[str], font: ImageFont.FreeTypeFont, *, right_to_left: bool
) -> tuple[list[str], list[float]]:
    """Return a run's characters from left to right and their widths.

    A cluster ends where the text up to it ends. Joined letters keep the form that they have in the whole word.
    """
    direction = direction_of(right_to_left=right_to_left)
    ends = [0.0]
    for count in range(1, len(members) + 1):
        joins = count < len(members) and is_joining(members[count - 1]) and is_joining(members[count])
        text = "".join(members[:count]) + (JOINER if joins else "")
        ends.append(font.getlength(text, direction=direction) / MEASURED_PX)
    characters: list[str] = []
    widths: list[float] = []
    for cluster, (start, end) in zip(members, pairwise(ends), strict=True):
        if characters and end - start < LEAST_ADVANCE:
            characters[-1] += cluster
            widths[-1] = max(0.0, widths[-1] + end - start)
        else:
            characters.append(cluster)
            widths.append(max(0.0, end - start))
    return (characters[::-1], widths[::-1]) if right_to_left else (characters, widths)


def _reach(text: str, path: Path, direction: str | None = None) -> tuple[float, float]:
    """Return how far a text's ink extends above and below the em box, in em. The font's line is centred on the box."""
    font = _measured(path)
    ascent, descent = font.getmetrics()
    baseline = 0.5 + (ascent - descent) / 2 / MEASURED_PX
    _, top, _, bottom = font.getbbox(text, anchor="ls", direction=direction)
    if top == bottom:
        raise UnsupportedCharacter(f"the font draws nothing for {text!r}", field="word")
    return -(baseline + top / MEASURED_PX), baseline + bottom / MEASURED_PX - 1


def direction_of(*, right_to_left: bool) -> str | None:
    """Return Raqm's name of a direction; None without Raqm, since basic layout requires None."""
    if not features.check("raqm"):
        return None
    return "rtl" if right_to_left else "ltr"


@lru_cache(maxsize=64)
def _measured(path: Path) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(str(path), size=MEASURED_PX)
