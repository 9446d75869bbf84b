"""Training samples: words of the training characters in random styles and meanings, with their maps and prompts."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import IterableDataset, get_worker_info

from shared.characters import CharacterDatabase
from shared.schemas import CONTROL_TYPES, ControlType
from shared.settings import ConditioningSettings, load_settings
from training.embedded_model.meanings import MEANINGS, NEUTRAL, Meaning
from training.embedded_model.pictures import STYLES, draw, make_scene
from worker.conditioning import Conditioning, Hand, make_conditionings
from worker.glyphs import Glyph, GlyphRenderer

SIDE = 256
# Characters whose code point is divisible by this are never trained on: they judge the model.
HELD_OUT_EVERY = 5
# How often the default method draws a map; else one of the other methods without AI does.
DEFAULT_METHOD_SHARE = 0.7
WORD_LENGTHS, WORD_LENGTH_SHARES = (1, 2, 3, 4), (0.45, 0.4, 0.08, 0.07)
NEUTRAL_SHARE = 0.12
# How often a neutral picture is described by some gloss of the lexicon that names none of our meanings.
GLOSS_SHARE = 0.7

Image = NDArray[np.uint8]


@dataclass(frozen=True)
class Sample:
    """One training picture: (256, 256, 3) each, RGB."""

    word: str
    style: str
    meaning: str
    prompt: str
    picture: Image
    maps: dict[ControlType, Image]


class PhraseMaker:
    """Chooses styles, meanings and the words for them."""

    def __init__(self, random: np.random.Generator) -> None:
        self._random = random
        self._database = CharacterDatabase()
        self._styles = load_settings({}).styles
        known = {part for meaning in MEANINGS.values() for word in meaning.words for part in word.split()}
        self._characters = [character for character in self._database.characters() if character >= "\u4e00"]
        self._glosses = [
            gloss
            for character in self._characters
            for gloss in self._database.glosses(character)
            if len(gloss) < 40 and not known & {word.strip("(),.") for word in gloss.lower().split()}
        ]

    def meaning(self) -> str:
        """Return the name of a meaning, or ``neutral``."""
        if self._random.random() < NEUTRAL_SHARE:
            return "neutral"
        return str(self._random.choice(list(MEANINGS)))

    def phrase(self, meaning: str) -> str:
        """Return words for a meaning."""
        if meaning == "neutral" and self._random.random() < GLOSS_SHARE:
            return self._glosses[int(self._random.integers(len(self._glosses)))]
        return str(self._random.choice(MEANINGS.get(meaning, NEUTRAL).words))

    def prompt(self) -> tuple[str, str, str]:
        """Return a style, a meaning and a prompt for both."""
        style, meaning = str(self._random.choice(list(STYLES))), self.meaning()
        word = "".join(self._random.choice(self._characters, int(self._random.integers(1, 4))))
        return style, meaning, self._styles[style].fill(self.phrase(meaning), word)


class SampleMaker:
    """Draws samples; the same seed draws the same."""

    def __init__(self, seed: int, *, held_out: bool = False) -> None:
        """Draw words of training characters, or of the held-out ones."""
        self.random = np.random.default_rng(seed)
        database = CharacterDatabase()
        self._characters = [
            character
            for character in database.characters()
            if character >= "\u4e00" and (ord(character) % HELD_OUT_EVERY == 0) == held_out
        ]
        self._styles = load_settings({}).styles
        self._glyphs = GlyphRenderer(database, ())
        self._phrases = PhraseMaker(self.random)

    @cached_property
    def _conditionings(self) -> tuple[Conditioning, ...]:
        return make_conditionings(ConditioningSettings(depth_model=None, segmentation_model=None))

    def picture(self, style: str | None = None, meaning: str | None = None) -> Image:
        """Return a picture alone."""
        return self._draw(style, meaning)[0]

    def sample(self, style: str | None = None, meaning: str | None = None) -> Sample:
        """Return a picture with its maps and prompt; style and meaning are random where not given."""
        picture, glyph, style_name, meaning_name, phrase = self._draw(style, meaning)
        definition = self._styles[style_name]
        hand = Hand(definition.pen, int(self.random.integers(2**31)))
        maps = {
            kind.control_type: np.asarray(kind.generate(glyph, self._method(kind), hand))
            for kind in self._conditionings
        }
        return Sample(glyph.word, style_name, meaning_name, definition.fill(phrase, glyph.word), picture, maps)

    def _draw(self, style: str | None, meaning: str | None) -> tuple[Image, Glyph, str, str, str]:
        length = int(self.random.choice(WORD_LENGTHS, p=WORD_LENGTH_SHARES))
        glyph = self._glyphs.render("".join(self.random.choice(self._characters, length)), SIDE, SIDE)
        style_name = style or str(self.random.choice(list(STYLES)))
        meaning_name = meaning or self._phrases.meaning()
        chosen: Meaning = MEANINGS.get(meaning_name, NEUTRAL)
        scene = make_scene(glyph.ink, chosen.palette, chosen.motif, self.random)
        return draw(style_name, scene), glyph, style_name, meaning_name, self._phrases.phrase(meaning_name)

    def _method(self, kind: Conditioning) -> str:
        default, *others = kind.available_methods
        return default if self.random.random() < DEFAULT_METHOD_SHARE else str(self.random.choice(others))


class PictureStream(IterableDataset[torch.Tensor]):
    """Endless crops of pictures for the VAE, (3, crop, crop), -1 to 1."""

    def __init__(self, seed: int, crop: int, crops_per_picture: int = 4) -> None:
        self._seed, self._crop, self._count = seed, crop, crops_per_picture

    def __iter__(self) -> Iterator[torch.Tensor]:
        """Draw on; each worker process draws its own pictures."""
        worker = get_worker_info()
        maker = SampleMaker(self._seed + (1 + worker.id if worker else 0) * 7919)
        while True:
            picture = maker.picture()
            for _ in range(self._count):
                top, left = maker.random.integers(0, SIDE - self._crop + 1, 2)
                yield to_tensor(picture[top : top + self._crop, left : left + self._crop])


def to_tensor(image: Image) -> torch.Tensor:
    """Return an image as (3, height, width), -1 to 1."""
    return torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1))).float() / 127.5 - 1


def map_to_tensor(png: Image, shift: tuple[int, int] = (0, 0)) -> torch.Tensor:
    """Return a stored map as (3, 256, 256), 0 to 1, moved by so many pixels (down, right)."""
    image = np.asarray(cv2.imdecode(png, cv2.IMREAD_COLOR_RGB))
    if any(shift):
        image = np.roll(image, shift, (0, 1))
    return torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1))).float() / 255


def save_shard(path: Path, samples: list[Sample], latents: NDArray[np.float16]) -> None:
    """Write samples as arrays: latents, prompts, and the maps as PNG bytes end to end."""
    blobs = {
        control_type: [cv2.imencode(".png", sample.maps[control_type][:, :, ::-1])[1] for sample in samples]
        for control_type in CONTROL_TYPES
    }
    arrays: dict[str, NDArray[np.generic]] = {"latents": latents, "prompts": np.array([s.prompt for s in samples])}
    for control_type, pngs in blobs.items():
        arrays[control_type] = np.concatenate(pngs)
        arrays[f"{control_type}_ends"] = np.cumsum([len(png) for png in pngs])
    temporary = path.with_suffix(".tmp.npz")
    np.savez(temporary, **arrays)  # type: ignore[arg-type]
    temporary.rename(path)  # a shard is there whole or not at all


class Shard:
    """A stored shard in memory."""

    def __init__(self, path: Path) -> None:
        with np.load(path, allow_pickle=False) as stored:
            self._arrays = dict(stored)

    def __len__(self) -> int:
        """How many samples it holds."""
        return len(self._arrays["latents"])

    def latents(self, index: int) -> torch.Tensor:
        """Return a picture's latents (8, 32, 32)."""
        return torch.from_numpy(self._arrays["latents"][index].astype(np.float32))

    def prompt(self, index: int) -> str:
        """Return a picture's prompt."""
        return str(self._arrays["prompts"][index])

    def map(self, index: int, control_type: ControlType) -> Image:
        """Return a map as PNG bytes."""
        ends = self._arrays[f"{control_type}_ends"]
        start = int(ends[index - 1]) if index else 0
        png: Image = self._arrays[control_type][start : int(ends[index])]
        return png
