"""Randomly arriving jobs: step-level batching compared with one job at a time and with static batches.

    python -m bench.engine_load                  # embedded model on a CPU, about ten minutes on two cores
    python -m bench.engine_load --jobs 200       # more jobs, steadier figures
    WRITING_MODEL=sdxl python -m bench.engine_load --sizes 1024 --steps 20 30 50      # on a GPU

Each strategy serves the same Poisson arrivals of the same jobs, with mixed steps, sizes and controls. Loads are
relative to the capacity of one job at a time, which is measured first. Latency is measured from arrival to the
finished picture.
"""

import argparse
import asyncio
import queue
import statistics
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from PIL import Image
from tqdm import tqdm

from bench.report import table, write
from shared.schemas import CONTROL_TYPES, ControlType
from shared.settings import load_settings
from worker.engine.engine import Engine
from worker.engine.job import EngineJob
from worker.engine.model_runner import ModelRunner
from worker.engine.request import Drawing, DrawRequest
from worker.gpu_manager import GPUManager
from worker.model_assembly import load_model
from worker.progress import NullProgress

LOADS = (0.9, 1.5)
Submit = Callable[[DrawRequest], "Future[Drawing]"]


@dataclass(frozen=True)
class Arrival:
    """A job and its arrival time, in units of the mean service time."""

    request: DrawRequest
    at: float


@dataclass(frozen=True)
class Measured:
    """How a strategy served the arrivals."""

    latencies_s: list[float]
    steps: list[int]
    makespan_s: float

    @property
    def row(self) -> list[str]:
        """Throughput; mean, median and 99th percentile of the latency; mean latency of the short jobs."""
        ordered = sorted(self.latencies_s)
        return [
            f"{len(ordered) / self.makespan_s:.2f}",
            f"{statistics.mean(ordered):.2f}",
            f"{statistics.median(ordered):.2f}",
            f"{self.p99:.2f}",
            f"{self.short:.2f}",
        ]

    @property
    def mean(self) -> float:
        """Mean latency in seconds."""
        return statistics.mean(self.latencies_s)

    @property
    def short(self) -> float:
        """Mean latency of the jobs with the median number of steps or fewer."""
        most = statistics.median(self.steps)
        return statistics.mean(
            latency for latency, steps in zip(self.latencies_s, self.steps, strict=True) if steps <= most
        )

    @property
    def p99(self) -> float:
        """99th percentile of the latency in seconds."""
        return float(np.percentile(self.latencies_s, 99))


