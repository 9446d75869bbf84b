"""A word's stroke order as a small SVG: each stroke is numbered at its start.

Only the numbers have a fixed colour. Strokes take the text's colour, so they are visible in light and dark mode.
"""

from shared.writing.characters import EM, TOP, Character, CharacterDatabase, Stroke

CELL_PX = 110  # on a card
NUMBER_SIZE = 88  # in units of the em, as are all below
SHIFT = 30  # a number is placed slightly before the start of its stroke
INK_OPACITY = 0.4  # keeps the numbers readable
ACCENT = "#e0452c"  # readable on white and on black


def stroke_order(word: str, database: CharacterDatabase) -> str:
    """Return the SVG of those characters of a word that have stroke data, or "" if none has.

    Each element is on its own line, since genanki looks for wrong tags in time that grows with the square of a line.
    """
    characters = [found for character in word if (found := database.character(character)) is not None]
    if not characters:
        return ""
    width = EM * len(characters)
    cells = "\n".join(_cell(character, index * EM) for index, character in enumerate(characters))
    return (
        f'<svg class="strokes" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {EM}" '
        f'width="{CELL_PX * len(characters)}" height="{CELL_PX}" fill="currentColor">\n{cells}\n</svg>'
    )


def _cell(character: Character, left: int) -> str:
    # The data's y axis points up, SVG's points down.
    ink = "\n".join(f'<path d="{stroke.outline}"/>' for stroke in character.strokes)
    numbers = "\n".join(_number(stroke, number, left) for number, stroke in enumerate(character.strokes, start=1))
    return (
        f'<g transform="translate({left} {TOP}) scale(1 -1)" opacity="{INK_OPACITY}">\n{ink}\n</g>\n'
        f'<g fill="{ACCENT}" font-size="{NUMBER_SIZE}" font-family="sans-serif" font-weight="bold" '
        f'text-anchor="middle">\n{numbers}\n</g>'
    )


def _number(stroke: Stroke, number: int, left: int) -> str:
    (x, y), (next_x, next_y) = stroke.median[0], stroke.median[1]
    length = max(1.0, ((next_x - x) ** 2 + (next_y - y) ** 2) ** 0.5)
    shown_x = round(left + x - SHIFT * (next_x - x) / length)
    shown_y = round(TOP - y + SHIFT * (next_y - y) / length + NUMBER_SIZE / 3)
    return f'<text x="{shown_x}" y="{shown_y}">{number}</text>'
