"""Time scenes at 1024², in one thread, and read the words in them. ``make bench``.

    python -m bench.scene [--words 50] [--size 1024] [--characters 200]

The glyph and the four default maps are timed, for the word alone and for a scene with one to three motifs. The
difference is the cost of imagery. Held-out characters (code point divisible by five) are read on the scene itself: ink
beside motifs on paper.
"""

import argparse
import time
from collections.abc import Callable, Sequence
from functools import partial

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from tqdm import tqdm

from bench.conditioning import sample_words
from bench.report import table, write
from shared.settings import ConditioningSettings, load_settings
from shared.writing.characters import CharacterDatabase
from shared.writing.fonts import read_fonts
from shared.writing.imagery import Imagery
from shared.writing.motif import MAX_MOTIFS, Motif
from worker.conditioning import Conditioning, make_conditionings
from worker.glyphs import GlyphRenderer
from worker.legibility.judge import LegibilityJudge
from worker.scene import Scene, compose

# The side of the pictures that are read, and of a printed character, which is as small as some on a scene.
READ_AT, PRINTED_AT = 512, 160


def sample_motifs(imagery: Imagery, count: int, random: np.random.Generator) -> list[Motif]:
    """Return some motifs."""
    return [imagery.motif(str(name)) for name in random.choice(imagery.names, count, replace=False)]


def timed_ms(run: Callable[[], object]) -> float:
    """Return the processor time of a call in milliseconds, which excludes other work on the machine."""
    started = time.thread_time()
    run()
    return (time.thread_time() - started) * 1000


def draw_maps(conditionings: Sequence[Conditioning], scene: Scene) -> None:
    """Draw the four default maps sequentially."""
    for kind in conditionings:
        kind.generate(scene)


def time_scenes(renderer: GlyphRenderer, imagery: Imagery, words: Sequence[str], size: int) -> NDArray[np.float64]:
    """Return milliseconds, (words, 4): glyph, its maps, scene, its maps; measured alternately, word by word."""
    random = np.random.default_rng(2)
    conditionings = make_conditionings(ConditioningSettings(depth_model=None, segmentation_model=None))
    times = []
    for seed, word in enumerate(tqdm(words, desc="words")):
        motifs = sample_motifs(imagery, 1 + seed % MAX_MOTIFS, random)
        alone = Scene(renderer.render(word, size, size))
        scene = compose(renderer, word, size, size, motifs, seed)
        times.append(
            [
                timed_ms(partial(renderer.render, word, size, size)),
                timed_ms(partial(draw_maps, conditionings, alone)),
                timed_ms(partial(compose, renderer, word, size, size, motifs, seed)),
                timed_ms(partial(draw_maps, conditionings, scene)),
            ]
        )
    return np.array(times)


def speed_report(times: NDArray[np.float64], size: int) -> str:
    """Return a table of the times with and without motifs, and their difference."""
    medians = [f"{value:.1f}" for value in np.median(times, 0)]
    alone, whole = times[:, :2].sum(1), times[:, 2:].sum(1)
    rows = [
        ["the word alone", *medians[:2], f"{np.median(alone):.1f}"],
        ["the scene", *medians[2:], f"{np.median(whole):.1f}"],
    ]
    return (
        table(["", "drawn, ms", "four maps, ms", "both, ms"], rows)
        + f"\n\nMedian of {len(times)} words of one to four characters with one to three motifs at {size} × {size}; "
        f"one OpenCV thread, its processor time. A scene and its maps take **{np.median(whole - alone):.1f} ms** more "
        f"(90 % of words: at most {np.percentile(whole - alone, 90):.1f} ms), "
        f"{np.median(whole / alone):.2f} times as long."
    )


def read_scenes(renderer: GlyphRenderer, imagery: Imagery, count: int) -> str:
    """Return a table of how many held-out characters the judge reads on scenes, by the number of characters."""
    random = np.random.default_rng(3)
    judge = LegibilityJudge()
    known = readable(renderer, judge, random, count)
    rows = []
    for length in (1, 2, 4):
        right, alone, total, largest = 0, 0, 0, []
        words = ["".join(known[start : start + length]) for start in range(0, len(known), length)]
        for seed, word in enumerate(tqdm(words, desc=f"{length} characters")):
            motifs = sample_motifs(imagery, 1 + seed % MAX_MOTIFS, random)
            scene = compose(renderer, word, READ_AT, READ_AT, motifs, seed)
            right += read(judge, scene)
            alone += read(judge, Scene(scene.glyph))
            total += len(word)
            largest += [max(placed.box[2:]) / READ_AT for placed in scene.motifs[:1]]
        rows.append(
            [length, total, f"{right} ({100 * right / total:.1f} %)", alone, f"{100 * np.median(largest):.0f} %"]
        )
    return (
        table(
            [
                "characters in a word",
                "characters",
                "read",
                "read in the same place without motifs",
                "first motif's longer side, of the picture's",
            ],
            rows,
        )
        + f"\n\nCharacters that the judge reads in print; pictures of {READ_AT} × {READ_AT} with one to three random "
        "motifs."
    )


def read(judge: LegibilityJudge, scene: Scene) -> int:
    """Return for how many of a scene's characters the judge's first answer is right."""
    return sum(reading.is_top for reading in judge.judge(Image.fromarray(scene.page), scene.glyph).characters)


def readable(renderer: GlyphRenderer, judge: LegibilityJudge, random: np.random.Generator, count: int) -> list[str]:
    """Return random held-out characters that the judge reads in print."""
    held_out = [character for character in CharacterDatabase().characters() if ord(character) % 5 == 0]
    found: list[str] = []
    for character in map(str, random.permutation(held_out)):
        glyph = renderer.render(character, PRINTED_AT, PRINTED_AT)
        (reading,) = judge.judge(Image.fromarray(Scene(glyph).page), glyph).characters
        if reading.score is not None and reading.is_top:
            found.append(character)
        if len(found) == count:
            break
    return found


def main(words: int, size: int, characters: int) -> None:
    """Measure and write the report."""
    cv2.setNumThreads(1)
    renderer = GlyphRenderer(CharacterDatabase(), read_fonts(load_settings().fonts))
    imagery = Imagery()
    speed = speed_report(time_scenes(renderer, imagery, sample_words(words), size), size)
    reading = read_scenes(renderer, imagery, characters)
    write(
        "scene",
        f"python -m bench.scene --words {words} --size {size} --characters {characters}",
        f"## Speed\n\n{speed}\n\n## Legibility\n\n{reading}",
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--words", type=int, default=50)
    parser.add_argument("--size", type=int, default=1024)
    parser.add_argument("--characters", type=int, default=200)
    arguments = parser.parse_args()
    main(arguments.words, arguments.size, arguments.characters)
