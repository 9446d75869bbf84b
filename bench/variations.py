"""The cost of several pictures of a word, in one job with variations and in as many jobs, on the embedded model.

    python -m bench.variations [--rounds 5]     # writes bench/results/variations.md

Each round draws the same pictures with the same seeds in each variant, with another word.
Seconds are wall-clock seconds.
CPU seconds are those of the whole process, which other work on the machine affects less.
"""

import argparse
import asyncio
import statistics
import time
from collections.abc import Callable, Coroutine
from typing import Any

from tqdm import tqdm

from bench.report import table, write
from shared.schemas import MAX_VARIATIONS, GenerationRequest
from shared.settings import load_settings
from worker.ai_image_generator import AIImageGenerator
from worker.conditioning import make_conditionings
from worker.gpu_manager import GPUManager
from worker.main import make_generator
from worker.model_assembly import load_model
from worker.multi_controlnet_pipeline import MultiControlNetPipeline
from worker.picture_work import ThreadExecutor, make_work
from worker.progress import NullProgress

WORDS = ("山", "水", "火", "木", "雨", "花", "鸟", "鱼", "月", "书")
SEED = 7

Variant = Callable[[AIImageGenerator, str], Coroutine[Any, Any, None]]


async def one_after_another(generator: AIImageGenerator, word: str) -> None:
    """Draw each picture with a job that starts when the previous one has ended."""
    for request in _single(word):
        await generator.generate(request, NullProgress())


async def at_the_same_time(generator: AIImageGenerator, word: str) -> None:
    """Draw each picture with a separate job; the engine lets them share steps."""
    await asyncio.gather(*(generator.generate(request, NullProgress()) for request in _single(word)))


async def variations(generator: AIImageGenerator, word: str) -> None:
    """Draw all pictures with one job."""
    await generator.generate(GenerationRequest(word=word, seed=SEED, variations=MAX_VARIATIONS), NullProgress())


VARIANTS: dict[str, Variant] = {
    f"{MAX_VARIATIONS} jobs, one after another": one_after_another,
    f"{MAX_VARIATIONS} jobs at the same time": at_the_same_time,
    f"one job of {MAX_VARIATIONS} variations": variations,
}


def main(rounds: int) -> None:
    """Measure and write the report."""
    settings = load_settings({"WRITING_MODEL": "embedded", "WRITING_DEVICE": "cpu"})
    gpu = GPUManager(settings.device, settings.gpu_profiles)
    pipeline = MultiControlNetPipeline(lambda: load_model(settings, gpu))
    executor = ThreadExecutor(make_work(settings, make_conditionings(settings.conditioning)))
    generator = make_generator(settings, executor, pipeline)
    asyncio.run(variations(generator, "学"))  # load everything that is loaded on demand
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in VARIANTS}
    for word in tqdm(WORDS[:rounds], desc="rounds"):
        for name, variant in VARIANTS.items():
            found[name].append(_measure(variant(generator, word)))
    walls = {name: statistics.median(wall for wall, _ in measured) for name, measured in found.items()}
    cpus = {name: statistics.median(cpu for _, cpu in measured) for name, measured in found.items()}
    first = next(iter(VARIANTS))
    rows = [
        [name, f"{walls[name]:.2f}", f"{walls[name] / walls[first]:.2f}", f"{cpus[name]:.2f}",
         f"{cpus[name] / cpus[first]:.2f}"]
        for name in VARIANTS
    ]  # fmt: skip
    header = [f"{MAX_VARIATIONS} pictures", "s", "of the first", "CPU s", "of the first"]
    write("variations", f"python -m bench.variations --rounds {rounds}", table(header, rows))


def _single(word: str) -> list[GenerationRequest]:
    """Return the jobs that draw the pictures of one job with variations."""
    seeds = range(SEED, SEED + MAX_VARIATIONS)
    return [GenerationRequest(word=word, seed=seed, scene_seed=SEED) for seed in seeds]


def _measure(drawing: Coroutine[Any, Any, None]) -> tuple[float, float]:
    """Return the wall-clock and CPU seconds of a variant's drawing."""
    wall, cpu = time.perf_counter(), time.process_time()
    asyncio.run(drawing)
    return time.perf_counter() - wall, time.process_time() - cpu


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5, choices=range(1, len(WORDS) + 1))
    main(parser.parse_args().rounds)
