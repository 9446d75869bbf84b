"""Judge the embedded model: time, memory, looks, legibility by style, control and weight, and what it learned from.

    make bench-embedded            # python -m bench.embedded_model, about half an hour on two cores
    python -m bench.embedded_model --scale 0.1     # a tenth of the pictures
    python -m bench.embedded_model --seed 12       # other characters, in result files of their own

Characters and words are those held out of our own training (a code point divisible by five). "Read" means that the OCR
judge's first answer is right; characters that it cannot read in print either are left out. "Common" characters occur in
at least 30 words of the lexicon: of these the judge gives 99 % a score of 0.9 in print, of all held-out ones 89 %, so
the legibility target is measured on common ones.
"""

import argparse
import asyncio
import base64
import io
import resource
import statistics
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np
from PIL import Image
from tqdm import tqdm

from bench.classifier import train_classifier
from bench.report import table, write
from shared.characters import CharacterDatabase
from shared.fonts import read_fonts
from shared.schemas import CONTROL_TYPES, AIGenerationResult, ControlType
from shared.settings import Settings, load_settings
from shared.writing.imagery import Imagery
from training.embedded_model.meanings import MEANINGS as TARGETS
from training.embedded_model.pictures import draw as draw_target
from training.embedded_model.pictures import make_scene
from worker.ai_image_generator import AIImageGenerator, ModelIdentity
from worker.conditioning import make_conditionings
from worker.glyphs import GlyphRenderer
from worker.gpu_manager import GPUManager
from worker.legibility import LegibilityJudge
from worker.model_assembly import load_model
from worker.multi_controlnet_pipeline import MultiControlNetPipeline
from worker.prompt_builder import PromptBuilder

COMMON = 30  # words of the lexicon
SEED = 11

MEANINGS = ("fire", "water", "tree", "mountain", "sun", "moon", "flower", "snow", "love", "gold", "study", "dragon")
NAMED = {"study": "book"}  # what our pictures call it
OFF: dict[ControlType, float] = dict.fromkeys(CONTROL_TYPES, 0.0)


@dataclass(frozen=True)
class Case:
    """A picture to make."""

    word: str
    style: str
    meaning: str
    options: dict[str, Any]


class Bench:
    """Makes pictures and counts what can be read."""

    def __init__(self, settings: Settings, seed: int) -> None:
        self.settings = settings
        self.random = np.random.default_rng(seed)
        database, imagery = CharacterDatabase(), Imagery()
        self.glyphs = GlyphRenderer(database, read_fonts(settings.fonts))
        self.judge = LegibilityJudge()
        gpu = GPUManager(settings.device, settings.gpu_profiles)
        self.generator = AIImageGenerator(
            glyphs=self.glyphs,
            conditionings={kind.control_type: kind for kind in make_conditionings(settings.conditioning)},
            imagery=imagery,
            prompts=PromptBuilder(settings.styles, database, imagery),
            pipeline=MultiControlNetPipeline(lambda: load_model(settings, gpu)),
            judge=self.judge,
            model=ModelIdentity(settings.model, settings.active_model, settings.default_style),
        )
        words = Counter(character for word in database.words() for character in set(word))
        self.held_out = [c for c in database.characters() if ord(c) % 5 == 0 and self.is_known(c)]

        self.common = [character for character in self.held_out if words[character] >= COMMON]

    @cache  # noqa: B019  # lives as long as the process
    def is_known(self, character: str) -> bool:
        """Return whether the judge can read the character in print."""
        glyph = self.glyphs.render(character, 256, 256)
        page = Image.fromarray(255 - glyph.ink).convert("RGB")
        return self.judge.judge(page, glyph).score is not None

    def cases(self, count: int, length: int = 1, *, is_common: bool = False, **options: Any) -> list[Case]:
        """Return words of held-out characters, the styles and meanings in turn."""
        characters = self.common if is_common else self.held_out
        styles = list(self.settings.styles)
        return [
            Case(
                "".join(self.random.choice(characters, length)),
                styles[number % len(styles)],
                MEANINGS[number % len(MEANINGS)],
                options,
            )
            for number in range(count)
        ]

    def result(self, case: Case) -> AIGenerationResult:
        """Make a case's picture."""
        return asyncio.run(
            self.generator.generate_character_image(
                case.word,
                case.meaning,
                style=case.style,
                include_conditioning=False,
                **{"seed": int(self.random.integers(2**32)), **case.options},
            )
        )

    def draw(self, case: Case) -> dict[str, Any]:
        """Return the metadata of a case's picture."""
        return self.result(case).generation_metadata

    def picture(self, case: Case) -> Image.Image:
        """Return a case's picture."""
        return Image.open(io.BytesIO(base64.b64decode(self.result(case).generated_image_base64)))

    def is_target_read(self, case: Case, *, has_motifs: bool = True) -> bool:
        """Return whether a single character is read in the procedural picture of a case."""
        glyph = self.glyphs.render(case.word, 256, 256)
        meaning = TARGETS[NAMED.get(case.meaning, case.meaning)]
        scene = make_scene(glyph.ink, meaning.palette, meaning.motif, self.random)
        if not has_motifs:
            nothing = np.zeros_like(scene.ink)
            scene = replace(scene, motifs=nothing, outlines=nothing)
        pixels = draw_target(case.style, scene)
        return self.judge.judge(Image.fromarray(pixels), glyph).characters[0].is_top

    def readings(self, cases: Sequence[Case], what: str) -> list[bool]:
        """Return for each case whether its whole word was read."""
        found = []
        for case in tqdm(cases, desc=what):
            characters = self.draw(case)["legibility"]["characters"]
            found.append(all(character["is_top"] for character in characters))
        return found


