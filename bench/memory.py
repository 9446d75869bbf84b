"""Whether the engine's memory stays flat over many different jobs.

python -m bench.memory              # 500 jobs, about five minutes on two cores
"""

import argparse
from collections.abc import Iterator
from concurrent.futures import Future

import numpy as np
import psutil
from tqdm import tqdm

from bench.engine_load import arrivals
from bench.report import table, write
from shared.settings import load_settings
from worker.engine.engine import Engine
from worker.engine.request import Drawing
from worker.gpu_manager import GPUManager
from worker.model_assembly import load_model
from worker.progress import NullProgress

IN_FLIGHT = 4


def curve(engine: Engine, count: int, every: int) -> Iterator[tuple[int, float]]:
    """Draw this many jobs, a few at a time; yield the number of finished jobs and the resident memory in MiB."""
    process = psutil.Process()
    waiting: list[Future[Drawing]] = []
    for number, job in enumerate(tqdm(arrivals(count, (256, 256, 320), (1, 2), seed=9), desc="jobs"), start=1):
        waiting.append(engine.submit(job.request, NullProgress()))
        if len(waiting) == IN_FLIGHT:
            waiting.pop(0).result()
        if number % every == 0:
            yield number, process.memory_info().rss / 1024**2
    for future in waiting:
        future.result()


def main(count: int) -> None:
    """Measure and write the report."""
    settings = load_settings()
    gpu = GPUManager(settings.device, settings.gpu_profiles)
    engine = Engine(lambda: load_model(settings, gpu))
    points = list(curve(engine, count, max(1, count // 20)))
    engine.close()
    # The first tenth fills caches (text embeddings, allocator); a leak shows in the slope of the rest.
    jobs, mebibytes = np.array([point for point in points if point[0] > count / 10]).T
    slope = np.polyfit(jobs, mebibytes, 1)[0]
    rows = [[number, f"{used:.0f}"] for number, used in points]
    note = f"Slope after the first {count // 10} jobs: {1024 * slope:+.1f} KiB a job."
    write("memory", f"python -m bench.memory --jobs {count}", note + "\n\n" + table(["jobs done", "MiB"], rows))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=500)
    main(parser.parse_args().jobs)
