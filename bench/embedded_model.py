"""Evaluate the embedded model: time, memory, VAE, legibility by style, control and weight, styles, motifs, colours.

    make bench-embedded            # python -m bench.embedded_model, about an hour on two cores
    python -m bench.embedded_model --scale 0.1     # a tenth of the pictures
    python -m bench.embedded_model --seed 12       # other characters and motifs, in separate result files
    python -m bench.embedded_model --parts meaning --fluent FOLDER     # see bench/imagery_judge.py

Characters, words and motifs were held out of training (a code point, or an index in the list, divisible by five).
"Read" means that the OCR judge's first answer is right. Characters that it cannot read in print either are omitted.
"Common" characters occur in at least 30 words of the lexicon. In print, the judge scores 99 % of them at 0.9 or more,
but only 89 % of all held-out characters, so the legibility target is measured on common ones.
"""

import argparse
import asyncio
import resource
import statistics
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from skimage.color import rgb2lab
from skimage.measure import block_reduce
from tqdm import tqdm

from bench.classifier import train_classifier
from bench.imagery_judge import Judge, square_part, target_parts
from bench.pictures import decoded
from bench.report import table, write
from shared.schemas import CONTROL_TYPES, AIGenerationResult, ControlType
from shared.settings import Settings, load_settings
from shared.writing.characters import CharacterDatabase
from shared.writing.fonts import read_fonts
from shared.writing.imagery import Imagery
from training.embedded_model.data import HELD_OUT_EVERY, SIDE, SceneMaker
from training.embedded_model.pictures import STYLES
from training.embedded_model.pictures import draw as draw_target
from training.embedded_model.shards import PIXELS, motif_share
from training.embedded_model.vae import LATENT_CHANNELS, judge_vae
from training.generator import make_generator
from worker.conditioning import Brush, make_conditionings
from worker.glyphs import GlyphRenderer
from worker.gpu_manager import GPUManager
from worker.legibility.judge import LegibilityJudge
from worker.model_assembly import load_model, load_pipeline
from worker.model_loader import ModelLoader

COMMON = 30  # words of the lexicon
SEED = 11

# The styles in which a motif keeps its colours.
COLOUR_STYLES = ("comic", "watercolor", "neon", "papercut", "oil")
OFF: dict[ControlType, float] = dict.fromkeys(CONTROL_TYPES, 0.0)


@dataclass(frozen=True)
class Case:
    """A picture to draw; `motif` may be empty."""

    word: str
    style: str
    motif: str
    options: dict[str, Any]


class Bench:
    """Draws pictures and counts how many can be read."""

    def __init__(self, settings: Settings, seed: int) -> None:
        self.settings = settings
        self.random = np.random.default_rng(seed)
        self.imagery, database = Imagery(), CharacterDatabase()
        self.glyphs = GlyphRenderer(database, read_fonts(settings.fonts))
        self.judge = LegibilityJudge()
        self.conditionings = make_conditionings(settings.conditioning)
        self.generator = make_generator(settings, self.imagery, self.conditionings, self.judge)
        words = Counter(character for word in database.words() for character in set(word))
        self.held_out = [c for c in database.characters() if ord(c) % HELD_OUT_EVERY == 0 and self.is_known(c)]
        self.common = [character for character in self.held_out if words[character] >= COMMON]

    @cache  # noqa: B019  # lives as long as the process
    def is_known(self, character: str) -> bool:
        """Return whether the judge can read the character in print."""
        glyph = self.glyphs.render(character, 256, 256)
        page = Image.fromarray(255 - glyph.ink).convert("RGB")
        return self.judge.judge(page, glyph).score is not None

    def cases(self, count: int, length: int = 1, *, is_common: bool = False, **options: Any) -> list[Case]:
        """Return words of held-out characters, each with a held-out motif, cycling through the styles."""
        characters = self.common if is_common else self.held_out
        styles, motifs = list(self.settings.styles), self.imagery.names[::HELD_OUT_EVERY]
        return [
            Case(
                "".join(self.random.choice(characters, length)),
                styles[number % len(styles)],
                str(self.random.choice(motifs)),
                options,
            )
            for number in range(count)
        ]

    def result(self, case: Case) -> AIGenerationResult:
        """Draw a case's picture; without a motif, the service chooses what depicts the word's meaning."""
        return asyncio.run(
            self.generator.generate_character_image(
                case.word,
                self.imagery.phrase(case.motif) if case.motif else "",
                style=case.style,
                imagery=[case.motif] if case.motif else "auto",
                **{"seed": int(self.random.integers(2**32)), "include_conditioning": False, **case.options},
            )
        )

    def draw(self, case: Case) -> dict[str, Any]:
        """Return the metadata of a case's picture."""
        return self.result(case).generation_metadata

    def readings(self, cases: Sequence[Case], what: str) -> list[bool]:
        """Return for each case whether its whole word was read."""
        found = []
        for case in tqdm(cases, desc=what):
            characters = self.draw(case)["legibility"]["characters"]
            found.append(all(character["is_top"] for character in characters))
        return found


