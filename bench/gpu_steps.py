"""Where the time of a step goes on a GPU: full-size SDXL with random weights, compiled and recorded as in `large`.

    python -m bench.gpu_steps           # on a GPU; prints how it got ready, each step's time, and its kernels by time
    python -m bench.gpu_steps --tiny    # tiny networks, uncompiled, also on a CPU: shows that it runs

It prints no report: it is for whoever makes a step faster. `bench.gpu_speed` measures whole pictures.
"""

import argparse
import logging
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

import torch

from bench import device_counts
from bench.gpu_speed import subject_of
from bench.variants import Ours
from shared.schemas import Quality
from worker.engine.request_state import RequestState

PICTURES = (1, 2, 4, 8)
STEPS = 8
MOST_KERNELS = 20
T = TypeVar("T")


@dataclass(frozen=True)
class Steps:
    """Steps of one quality with an engine.

    Attributes:
        ours: the engine.
        quality: of the pictures.
    """

    ours: Ours
    quality: Quality

    def print_times(self) -> None:
        """Print the mean time of a step for each number of pictures."""
        for count in PICTURES:
            seconds = self.ours.run(partial(self._seconds, count))
            print(f"{self.quality}, {count} pictures: {seconds * 1000:.1f} ms a step", flush=True)

    def print_kernels(self) -> None:
        """Print the kernels of a first step, which is computed in full, by their time."""
        for count in (PICTURES[0], PICTURES[-1]):
            found = self.ours.run(partial(self._kernels, count))
            total = sum(kernel.milliseconds for kernel in found)
            print(f"{self.quality}, {count} pictures: {total:.1f} ms of kernels", flush=True)
            for kernel in found[:MOST_KERNELS]:
                print(f"  {kernel.milliseconds:8.2f} ms {kernel.count:5d} × {kernel.name}")

    def _rows(self, count: int) -> list[RequestState]:
        # The first half of the steps is taken, in which `fast` has guidance.
        return self.ours.rows(count, 2 * (STEPS + 1), self.quality)

    def _seconds(self, count: int) -> float:
        rows, step = self._rows(count), self.ours.denoiser(self.quality).step
        step(rows)
        _finish()
        started = time.perf_counter()
        for _ in range(STEPS):
            step(rows)
        _finish()
        return (time.perf_counter() - started) / STEPS

    def _kernels(self, count: int) -> list[device_counts.Kernel]:
        rows = self._rows(count)
        return device_counts.kernels_by_time(self.ours.device, partial(self.ours.denoiser(self.quality).step, rows))


def _finish() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def timed(what: str, call: Callable[[], T]) -> T:
    """Return the call's result, and print how long it took."""
    started = time.perf_counter()
    result = call()
    print(f"{what}: {time.perf_counter() - started:.1f} s", flush=True)
    return result


def main(*, is_tiny: bool) -> None:
    """Print everything."""
    # How long the weights, the compiler and the recordings took is in the log.
    logging.basicConfig(level=logging.INFO, format="%(relativeCreated)d ms %(message)s", stream=sys.stdout)
    subject = subject_of(is_tiny=is_tiny)
    make = partial(Ours, subject, quality=Quality.FAST, is_compiled=not is_tiny, is_recorded=not is_tiny)
    with tempfile.TemporaryDirectory() as folder:
        ours = timed("ready", lambda: make(Path(folder)))
    print(ours.notes)
    print(torch._dynamo.utils.compile_times(repr="str", aggregate=True))
    for quality in (Quality.EXACT, Quality.FAST):
        Steps(ours, quality).print_times()
        if subject.device.type == "cuda":
            Steps(ours, quality).print_kernels()
    ours.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tiny", action="store_true", help="tiny networks, uncompiled, to show that it runs")
    main(is_tiny=parser.parse_args().tiny)
