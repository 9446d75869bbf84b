"""All pictures of a deck on one self-contained page, for viewing and printing."""

from collections.abc import Sequence
from html import escape
from urllib.parse import quote

from api.deck_files.card import Card
from api.deck_files.language_tag import language_tag

PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{name}</title>
<style>
  :root {{ color-scheme: light dark; --paper: #faf8f3; --ink: #28282c; --faint: #6b6b73; --line: #ddd8cc; }}
  @media (prefers-color-scheme: dark) {{
    :root {{ --paper: #1b1b1f; --ink: #ecebe6; --faint: #a3a3ad; --line: #38383f; }}
  }}
  body {{ margin: 2rem auto; max-width: 76rem; padding: 0 1rem; background: var(--paper); color: var(--ink);
         font: 1rem/1.4 system-ui, sans-serif; }}
  ul {{ display: grid; grid-template-columns: repeat(auto-fill, minmax(10rem, 1fr)); gap: 1.25rem;
       margin: 0; padding: 0; list-style: none; }}
  li {{ break-inside: avoid; }}
  figure {{ margin: 0; border: 1px solid var(--line); border-radius: .5rem; overflow: hidden; }}
  img {{ display: block; width: 100%; height: auto; }}
  figcaption {{ padding: .6rem .8rem .8rem; }}
  .word {{ font-size: 1.5rem; }}
  .reading {{ color: var(--faint); margin-left: .4rem; }}
  @media print {{
    :root {{ --paper: #fff; --ink: #000; --faint: #444; --line: #bbb; }}
    body {{ margin: 0; max-width: none; font-size: 9pt; }}
    ul {{ grid-template-columns: repeat(4, 1fr); gap: 4mm; }}
  }}
</style>
</head>
<body><main>
<h1 dir="auto">{name}</h1>
<ul>
{items}
</ul>
</main></body>
</html>
"""

ITEM = """<li><figure><img src="{picture}" alt="{alt}">
<figcaption><span class="word" lang="{language}" dir="auto">{word}</span>{reading}<br>
<span dir="auto">{meaning}</span></figcaption></figure></li>"""


def contact_sheet(name: str, cards: Sequence[Card]) -> bytes:
    """Return the page, to be placed in the deck's folder.

    Args:
        name: the deck's name.
        cards: the cards to show, in this order.
    """
    items = "\n".join(_item(card) for card in cards)
    return PAGE.format(name=escape(name), items=items).encode()


def _item(card: Card) -> str:
    reading = f'<span class="reading" dir="auto">{escape(card.reading)}</span>' if card.reading else ""
    return ITEM.format(
        picture=escape(quote(card.file)),
        alt=escape(f"{card.word}: {card.prompt}"),
        word=escape(card.word),
        language=language_tag(card.word, card.language),
        reading=reading,
        meaning=escape(card.meaning),
    )
