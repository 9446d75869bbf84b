"""Time scenes at 1024², one thread, and read the words in them. ``make bench``.

    python -m bench.scene [--words 50] [--size 1024] [--characters 200]

Timed are the glyph and the four default maps, once of the word alone and once of a scene with one to three motifs; the
difference is what imagery costs. Read are held-out characters (code point divisible by five) on the scene itself: ink
beside motifs on paper.
"""

import argparse
import statistics
import time
from collections.abc import Callable, Sequence

import cv2
import numpy as np
from PIL import Image
from tqdm import tqdm

from bench.conditioning import sample_words
from bench.report import table, write
from shared.characters import CharacterDatabase
from shared.fonts import read_fonts
from shared.settings import ConditioningSettings, load_settings
from shared.writing.imagery import MAX_MOTIFS, Imagery
from shared.writing.motif import Motif
from worker.conditioning import Conditioning, make_conditionings
from worker.glyphs import GlyphRenderer
from worker.legibility import LegibilityJudge
from worker.scene import Scene, compose

# Side of the pictures that are read, and of a character in print, which is as small as some are on a scene.
READ_AT, PRINTED_AT = 512, 160


def sample_motifs(imagery: Imagery, count: int, random: np.random.Generator) -> list[Motif]:
    """Return some motifs."""
    return [imagery.motif(str(name)) for name in random.choice(imagery.names, count, replace=False)]


def timed_ms(run: Callable[[], object]) -> float:
    """Return the processor time of a call in milliseconds: other work on the machine does not count."""
    started = time.thread_time()
    run()
    return (time.thread_time() - started) * 1000


def draw_maps(conditionings: Sequence[Conditioning], scene: Scene) -> None:
    """Draw the four default maps, one after another."""
    for kind in conditionings:
        kind.generate(scene)


def time_scenes(renderer: GlyphRenderer, imagery: Imagery, words: Sequence[str], size: int) -> str:
    """Return a table of the glyph and maps with and without motifs, measured in turn, word by word."""
    random = np.random.default_rng(2)
    conditionings = make_conditionings(ConditioningSettings(depth_model=None, segmentation_model=None))
    stages: dict[str, list[float]] = {"glyph": [], "maps": [], "scene": [], "maps of the scene": []}
    for index, word in enumerate(tqdm(words, desc="words")):
        motifs = sample_motifs(imagery, 1 + index % MAX_MOTIFS, random)
        glyph = renderer.render(word, size, size)
        scene = compose(renderer, word, size, size, motifs, index)
        stages["glyph"].append(timed_ms(lambda word=word: renderer.render(word, size, size)))
        stages["maps"].append(timed_ms(lambda glyph=glyph: draw_maps(conditionings, Scene(glyph))))
        stages["scene"].append(
            timed_ms(lambda word=word, motifs=motifs, seed=index: compose(renderer, word, size, size, motifs, seed))
        )
        stages["maps of the scene"].append(timed_ms(lambda scene=scene: draw_maps(conditionings, scene)))
    without = np.add(stages["glyph"], stages["maps"])
    with_motifs = np.add(stages["scene"], stages["maps of the scene"])
    medians = {name: statistics.median(values) for name, values in stages.items()}
    added = with_motifs - without
    rows = [
        ["the word (today)", f"{medians['glyph']:.1f}", f"{medians['maps']:.1f}", f"{np.median(without):.1f}"],
        [
            "the scene",
            f"{medians['scene']:.1f}",
            f"{medians['maps of the scene']:.1f}",
            f"{np.median(with_motifs):.1f}",
        ],
    ]
    return (
        table(["", "drawn, ms", "four maps, ms", "both, ms"], rows)
        + f"\n\nMedian of {len(words)} words of one to four characters with one to three motifs at {size} × {size}; "
        f"one OpenCV thread, its processor time. A scene and its maps take **{np.median(added):.1f} ms** more "
        f"(90 % of words: at most {np.percentile(added, 90):.1f} ms), {np.median(with_motifs / without):.2f} times as long."
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
        + f"\n\nCharacters that the judge reads in print; pictures of {READ_AT} × {READ_AT} with one to three motifs "
        "chosen by chance."
    )


def read(judge: LegibilityJudge, scene: Scene) -> int:
    """Return how many of a scene's characters are the judge's first answer."""
    return sum(reading.is_top for reading in judge.judge(Image.fromarray(scene.page), scene.glyph).characters)


def readable(renderer: GlyphRenderer, judge: LegibilityJudge, random: np.random.Generator, count: int) -> list[str]:
    """Return held-out characters by chance that the judge reads in print."""
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
    speed = time_scenes(renderer, imagery, sample_words(words), size)
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
