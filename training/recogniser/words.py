"""Random words in letters that join, drawn by the service's renderer and cut up as the judge cuts them.

A cluster's cut shows parts of its neighbours, and how high it is depends on the word. Drawing takes longer than
training, so the cuts are kept in files and trained on several times.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from shared.errors import InvalidRequest
from shared.writing.characters import CharacterDatabase
from shared.writing.fonts import FontCoverage, read_fonts
from training.recogniser.clusters import SCRIPTS, Group, Script, clusters_with_parts, compose
from training.recogniser.faces import files_of
from worker.glyphs import GlyphRenderer
from worker.legibility.judge import crop

# Height of all cuts, pixels.
HEIGHT = 72
# So wide that a word has one line; its letters are then about as large as the picture is high.
WIDTH, LOWEST, HIGHEST = 1600, 90, 220
LONGEST = 6
OWN_SHARE = 0.5  # of the words, in the service's own fonts
LIGATURE_SHARE = 0.1
# Words without signs and tops, and clusters without them in other words.
BARE_SHARE, UNSIGNED_SHARE, UNTOPPED_SHARE = 0.2, 0.2, 0.5

T = TypeVar("T")
Cut = NDArray[np.uint8]


@dataclass(frozen=True)
class WordFace:
    """A font that can draw clusters of a script; `is_own`: the service draws with it."""

    font: FontCoverage
    script: str
    clusters: frozenset[str]
    is_own: bool
    is_for_test: bool


@dataclass(frozen=True)
class Cuts:
    """Clusters, and their cuts side by side: ink (HEIGHT, all widths), 0 to 255, or RGB (HEIGHT, all widths, 3)."""

    clusters: Sequence[str]
    ends: NDArray[np.int64]
    pixels: Cut

    def __getitem__(self, index: int) -> Cut:
        """Return a cluster's cut."""
        return self.pixels[:, self.ends[index - 1] if index else 0 : self.ends[index]]

    def save(self, path: Path) -> None:
        """Write the cuts to a file."""
        np.savez_compressed(path, clusters=np.array(self.clusters), ends=self.ends, pixels=self.pixels)


def gather(found: Iterable[tuple[str, Cut]]) -> Cuts:
    """Return drawn cuts together."""
    clusters, cuts = zip(*found, strict=True)
    return Cuts(clusters, np.cumsum([cut.shape[1] for cut in cuts]), np.hstack(cuts))


def load(paths: Sequence[Path]) -> Cuts:
    """Return the cuts of all files."""
    files = [np.load(path) for path in paths]
    return gather(
        (str(cluster), cut)
        for file in files
        for cluster, cut in zip(file["clusters"], np.split(file["pixels"], file["ends"][:-1], axis=1), strict=True)
    )


def read_word_faces(folder: Path, own: Sequence[Path]) -> list[WordFace]:
    """Return the faces of each script in the service's fonts and in the npm packages in a folder."""
    faces = []
    for path, is_own, is_for_test in tqdm(files_of(folder, own), desc="fonts"):
        (font,) = read_fonts([path])
        drawn = [cluster for cluster in clusters_with_parts() if font.has(cluster)]
        for number, name in enumerate(SCRIPTS):
            if of_script := frozenset(one for one in drawn if clusters_with_parts()[one].script == number):
                faces.append(WordFace(font, name, of_script, is_own, is_for_test))
    return faces


class Source(Protocol):
    """An endless source of cuts."""

    def cuts(self) -> Iterator[tuple[str, Cut]]:
        """Draw one word, and yield its known characters with their cuts."""


def draw(source: Source, words: int, path: Path) -> None:
    """Draw words and write their cuts to a file."""
    gather(cut for _ in tqdm(range(words), desc="drawing", unit="word") for cut in source.cuts()).save(path)


class Words:
    """An endless source of cuts in print."""

    def __init__(self, faces: Sequence[WordFace], seed: int) -> None:
        self._random = np.random.default_rng(seed)
        self._faces = faces
        self._database = CharacterDatabase()

    def cuts(self, script: str | None = None) -> Iterator[tuple[str, Cut]]:
        """Draw one word, and yield its known clusters with their cuts."""
        face, word = self.word(script)
        height = int(self._random.integers(LOWEST, HIGHEST))
        try:
            glyph = GlyphRenderer(self._database, [face.font]).render(word, WIDTH, height)
        except InvalidRequest:
            return  # it looks like wrongly decoded text, or the font gives a sign no width
        for placed in glyph.characters:
            if placed.character in face.clusters:
                yield placed.character, scaled(crop(glyph.ink, placed))

    def word(self, script: str | None = None) -> tuple[WordFace, str]:
        """Return a random word and a face for it."""
        face = self._face(script or str(self._random.choice(list(SCRIPTS), p=[one.share for one in SCRIPTS.values()])))
        return face, self._word(face)

    def _face(self, script: str) -> WordFace:
        faces = [face for face in self._faces if face.script == script]
        own = [face for face in faces if face.is_own]
        return self._one_of(own if own and self._random.random() < OWN_SHARE else faces)

    def _word(self, face: WordFace) -> str:
        script, is_bare = SCRIPTS[face.script], self._random.random() < BARE_SHARE
        count = int(self._random.integers(1, LONGEST + 1))
        return "".join(self._part(script, face, is_bare=is_bare) for _ in range(count))

    def _part(self, script: Script, face: WordFace, *, is_bare: bool) -> str:
        if script.ligatures and self._random.random() < LIGATURE_SHARE:
            return self._one_of(script.ligatures)
        while (cluster := self._cluster(script, is_bare=is_bare)) not in face.clusters:
            pass
        return cluster

    def _cluster(self, script: Script, *, is_bare: bool) -> str:
        shares = [group.share for group in script.groups]
        group: Group = script.groups[int(self._random.choice(len(shares), p=shares))]
        no_sign = is_bare or self._random.random() < UNSIGNED_SHARE
        no_top = is_bare or self._random.random() < UNTOPPED_SHARE
        sign = group.signs[0] if no_sign else self._one_of(group.signs)
        top = group.tops[0] if no_top else self._one_of(group.tops)
        return compose(self._one_of(group.bases), sign, top)

    def _one_of(self, choices: Sequence[T]) -> T:
        return choices[int(self._random.integers(len(choices)))]


def scaled(cut: Cut) -> Cut:
    """Return a cut (height, width) or (height, width, 3) with the height of all cuts."""
    width = max(1, round(HEIGHT * cut.shape[1] / cut.shape[0]))
    method = cv2.INTER_AREA if cut.shape[0] > HEIGHT else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(cut, (width, HEIGHT), interpolation=method), np.uint8)
