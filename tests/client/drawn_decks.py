"""Decks with pictures, as if a service had drawn them."""

import base64
from typing import Any

from tests.client.scripted import word_view
from writing_client.deck import Deck
from writing_client.models import AIGenerationResult, DeckWordView, ListedRow


def row(
    line: int, word: str, translation: str = "", reading: str = "", style: str | None = None, **own: Any
) -> ListedRow:
    return ListedRow(line=line, word=word, translation=translation, reading=reading, style=style, **own)


def drawn(deck: Deck, *indices: int) -> None:
    """Store pictures for rows, as `Deck.draw` does with each result."""
    for index in indices:
        listed = deck._rows[index]
        png = f"picture {listed}".encode()
        deck._keep(
            index,
            DeckWordView.model_validate(word_view(index, listed.word, meaning=listed.translation or "looked up")),
            AIGenerationResult(
                success=True,
                generated_image_base64=base64.b64encode(png).decode(),
                conditioning_images_base64={},
                prompt_used="a prompt",
                generation_metadata={"seed": index, "legibility": {"score": 0.9}},
            ),
        )


ROWS = [row(1, "学习", "study", "xuéxí"), row(2, "山"), row(3, "a/b:c", "letters & <signs>")]
