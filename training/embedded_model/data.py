"""Training samples: scenes of training characters and motifs, in random styles, with their maps and prompts."""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import IterableDataset, get_worker_info

from shared.schemas import ControlType
from shared.settings import ConditioningSettings, load_settings
from shared.writing.characters import CharacterDatabase
from shared.writing.imagery import Imagery
from training.embedded_model.canvas import make_canvas
from training.embedded_model.pictures import STYLES, draw
from worker.conditioning import Brush, Conditioning, make_conditionings
from worker.glyphs import GlyphRenderer
from worker.scene import Scene, compose

# The side of the pictures.
SIDE = 512
# Characters with a code point divisible by this, and motifs with such an index, are never trained on.
HELD_OUT_EVERY = 5
WORD_LENGTHS, WORD_LENGTH_SHARES = (1, 2, 3, 4), (0.45, 0.4, 0.08, 0.07)
# Possible numbers of motifs in a picture, and their shares.
MOTIF_COUNTS, MOTIF_COUNT_SHARES = (0, 1, 2, 3), (0.2, 0.4, 0.3, 0.1)
# How often motifs are chosen again until their hue is cool. A quarter of all scenes are cool, and behind cool motifs a
# model that has seen few of them mixes the grounds of both kinds.
COOL_SHARE = 0.4
# How often a scene's motifs are drawn while the maps contain only the word.
UNDRAWN_SHARE = 0.05
# How often a map is drawn by the default method instead of one of the other non-AI methods.
DEFAULT_METHOD_SHARE = 0.7
# How often a prompt names the motifs, as the service's prompts do.
NAMED_SHARE = 0.8

Image = NDArray[np.uint8]


@dataclass(frozen=True)
class Sample:
    """One training picture: (512, 512, 3) each, RGB."""

    word: str
    style: str
    motifs: tuple[str, ...]
    prompt: str
    picture: Image
    maps: dict[ControlType, Image]


class SceneMaker:
    """Makes scenes, pictures and samples, deterministically for a seed."""

    def __init__(self, seed: int, *, held_out: bool = False) -> None:
        """Load the training characters and motifs, or the held-out ones."""
        self.random = np.random.default_rng(seed)
        database = CharacterDatabase()
        self._imagery = Imagery()
        self.characters = [
            character
            for character in database.characters()
            if character >= "\u4e00" and (ord(character) % HELD_OUT_EVERY == 0) == held_out
        ]
        self.motifs = [
            name for place, name in enumerate(self._imagery.names) if (place % HELD_OUT_EVERY == 0) == held_out
        ]
        self._styles = load_settings({}).styles
        self._glyphs = GlyphRenderer(database, ())
        self._glosses = [gloss for character in self.characters[::3] for gloss in database.glosses(character)[:2]]

    @cached_property
    def _conditionings(self) -> tuple[Conditioning, ...]:
        return make_conditionings(ConditioningSettings(depth_model=None, segmentation_model=None))

    def scene(self, motifs: Sequence[str] | None = None) -> Scene:
        """Return a scene of a random word with the given motifs, or random ones."""
        length = int(self.random.choice(WORD_LENGTHS, p=WORD_LENGTH_SHARES))
        word = "".join(self.random.choice(self.characters, length))
        if motifs is None:
            count = int(self.random.choice(MOTIF_COUNTS, p=MOTIF_COUNT_SHARES))
            motifs = [str(name) for name in self.random.choice(self.motifs, count, replace=False)]
        chosen = [self._imagery.motif(name) for name in motifs]
        return compose(self._glyphs, word, SIDE, SIDE, chosen, int(self.random.integers(2**31)))

    def sample_scene(self) -> Scene:
        """Return a random scene; of those with motifs, more have cool ones."""
        scene = self.scene()
        if scene.motifs and self.random.random() < COOL_SHARE:
            while not make_canvas(scene, self.random).is_cool:
                scene = self.scene()
        return scene

    def picture(self, style: str | None = None) -> Image:
        """Return a picture alone."""
        return draw(style or str(self.random.choice(list(STYLES))), self.scene(), self.random)

    def sample(self, style: str | None = None) -> Sample:
        """Return a picture with its maps and prompt."""
        scene, name = self.sample_scene(), style or str(self.random.choice(list(STYLES)))
        shown = Scene(scene.glyph) if self.random.random() < UNDRAWN_SHARE else scene
        brush = Brush(self._styles[name].pen, int(self.random.integers(2**31)))
        maps = {
            kind.control_type: np.asarray(kind.generate(shown, self._method(kind), brush))
            for kind in self._conditionings
        }
        motifs = tuple(placed.motif.name for placed in scene.motifs)
        prompt = self.prompt(name, scene.glyph.word, motifs)
        return Sample(scene.glyph.word, name, motifs, prompt, draw(name, scene, self.random), maps)

    def prompt(self, style: str, word: str, motifs: Sequence[str] = ()) -> str:
        """Return a prompt as a request in this style might have it: any gloss, with or without the motifs."""
        gloss = self._glosses[int(self.random.integers(len(self._glosses)))]
        prompt = self._styles[style].fill(gloss, word)
        if motifs and self.random.random() < NAMED_SHARE:
            prompt += ", with " + " and ".join(self._imagery.phrase(name) for name in motifs)
        return prompt

    def _method(self, kind: Conditioning) -> str:
        default, *others = kind.available_methods
        return default if self.random.random() < DEFAULT_METHOD_SHARE else str(self.random.choice(others))


class PictureStream(IterableDataset[torch.Tensor]):
    """Endless crops of pictures for the VAE, (3, crop, crop), -1 to 1.

    They come from a pool, so that a batch mixes many pictures; the oldest picture is replaced from time to time.
    """

    def __init__(self, seed: int, crop: int, crops_per_picture: int = 12, pool: int = 24) -> None:
        self._seed, self._crop, self._count, self._pool = seed, crop, crops_per_picture, pool

    def __iter__(self) -> Iterator[torch.Tensor]:
        """Yield crops without end; each worker process draws its own pictures."""
        worker = get_worker_info()
        maker = SceneMaker(self._seed + (1 + worker.id if worker else 0) * 7919)
        pictures: deque[Image] = deque(maxlen=self._pool)
        while True:
            pictures.append(maker.picture())
            for _ in range(self._count):
                picture = pictures[int(maker.random.integers(len(pictures)))]
                top, left = maker.random.integers(0, SIDE - self._crop + 1, 2)
                yield to_tensor(picture[top : top + self._crop, left : left + self._crop])


def to_tensor(image: Image) -> torch.Tensor:
    """Return an image as (3, height, width), -1 to 1."""
    return torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1))).float() / 127.5 - 1
