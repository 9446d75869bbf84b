"""Pictures of single characters as the judge sees them, with parts of their neighbours."""

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

from shared.writing.clusters import is_square
from training.recogniser.faces import Face, load
from training.recogniser.looks import Looks, Picture
from worker.legibility.judge import MARGIN

EM = 64
# The baseline lies this far below an em box's top, in em.
BASELINE = 0.88
OWN_SHARE = 0.25  # of the pictures with the service's own font
ALONE_SHARE = 0.3
COLUMN_SHARE = 0.3  # of the square characters with neighbours


class Samples:
    """An endless source of pictures."""

    def __init__(self, faces: Sequence[Face], seed: int) -> None:
        self._random = np.random.default_rng(seed)
        self.looks = Looks(self._random)
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
        return self.looks.picture(mask, may_spoil=may_spoil)

    def _between(self, low: int, high: int) -> int:
        return int(self._random.integers(low, high))

    def _mask(self, character: str) -> Picture:
        """Return a character's ink, 0 to 1, with its neighbours' where they reach into the margin."""
        face = self._face(character)
        font, margin = load(face.path, EM), MARGIN * EM
        left, advance = 2.0 * EM, font.getlength(character)
        page = Image.new("L", (round(left + advance + 2 * EM), 2 * EM))
        draw, baseline = ImageDraw.Draw(page), EM // 2 + BASELINE * EM + self._random.uniform(-0.07, 0.05) * EM
        draw.text((left, baseline), character, 255, font, anchor="ls")
        for across, down, anchor in self._beside(character, advance):
            neighbour = str(self._random.choice(face.characters))
            draw.text((left + across, baseline + down), neighbour, 255, font, anchor=anchor)
        box = (round(left - margin), round(EM / 2 - margin), round(left + advance + margin), round(1.5 * EM + margin))
        return np.asarray(page.crop(box), np.float32) / np.float32(255)

    def _beside(self, character: str, advance: float) -> list[tuple[float, float, str]]:
        """Return where the neighbours stand, in pixels from the character, and their anchors: in a line or a column."""
        if self._random.random() < ALONE_SHARE:
            return []
        if is_square(character) and self._random.random() < COLUMN_SHARE:
            pitch = EM * self._random.uniform(1, 1.05)
            return [(advance / 2, -pitch, "ms"), (advance / 2, pitch, "ms")]
        spacing = self._random.uniform(0, 6)
        return [(-spacing, 0.0, "rs"), (advance + spacing, 0.0, "ls")]

    def _face(self, character: str) -> Face:
        faces = self._by_character[character]
        own = [face for face in faces if face.is_own]
        among = own if own and self._random.random() < OWN_SHARE else faces
        return among[self._between(0, len(among))]
