"""Pictures of single characters as the judge sees them, with parts of their neighbours."""

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

from training.recogniser.faces import Face, load
from training.recogniser.looks import Looks, Picture
from worker.legibility.judge import MARGIN

EM = 64
# The baseline lies this far below an em box's top, in em.
BASELINE = 0.88
OWN_SHARE = 0.25  # of the pictures with the service's own font


class Samples:
    """An endless source of pictures."""

    def __init__(self, faces: Sequence[Face], seed: int) -> None:
        self._random = np.random.default_rng(seed)
        self._looks = Looks(self._random)
        self._by_character: dict[str, list[Face]] = {}
        for face in faces:
            for character in face.characters:
                self._by_character.setdefault(character, []).append(face)

    @property
    def characters(self) -> list[str]:
        """The characters of which there are pictures."""
        return list(self._by_character)

    def sample(self, character: str | None, *, may_spoil: bool = True) -> Picture:
        """Return a picture of a character in the recogniser's input format; None is a picture without a character."""
        mask = None if character is None else self._mask(character)
        return self._looks.picture(mask, may_spoil=may_spoil)

    def _between(self, low: int, high: int) -> int:
        return int(self._random.integers(low, high))

    def _mask(self, character: str) -> Picture:
        """Return a character's ink, 0 to 1, with its neighbours' where they reach into the margin."""
        face = self._face(character)
        font = load(face.path, EM)
        before, after = (str(self._random.choice(face.characters)) for _ in range(2))
        spacing = self._random.uniform(0, 6)
        left, advance = font.getlength(before) + spacing, font.getlength(character)
        margin = MARGIN * EM
        if self._random.random() < 0.3:
            before = after = ""
            left = margin
        page = Image.new("L", (round(left + advance + spacing + 2 * EM), 2 * EM))
        draw, baseline = ImageDraw.Draw(page), EM // 2 + BASELINE * EM + self._random.uniform(-0.07, 0.05) * EM
        for text, place in ((before, 0.0), (character, left), (after, left + advance + spacing)):
            draw.text((place, baseline), text, 255, font, anchor="ls")
        box = (round(left - margin), round(EM / 2 - margin), round(left + advance + margin), round(1.5 * EM + margin))
        return np.asarray(page.crop(box), np.float32) / np.float32(255)

    def _face(self, character: str) -> Face:
        faces = self._by_character[character]
        own = [face for face in faces if face.is_own]
        among = own if own and self._random.random() < OWN_SHARE else faces
        return among[self._between(0, len(among))]
