"""Decks with pictures, as if a service had drawn them."""

import base64
from typing import Any

from writing_client.deck import Deck
from writing_client.models import AIGenerationResult, ListedRow


def row(
    line: int, word: str, translation: str = "", reading: str = "", style: str | None = None, **own: Any
) -> ListedRow:
    return ListedRow(line=line, word=word, translation=translation, reading=reading, style=style, **own)


def drawn(deck: Deck, *indices: int) -> None:
    """Store pictures for rows, as `Deck.draw` does with each result."""
    for index in indices:
        png = f"picture {deck._rows[index]}".encode()
        deck._keep(
            index,
            AIGenerationResult(
                success=True,
                generated_image_base64=base64.b64encode(png).decode(),
                conditioning_images_base64={},
                prompt_used="a prompt",
                generation_metadata={"seed": index, "translation": "looked up", "legibility": {"score": 0.9}},
            ),
        )


ROWS = [row(1, "学习", "study", "xuéxí"), row(2, "山"), row(3, "a/b:c", "letters & <signs>")]
