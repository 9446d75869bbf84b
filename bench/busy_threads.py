"""How much a job's Python work in other threads slows the thread that launches the device's operations.

    python -m bench.busy_threads           # two minutes; needs two idle cores, otherwise the figures are noise

After every operation, PyTorch's thread requests the interpreter lock again. A thread that computes in Python releases
it only after the switch interval. Here, steps of the embedded model run beside the picture work of jobs: in threads,
for several switch intervals, and in a picture process. The steps are so small that they consist of launching
operations. A second table shows what the transfer to a process and back costs a single job.
"""

import argparse
import asyncio
import statistics
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import count

import torch
from PIL import Image

from bench.report import table, write
from shared.schemas import GenerationRequest, Quality
from shared.settings import load_settings
from worker.conditioning import Brush, make_conditionings
from worker.engine.denoiser import Denoiser
from worker.engine.request import DrawRequest
from worker.engine.request_state import RequestState
from worker.gpu_manager import GPUManager
from worker.model_assembly import load_model
from worker.picture_work import Executor, PictureWork, ProcessExecutor, ThreadExecutor, condition, make_work
from worker.progress import NullProgress

WORDS = ("学习", "火", "水", "龍")
SIDE, STEP_SIDE = 1024, 64
DEFAULT_S = 0.005  # Python's own switch interval
INTERVALS_S = (DEFAULT_S, 0.0005, 0.00005)
JOBS_ALONE = 24
PARAMETERS = {
    "prompt": "fire",
    "negative_prompt": "",
    "num_inference_steps": 30,
    "scheduler": "euler",
    "guidance_scale": 6.0,
    "seed": 1,
    "width": SIDE,
    "height": SIDE,
    "model_used": "none",
}


async def draw(place: Executor, number: int) -> None:
    """Do a job's work outside its steps: scene, four maps, the judge, PNG."""
    nobody, seed = NullProgress(), number
    request = GenerationRequest(word=WORDS[number % len(WORDS)])
    scene = await place.do(nobody, PictureWork.compose, request.word, (SIDE, SIDE), (), seed)
    maps = await condition(place, scene, request, Brush(seed=seed), nobody)
    picture = maps.control_images["canny"]
    await place.do(nobody, PictureWork.judge, picture, scene.glyph)
    await place.do(nobody, PictureWork.encode, picture, PARAMETERS)


def work(place: Executor, number: int) -> None:
    """Do a job's picture work."""
    asyncio.run(draw(place, number))


def cost(place: Executor, jobs: int) -> list[str]:
    """Return the median time of sequential jobs, and the CPU time that each takes in this process, in milliseconds."""
    times, cpu_before = [], time.process_time()
    for number in range(jobs):
        started = time.perf_counter()
        work(place, number)
        times.append(1000 * (time.perf_counter() - started))
    cpu_ms = 1000 * (time.process_time() - cpu_before) / jobs
    return [f"{statistics.median(times):.0f}", f"{cpu_ms:.0f}"]


def spin(_number: int) -> None:
    """Compute in pure Python, in bytecode steps between which the lock can be requested."""
    total = 0
    for value in range(1_000_000):
        total += value


@contextmanager
def beside(job: Callable[[int], None], threads: int) -> Iterator[list[int]]:
    """Keep this many threads busy with the job during the block; yield the numbers of the jobs that were done."""
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


def step_times(denoiser: Denoiser, row: RequestState, seconds: float) -> list[float]:
    """Return the milliseconds of sequential steps."""
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
    threads = ThreadExecutor(make_work(settings, make_conditionings(settings.conditioning)))
    process = ProcessExecutor(1, settings, threads)
    process.start()
    for place in (threads, process):
        work(place, 0)
    alone = [["threads", *cost(threads, JOBS_ALONE)], ["a process", *cost(process, JOBS_ALONE)]]
    rows: list[list[object]] = []

    def measure(name: str, job: Callable[[int], None], threads: int, interval_s: float = DEFAULT_S) -> None:
        """Compare steps beside the job with steps just before it, since the machine may have other work."""
        undisturbed = statistics.median(step_times(denoiser, row, seconds / 2))
        sys.setswitchinterval(interval_s)
        with beside(job, threads) as done:
            times = sorted(step_times(denoiser, row, seconds))
        sys.setswitchinterval(DEFAULT_S)
        busy, slow = statistics.median(times), times[int(0.95 * len(times))]
        times_as_long, jobs_s = f"{busy / undisturbed:.2f}", f"{len(done) / seconds:.1f}"
        rows.append([name, f"{undisturbed:.1f}", f"{busy:.1f}", f"{slow:.1f}", times_as_long, jobs_s])
        print(*rows[-1], sep=" | ", flush=True)

    for interval_s in INTERVALS_S:
        measure(f"{in_flight} jobs, threads, {1000 * interval_s:g} ms", partial(work, threads), in_flight, interval_s)
    for interval_s in (DEFAULT_S, INTERVALS_S[-1]):
        measure(f"{in_flight} jobs, a process, {1000 * interval_s:g} ms", partial(work, process), in_flight, interval_s)
    process.stop()
    for interval_s in INTERVALS_S:
        measure(f"one thread of Python alone, {1000 * interval_s:g} ms", spin, 1, interval_s)
    header = ["beside the steps", "a step alone, ms", "beside, ms", "95th percentile", "times as long", "jobs/s"]
    write(
        "busy_threads",
        f"python -m bench.busy_threads --seconds {seconds:g} --in-flight {in_flight}",
        "\n\n".join([table(header, rows), table(["one job after another, in", "ms", "CPU of the worker, ms"], alone)]),
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=10.0, help="duration of each measurement")
    parser.add_argument("--in-flight", type=int, default=8, help="number of threads, each with one job")
    arguments = parser.parse_args()
    main(arguments.seconds, arguments.in_flight)