def scaled(full: int, scale: float) -> int:
    """Return how many pictures to draw instead of ``full``."""
    return max(8, round(full * scale))


def share(found: Iterable[bool]) -> str:
    """Return the number of successes, the total, and the share."""
    values = list(found)
    return f"{sum(values)}/{len(values)} = {100 * sum(values) / len(values):.0f} %"


def picture_of(result: AIGenerationResult) -> NDArray[np.uint8]:
    """Return a result's picture."""
    return np.asarray(decoded(result.generated_image_base64))


def measure_speed(bench: Bench, count: int) -> list[list[object]]:
    """Return rows on time and memory."""
    rows: list[list[object]] = []
    for size, steps in ((SIDE, 10), (SIDE, 20), (256, 10)):
        cases = bench.cases(count + 1, width=size, height=size, num_inference_steps=steps)
        times = [_seconds(partial(bench.draw, case)) for case in cases]
        what = f"{size}², {steps} steps, 4 maps: seconds per picture, warm (median)"
        rows.append([what, f"{statistics.median(times[1:]):.2f}"])
    peak_gib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    rows.append(["peak memory of the process, GiB", f"{peak_gib:.2f}"])
    decoder = load_model(bench.settings, GPUManager(bench.settings.device, bench.settings.gpu_profiles)).decoder
    latents = torch.randn(1, LATENT_CHANNELS, SIDE // PIXELS, SIDE // PIXELS)
    times = [_seconds(partial(decoder.decode, latents)) for _ in range(count + 1)]
    rows.append([f"the VAE decodes {SIDE}²: seconds, warm (median)", f"{statistics.median(times[1:]):.2f}"])
    return rows


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def measure_vae(bench: Bench, count: int) -> list[list[object]]:
    """Return rows on how well the VAE reproduces procedural pictures of held-out characters and motifs."""
    pipeline = load_pipeline(bench.settings, ModelLoader("float32", torch.device("cpu")))
    found = judge_vae(pipeline.vae.eval(), count)
    styles: list[list[object]] = [[f"… {style}", f"{decibels:.1f} dB"] for style, decibels in found.items()]
    return [["VAE, PSNR on unseen targets: mean", f"{statistics.mean(found.values()):.1f} dB"], *styles]


def measure_words(bench: Bench, scale: float) -> list[list[object]]:
    """Return rows on what can be read with the styles' default weights."""
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
    """Return rows on what can be read in procedural pictures, the model's training targets, of held-out characters."""
    maker = SceneMaker(seed=17, held_out=True)
    rows: list[list[object]] = []
    found: list[bool] = []
    for style in tqdm(STYLES, desc="procedural pictures"):
        own = [_is_target_read(bench, maker, style) for _ in range(max(1, count // len(STYLES)))]
        rows.append([f"… {style}", share(own)])
        found += own
    return [["procedural pictures with motifs: words read", share(found)], *rows]


def _is_target_read(bench: Bench, maker: SceneMaker, style: str) -> bool:
    while True:
        scene = maker.scene()
        if len(scene.glyph.word) == 1 and bench.is_known(scene.glyph.word):
            break
    picture = Image.fromarray(draw_target(style, scene, maker.random))
    return bench.judge.judge(picture, scene.glyph).characters[0].is_top


def measure_controls(bench: Bench, scale: float) -> list[list[object]]:
    """Return rows on the effect of each control alone, and of the weights."""
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
    """Return rows on whether a classifier of procedural pictures recognises the style."""
    classifier, right = train_classifier()
    cases = bench.cases(count)
    answers = classifier.answers([picture_of(bench.result(case)) for case in tqdm(cases, desc="looks")])
    styles = [style == case.style for style, case in zip(answers, cases, strict=True)]
    return [
        ["the classifier on unseen procedural pictures: style", f"{right:.0%}"],
        ["style recognised by the classifier", share(styles)],
    ]


def measure_meaning(bench: Bench, count: int, fluent: Path) -> list[list[object]]:
    """Return rows on whether motifs are recognised: in clean drawings, procedural pictures and the model's pictures."""
    judge = Judge(fluent)
    names = [name for name in judge.names if bench.imagery.names.index(name) % HELD_OUT_EVERY == 0]
    rows: list[list[object]] = [["clean drawings", *judge.score((name, judge.ours(name)) for name in names)]]
    for style in STYLES:
        drawn = judge.score(_model_parts(bench, style, names, count))
        rows.append([f"{style}: the model", *drawn])
        rows.append([f"{style}: procedural", *judge.score(target_parts(style, names, count))])
    return rows


def _model_parts(bench: Bench, style: str, names: Sequence[str], count: int) -> Iterable[tuple[str, NDArray[np.uint8]]]:
    """Yield motifs and the parts of the model's pictures that show them."""
    for case in tqdm(bench.cases(count), desc=style):
        name = str(bench.random.choice(names))
        result = bench.result(replace(case, style=style, motif=name))
        for motif in result.generation_metadata["imagery"]:
            if motif["box"] is not None:
                yield motif["name"], square_part(picture_of(result), motif["box"])


def measure_colours(bench: Bench, count: int) -> list[list[object]]:
    """Return rows on whether motifs have their map's colours: correlations of CIELAB's two colour axes.

    Each value compares squares of 8 x 8 pixels within held-out motifs: in the model's pictures, and in procedural ones.
    """
    maker = SceneMaker(seed=23, held_out=True)
    rows: list[list[object]] = []
    for style in COLOUR_STYLES:
        drawn = [_result_colours(bench, replace(case, style=style)) for case in tqdm(bench.cases(count), desc=style)]
        targets = [_target_colours(bench, maker, style) for _ in range(count)]
        rows.append([style, *_correlations(drawn), *_correlations(targets)])
    return rows


def _result_colours(bench: Bench, case: Case) -> NDArray[np.float64]:
    result = bench.result(replace(case, options={"include_conditioning": True}))
    (segmentation,) = result.conditioning_images_base64["segmentation"].values()
    return _motif_colours(picture_of(result), np.asarray(decoded(segmentation)))


def _target_colours(bench: Bench, maker: SceneMaker, style: str) -> NDArray[np.float64]:
    scene = maker.scene([str(maker.random.choice(maker.motifs))])
    kind = next(one for one in bench.conditionings if one.control_type == "segmentation")
    segmentation = kind.generate(scene, kind.available_methods[0], Brush(bench.settings.styles[style].pen, 0))
    return _motif_colours(draw_target(style, scene, maker.random), np.asarray(segmentation))


def _motif_colours(picture: NDArray[np.uint8], segmentation: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Return the picture's a* and b* and the map's, (squares, 4), in the squares that a motif covers."""
    means = [block_reduce(image / 255, (PIXELS, PIXELS, 1), np.mean) for image in (picture, segmentation)]
    axes = np.concatenate([rgb2lab(one)[:, :, 1:] for one in means], axis=2)
    covered = motif_share(torch.from_numpy(segmentation.transpose(2, 0, 1).copy())[None])[0, 0].numpy() == 1
    colours: NDArray[np.float64] = axes[covered]
    return colours


def _correlations(colours: Sequence[NDArray[np.float64]]) -> list[str]:
    """Return the correlations of a* and of b*."""
    picture_a, picture_b, map_a, map_b = np.concatenate(colours).T
    return [f"{np.corrcoef(ours, theirs)[0, 1]:.2f}" for ours, theirs in ((picture_a, map_a), (picture_b, map_b))]


def measure_target(bench: Bench, count: int) -> list[list[object]]:
    """Return rows on the legibility target."""
    # The service chooses the seed, as for most requests.
    options: dict[str, Any] = {"legibility": {"target": 0.9, "max_attempts": 4}, "seed": None}
    cases = [case for length in (1, 2) for case in bench.cases(count // 2, length, is_common=True, **options)]
    results = [bench.draw(case) for case in tqdm(cases, desc="target 0.9")]
    met = [(result["legibility"]["score"] or 0.0) >= 0.9 for result in results]
    attempts = statistics.mean(len(result["legibility_attempts"]) for result in results)
    return [["target 0.9 within 4 attempts: met", share(met)], ["attempts, mean", f"{attempts:.2f}"]]


Part = Callable[[Bench, float], list[list[object]]]
FIGURES = ["figure", "measured"]
# What each part measures, and the heads of its columns.
PARTS: dict[str, tuple[Part, list[str]]] = {
    "speed": (lambda bench, scale: measure_speed(bench, max(3, round(10 * scale))), FIGURES),
    "vae": (lambda bench, scale: measure_vae(bench, max(2, round(12 * scale))), FIGURES),
    "words": (measure_words, FIGURES),
    "ceiling": (lambda bench, scale: measure_ceiling(bench, scaled(480, scale)), FIGURES),
    "controls": (measure_controls, FIGURES),
    "looks": (lambda bench, scale: measure_looks(bench, scaled(200, scale)), FIGURES),
    "target": (lambda bench, scale: measure_target(bench, scaled(100, scale)), FIGURES),
    "colours": (
        lambda bench, scale: measure_colours(bench, scaled(40, scale)),
        ["style", "model: green to red", "blue to yellow", "procedural: green to red", "blue to yellow"],
    ),
}


def main(scale: float, parts: Sequence[str], seed: int, fluent: Path | None) -> None:
    """Measure and write the report."""
    bench = Bench(load_settings(), seed)
    option, suffix = ("", "") if seed == SEED else (f" --seed {seed}", f"_seed_{seed}")
    if fluent:
        option += " --fluent FOLDER"
    # All parts share one random stream, so what a part gets depends on the parts before it.
    command = f"python -m bench.embedded_model --scale {scale} --parts {' '.join(parts)}{option}"
    for part in parts:
        if part == "meaning":
            if fluent is None:
                print("meaning: not measured without --fluent")
                continue
            rows, header = measure_meaning(bench, scaled(40, scale), fluent), ["what", "motifs", "top 1", "top 5"]
        else:
            measure, header = PARTS[part]
            rows = measure(bench, scale)
        write(f"embedded_model_{part}{suffix}", command, table(header, rows))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scale", type=float, default=1.0, help="share of the pictures to draw")
    parser.add_argument("--parts", nargs="+", choices=(*PARTS, "meaning"), default=[*PARTS, "meaning"])
    parser.add_argument("--seed", type=int, default=SEED, help="seed of characters, motifs and noise")
    parser.add_argument("--fluent", type=Path, help="folder of the drawings to compare with")
    arguments = parser.parse_args()
    main(arguments.scale, arguments.parts, arguments.seed, arguments.fluent)