class StaticBatches:
    """Serves waiting jobs in batches of one size, each run to its end, like a pipeline call on a list of prompts."""

    def __init__(self, model: ModelRunner, limit: int) -> None:
        self._model, self._limit = model, limit
        self._inbox: queue.SimpleQueue[EngineJob | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def submit(self, request: DrawRequest) -> "Future[Drawing]":
        """Add a job."""
        job = EngineJob(request, NullProgress())
        self._inbox.put(job)
        return job.answer

    def close(self) -> None:
        """End the thread after its jobs."""
        self._inbox.put(None)
        self._thread.join()

    def _run(self) -> None:
        waiting: list[EngineJob] = []
        while True:
            while not waiting or not self._inbox.empty():
                job = self._inbox.get()
                if job is None:
                    return
                waiting.append(job)
            batch = [job for job in waiting if job.request.size == waiting[0].request.size][: self._limit]
            waiting = [job for job in waiting if job not in batch]
            rows = {job: self._model.row(job.request) for job in batch}
            while active := [row for row in rows.values() if not row.is_done]:
                self._model.networks[batch[0].request.quality].denoiser.step(active)
            images = [self._model.decoder.decode(row.latents) for row in rows.values()]
            for job, image in zip(batch, images, strict=True):
                job.batch_size_max = len(batch)
                job.succeed(image)


def arrivals(count: int, sizes: Sequence[int], steps: Sequence[int], seed: int) -> list[Arrival]:
    """Return jobs that arrive one mean service time apart on average."""
    random = np.random.default_rng(seed)
    moments = np.cumsum(random.exponential(1.0, count))
    return [Arrival(_request(random, sizes, steps, number), float(moment)) for number, moment in enumerate(moments)]


def _request(random: np.random.Generator, sizes: Sequence[int], steps: Sequence[int], seed: int) -> DrawRequest:
    side = int(random.choice(sizes))
    count = int(random.integers(1, 5))
    kinds: list[ControlType] = [CONTROL_TYPES[i] for i in sorted(random.permutation(4)[:count].tolist())]
    noise = random.integers(0, 2, (side // 16, side // 16), dtype=np.uint8) * 255
    image = Image.fromarray(noise).resize((side, side)).convert("RGB")
    return DrawRequest(
        prompt=f"A picture of {seed}",
        control_images=dict.fromkeys(kinds, image),
        weights={kind: float(random.uniform(0.2, 1.0)) for kind in kinds},
        num_inference_steps=int(random.choice(steps)),
        guidance_scale=float(random.uniform(2, 6)),
        seed=seed,
    )


async def serve(jobs: Sequence[Arrival], submit: Submit, spacing_s: float, what: str) -> Measured:
    """Submit the jobs as they arrive, wait for all, and return their latencies."""
    started = time.perf_counter()
    bar = tqdm(total=len(jobs), desc=what)

    async def one(job: Arrival) -> float:
        due = job.at * spacing_s
        await asyncio.sleep(due - (time.perf_counter() - started))
        await asyncio.wrap_future(submit(job.request))
        bar.update()
        return time.perf_counter() - started - due

    latencies = await asyncio.gather(*(one(job) for job in jobs))
    bar.close()
    steps = [job.request.num_inference_steps for job in jobs]
    return Measured(list(latencies), steps, time.perf_counter() - started)


def run(model: ModelRunner, limit: int, jobs: Sequence[Arrival], spacing_s: float, variant: str) -> Measured:
    """Serve the jobs by one strategy."""
    model.batch_limit = 1 if variant == "one at a time" else limit
    server: Any = StaticBatches(model, limit) if variant == "static batches" else Engine(lambda: model)
    submit: Submit = server.submit if variant == "static batches" else partial(server.submit, progress=NullProgress())
    try:
        return asyncio.run(serve(jobs, submit, spacing_s, variant))
    finally:
        if variant == "static batches":
            server.close()


def main(count: int, limit: int | None, sizes: Sequence[int], steps: Sequence[int]) -> None:
    """Measure and write the report."""
    settings = load_settings()
    gpu = GPUManager(settings.device, settings.gpu_profiles)
    model = load_model(settings, gpu)
    limit = limit or model.batch_limit
    jobs = arrivals(count, sizes, steps, seed=5)
    run(model, limit, jobs[:4], 0.0, "one at a time")  # warm up
    service_s = run(model, limit, [Arrival(job.request, 0.0) for job in jobs], 0.0, "one at a time").makespan_s / count
    rows: list[list[object]] = []
    for load in LOADS:
        found = {
            variant: run(model, limit, jobs, service_s / load, variant)
            for variant in ("one at a time", "static batches", "step-level batches")
        }
        for variant, measured in found.items():
            rows.append([load, variant, *measured.row])
        ours = found["step-level batches"]
        rows.append(
            [
                load,
                "step-level: mean and short jobs against one at a time, p99 against static",
                "",
                f"{ours.mean / found['one at a time'].mean - 1:+.0%}",
                "",
                f"{ours.p99 / found['static batches'].p99 - 1:+.0%}",
                f"{ours.short / found['one at a time'].short - 1:+.0%}",
            ]
        )
    header = ["load", "variant", "pictures/s", "mean s", "median s", "p99 s", "short jobs, mean s"]
    options = f"--jobs {count} --limit {limit} --sizes {' '.join(map(str, sizes))} --steps {' '.join(map(str, steps))}"
    note = f"Model {settings.model}, {gpu.get_gpu_status().name}; one job at a time takes {service_s:.2f} s on average."
    write("engine_load", f"python -m bench.engine_load {options}", note + "\n\n" + table(header, rows))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=60)
    parser.add_argument("--limit", type=int, help="pictures that may share a step; default: the profile's limit")
    parser.add_argument("--sizes", type=int, nargs="+", default=[256, 256, 256, 320])
    parser.add_argument("--steps", type=int, nargs="+", default=[4, 8, 8, 12, 30])
    arguments = parser.parse_args()
    main(arguments.jobs, arguments.limit, arguments.sizes, arguments.steps)