def scaled(full: int, scale: float) -> int:
    """Return how many pictures to make instead of ``full``."""
    return max(8, round(full * scale))


def share(found: Iterable[bool]) -> str:
    """Return how many of how many, and the share."""
    values = list(found)
    return f"{sum(values)}/{len(values)} = {100 * sum(values) / len(values):.0f} %"


def measure_speed(bench: Bench, count: int) -> list[list[object]]:
    """Return rows on time and memory."""
    rows: list[list[object]] = []
    for size, steps in ((256, 10), (256, 20), (512, 10)):
        times = []
        for case in bench.cases(count + 1, width=size, height=size, num_inference_steps=steps):
            started = time.perf_counter()
            bench.draw(case)
            times.append(time.perf_counter() - started)
        rows.append(
            [f"{size}², {steps} steps, 4 maps: seconds a picture, warm (median)", f"{statistics.median(times[1:]):.2f}"]
        )
    peak_gib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    rows.append(["peak memory of the process, GiB", f"{peak_gib:.2f}"])
    return rows


def measure_words(bench: Bench, scale: float) -> list[list[object]]:
    """Return rows on what can be read with the styles' own weights."""
    singles = bench.cases(scaled(200, scale))
    found = bench.readings(singles, "single characters")
    rows: list[list[object]] = [["single characters, all styles, default weights: read", share(found)]]
    for style in bench.settings.styles:
        own = [hit for hit, case in zip(found, singles, strict=True) if case.style == style]
        rows.append([f"… {style}", share(own)])
    pairs = bench.cases(scaled(80, scale), 2)
    rows.append(["words of two characters: read", share(bench.readings(pairs, "two characters"))])
    return rows


def measure_ceiling(bench: Bench, count: int) -> list[list[object]]:
    """Return rows on what can be read in the kind of pictures that the model learned from, of held-out characters."""
    cases = bench.cases(count)
    found = [bench.is_target_read(case) for case in tqdm(cases, desc="procedural pictures")]
    rows: list[list[object]] = [["procedural pictures of single characters: read", share(found)]]
    for style in bench.settings.styles:
        own = [hit for hit, case in zip(found, cases, strict=True) if case.style == style]
        rows.append([f"… {style}", share(own)])
    bare = [bench.is_target_read(case, has_motifs=False) for case in tqdm(cases, desc="without motifs")]
    return [*rows, ["the same without motifs: read", share(bare)]]


