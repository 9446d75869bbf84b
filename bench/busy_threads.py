"""How much a job's Python work, in other threads, slows the thread that starts the device's operations.

    python -m bench.busy_threads           # two minutes; two idle cores, else the figures are noise

After every operation PyTorch's thread asks for the interpreter's lock again. A thread that computes in Python gives it
up after the switch interval only. Here steps of the embedded model, so small that they are all starting of operations,
run beside the preparation and the reading of pictures: in threads, by the switch interval, and in another process.
"""

import argparse
import multiprocessing
import statistics
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from functools import cache
from itertools import count
from typing import Any

import torch
from PIL import Image

from bench.report import table, write
from shared.characters import CharacterDatabase
from shared.fonts import read_fonts
from shared.schemas import Quality
from shared.settings import load_settings
from worker.conditioning import make_conditionings
from worker.engine.denoiser import Denoiser, Row
from worker.engine.request import DrawRequest
from worker.glyphs import GlyphRenderer
from worker.gpu_manager import GPUManager
from worker.legibility import LegibilityJudge
from worker.model_assembly import load_model
from worker.png import encode_png
from worker.scene import compose

WORDS = ("学习", "火", "水", "龍")
SIDE, STEP_SIDE = 1024, 64
DEFAULT_S = 0.005  # Python's own switch interval
INTERVALS_S = (DEFAULT_S, 0.0005, 0.00005)


@cache
def tools() -> tuple[GlyphRenderer, tuple[Any, ...], LegibilityJudge]:
    """Return what prepares and reads pictures."""
    settings = load_settings({})
    glyphs = GlyphRenderer(CharacterDatabase(), read_fonts(settings.fonts))
    return glyphs, make_conditionings(settings.conditioning), LegibilityJudge()


def work(number: int) -> None:
    """Do what a job does in Python beside its steps: scene, maps, judge, PNG."""
    glyphs, conditionings, judge = tools()
    scene = compose(glyphs, WORDS[number % len(WORDS)], SIDE, SIDE, [], seed=number)
    maps = [conditioning.generate(scene) for conditioning in conditionings]
    judge.judge(maps[0], scene.glyph)
    encode_png(maps[0])


def spin(_number: int) -> None:
    """Compute in Python alone, step by step: between two of them the lock can be asked for."""
    total = 0
    for value in range(1_000_000):
        total += value


@contextmanager
def beside(job: Callable[[int], None], threads: int) -> Iterator[list[int]]:
    """Keep so many threads at the job for the block; yield the numbers of those jobs that were done."""
    done: list[int] = []
    is_over = threading.Event()

    def work_on(numbers: Iterator[int]) -> None:
        while not is_over.is_set():
            job(number := next(numbers))
            done.append(number)

    numbers = count()
    started = [threading.Thread(target=work_on, args=(numbers,)) for _ in range(threads)]
    for thread in started:
        thread.start()
    yield done
    is_over.set()
    for thread in started:
        thread.join()


def step_times(denoiser: Denoiser, row: Row, seconds: float) -> list[float]:
    """Return the milliseconds of one step after another."""
    times = []
    end = time.perf_counter() + seconds
    while (started := time.perf_counter()) < end:
        row.step = 0
        denoiser.step([row])
        times.append(1000 * (time.perf_counter() - started))
    return times


def main(seconds: float, in_flight: int) -> None:
    """Measure and write the report."""
    torch.set_num_threads(1)
    settings = load_settings({"WRITING_DEVICE": "cpu"})
    model = load_model(settings, GPUManager("cpu", settings.gpu_profiles))
    image = Image.new("RGB", (STEP_SIDE, STEP_SIDE))
    row = model.row(DrawRequest(prompt="fire", control_images={"canny": image}))
    denoiser = model.networks[Quality.EXACT].denoiser
    step_times(denoiser, row, 1.0)
    work(0)
    rows: list[list[object]] = []

    def measure(name: str, job: Callable[[int], None], threads: int, interval_s: float = DEFAULT_S) -> None:
        """Compare steps beside the job with steps just before it: the machine may have other work."""
        alone = statistics.median(step_times(denoiser, row, seconds / 2))
        sys.setswitchinterval(interval_s)
        with beside(job, threads) as done:
            times = sorted(step_times(denoiser, row, seconds))
        sys.setswitchinterval(DEFAULT_S)
        busy, slow = statistics.median(times), times[int(0.95 * len(times))]
        cells = [f"{alone:.1f}", f"{busy:.1f}", f"{slow:.1f}", f"{busy / alone:.2f}", f"{len(done) / seconds:.1f}"]
        rows.append([name, *cells])
        print(*rows[-1], sep=" | ", flush=True)

    for interval_s in INTERVALS_S:
        measure(f"{in_flight} jobs, threads, {1000 * interval_s:g} ms", work, in_flight, interval_s)
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        pool.submit(work, 0).result()
        measure(f"{in_flight} jobs, a process", lambda number: pool.submit(work, number).result(), in_flight)
    for interval_s in INTERVALS_S:
        measure(f"one thread of Python alone, {1000 * interval_s:g} ms", spin, 1, interval_s)
    header = ["beside the steps", "a step alone, ms", "beside, ms", "95th percentile", "times as long", "jobs/s"]
    write(
        "busy_threads",
        f"python -m bench.busy_threads --seconds {seconds:g} --in-flight {in_flight}",
        table(header, rows),
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=10.0, help="of each measurement")
    parser.add_argument("--in-flight", type=int, default=8, help="threads with a job each")
    arguments = parser.parse_args()
    main(arguments.seconds, arguments.in_flight)