def measure_controls(bench: Bench, scale: float) -> list[list[object]]:
    """Return rows on what each control does alone, and what weights do."""
    off = bench.cases(scaled(40, scale), controlnet_weights=OFF)
    rows: list[list[object]] = [["all weights 0: read", share(bench.readings(off, "no control"))]]
    for control_type in CONTROL_TYPES:
        alone = bench.cases(scaled(60, scale), controlnet_weights={**OFF, control_type: 1.0})
        rows.append([f"{control_type} alone at weight 1: read", share(bench.readings(alone, f"{control_type} alone"))])
    for weight in (0.2, 0.5, 0.8, 1.1):
        swept = bench.cases(scaled(60, scale), controlnet_weights=dict.fromkeys(CONTROL_TYPES, weight))
        rows.append([f"all four at weight {weight}: read", share(bench.readings(swept, f"weight {weight}"))])
    return rows


def measure_looks(bench: Bench, count: int) -> list[list[object]]:
    """Return rows on whether style and meaning can be told from the picture, by a classifier of procedural pictures."""
    classifier, style_right, meaning_right = train_classifier()
    cases = bench.cases(count)
    pictures = [np.asarray(bench.picture(case)) for case in tqdm(cases, desc="looks")]
    answers = classifier.answers(pictures)
    styles = [style == case.style for (style, _), case in zip(answers, cases, strict=True)]
    # Ink wash has next to no colour: its meaning shows in faint motifs alone.
    coloured = [
        meaning == NAMED.get(case.meaning, case.meaning)
        for (_, meaning), case in zip(answers, cases, strict=True)
        if case.style != "ink_wash"
    ]
    return [
        ["the classifier on unseen procedural pictures: style, meaning", f"{style_right:.0%}, {meaning_right:.0%}"],
        ["style named rightly by the classifier", share(styles)],
        ["meaning named rightly by the classifier (without ink wash)", share(coloured)],
    ]


def measure_target(bench: Bench, count: int) -> list[list[object]]:
    """Return rows on the legibility target."""
    # The seed is left to the service, as most requests do.
    options: dict[str, Any] = {"legibility": {"target": 0.9, "max_attempts": 4}, "seed": None}
    cases = [case for length in (1, 2) for case in bench.cases(count // 2, length, is_common=True, **options)]
    results = [bench.draw(case) for case in tqdm(cases, desc="target 0.9")]
    met = [(result["legibility"]["score"] or 0.0) >= 0.9 for result in results]
    attempts = statistics.mean(len(result["legibility_attempts"]) for result in results)
    return [["target 0.9 within 4 attempts: met", share(met)], ["attempts, mean", f"{attempts:.2f}"]]


PARTS = {
    "speed": lambda bench, scale: measure_speed(bench, max(3, round(10 * scale))),
    "words": measure_words,
    "ceiling": lambda bench, scale: measure_ceiling(bench, scaled(480, scale)),
    "controls": measure_controls,
    "looks": lambda bench, scale: measure_looks(bench, scaled(200, scale)),
    "target": lambda bench, scale: measure_target(bench, scaled(100, scale)),
}


def main(scale: float, parts: Sequence[str], seed: int) -> None:
    """Measure and write the report."""
    bench = Bench(load_settings(), seed)
    option, suffix = ("", "") if seed == SEED else (f" --seed {seed}", f"_seed_{seed}")
    # All parts draw from one stream: what a part is given depends on those before it.
    command = f"python -m bench.embedded_model --scale {scale} --parts {' '.join(parts)}{option}"
    for part in parts:
        rows = PARTS[part](bench, scale)
        write(f"embedded_model_{part}{suffix}", command, table(["figure", "measured"], rows))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scale", type=float, default=1.0, help="share of the pictures to make")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--seed", type=int, default=SEED, help="of characters and noise")
    arguments = parser.parse_args()
    main(arguments.scale, arguments.parts, arguments.seed)
