"""SDXL + Union ControlNet on a GPU: the service's engine and diffusers' stock pipeline, eager and compiled.

    python -m bench.gpu_speed              # on a GPU; begins nothing after 270 s; writes bench/results/gpu_speed.md
    python -m bench.gpu_speed --tiny       # eager, with tiny networks, also on a CPU: shows that it runs

The networks have full size and random weights, in the dtype that the service uses: neither speed nor memory depends on
training. Ours are used as in the service: assembled as in a worker, stepped by the step loop, decoded in the decoder's
thread. A variant that fails leaves a row with the reason, and the report is written after each row.
"""

import argparse
import gc
import statistics
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch
from PIL import Image

from bench import device_counts, sdxl
from bench.pictures import psnr
from bench.report import RESULTS, machine, table
from bench.variants import (
    STOCK_COMPILED,
    STOCK_EAGER,
    VARIANTS,
    Backend,
    Subject,
    Variant,
    forget_compiled,
)
from worker.engine.faults import Failure, attempt, free_memory, outcome_of

# The work of one image, and the hardware's limits: docs/reference/performance.md.
TFLOP_AN_IMAGE = 594.0
DENSE_HALF_TFLOPS = {"H200": 790.0, "H100": 790.0, "A100": 312.0}

WARM_UP_STEPS, REPEATS = 2, 3
DEADLINE_S = 270.0

HEADER = (
    "variant",
    "batch",
    "seconds",
    "images/s",
    "× stock eager",
    "× stock compiled",
    "of the floor",
    "peak GiB",
    "predicted",
    "PSNR to the picture alone, dB",
    "host waits per step",
    "kernels per step",
    "ready in, s",
)


@dataclass(frozen=True)
class Row:
    """A row of the report: how a variant drew a batch, or why it did not.

    Attributes:
        variant: the variant's name.
        batch: the number of pictures drawn together; 0: any number.
        failure: why there are no figures; "" if there are.
        seconds: per batch, the median.
        ready_s: the time to place and compile the networks.
        peak_gib: PyTorch's peak memory; None on a CPU.
        predicted_gib: the predicted peak; None if there is no prediction.
        near_db: PSNR of the first picture relative to the same one drawn alone; None if it was drawn alone.
        notes: the variant's description of itself.
    """

    variant: str
    batch: int
    failure: str = ""
    seconds: float = 0.0
    ready_s: float = 0.0
    peak_gib: float | None = None
    predicted_gib: float | None = None
    near_db: float | None = None
    notes: dict[str, object] = field(default_factory=dict)


def measure(subject: Subject, variants: Sequence[Variant], deadline_s: float = DEADLINE_S) -> Iterator[Row]:
    """Yield a row for each variant and batch, round by round; start none after the deadline."""
    end = time.monotonic() + deadline_s
    for number in range(max(len(variant.rounds) for variant in variants)):
        for variant in variants:
            if batches := variant.rounds[number] if number < len(variant.rounds) else ():
                yield from _measure_variant(subject, variant, batches, end)
                forget_compiled()
                gc.collect()
                free_memory()


def _measure_variant(subject: Subject, variant: Variant, batches: Sequence[int], end: float) -> Iterator[Row]:
    if time.monotonic() > end:
        yield Row(variant.name, 0, "not started in time")
        return
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        backend = outcome_of(lambda: variant.make(subject, Path(folder)))
    if isinstance(backend, Failure):
        yield Row(variant.name, 0, _reason(backend))
        return
    trial = Trial(subject, variant.name, backend, ready_s=time.perf_counter() - started)
    for batch in batches:
        yield trial.row(batch)
    attempt(backend.close)


@dataclass
class Trial:
    """A prepared variant that draws batch after batch.

    Attributes:
        subject: what is drawn.
        name: the variant's name.
        backend: draws the pictures.
        ready_s: the time that the preparation took.
        alone: the first picture drawn in a batch of one.
    """

    subject: Subject
    name: str
    backend: Backend
    ready_s: float
    alone: Image.Image | None = None

    def row(self, batch: int) -> Row:
        """Return the row for a batch, with the reason if it could not be drawn."""
        row = outcome_of(lambda: self._measure(batch))
        return Row(self.name, batch, _reason(row)) if isinstance(row, Failure) else row

    def _measure(self, batch: int) -> Row:
        self.backend.draw(batch, WARM_UP_STEPS)
        device_counts.peak_gib(self.subject.device)
        times: list[float] = []
        for _ in range(REPEATS):
            started = time.perf_counter()
            first, *_ = self.backend.draw(batch, self.subject.steps)
            times.append(time.perf_counter() - started)
        near_db = psnr(self.alone, first) if self.alone is not None else None
        if batch == 1:
            self.alone = first
        return Row(
            self.name,
            batch,
            seconds=statistics.median(times),
            ready_s=self.ready_s,
            peak_gib=device_counts.peak_gib(self.subject.device),
            predicted_gib=self.backend.predicted_gib(batch),
            near_db=near_db,
            notes=self.backend.notes,
        )


def document(subject: Subject, rows: Sequence[Row], command: str) -> str:
    """Return the report."""
    size = f"{subject.side}², {subject.steps} steps, guidance, four controls, {subject.dtype}"
    setups = {row.variant: row.notes for row in rows if row.notes}
    paragraphs = [
        "# gpu_speed",
        f"`{command}` · {_card(subject.device)} · torch {torch.__version__} · {time.strftime('%Y-%m-%d')}",
        f"Random weights; {size}. Medians of {REPEATS}, from the request to the pictures in the host's memory.",
        table(HEADER, [_cells(subject, row, rows) for row in rows]),
        "\n".join(f"- {variant}: {_listed(notes)}" for variant, notes in setups.items()),
    ]
    return "\n\n".join(paragraphs) + "\n"


def _cells(subject: Subject, row: Row, rows: Sequence[Row]) -> list[str]:
    if row.failure:
        return [row.variant, str(row.batch or "all"), row.failure, *[""] * (len(HEADER) - 3)]
    return [
        row.variant,
        str(row.batch),
        f"{row.seconds:.2f}",
        f"{row.batch / row.seconds:.2f}",
        _times_faster(rows, STOCK_EAGER, row),
        _times_faster(rows, STOCK_COMPILED, row),
        _share_of_floor(subject, row),
        *(_figure(value) for value in (row.peak_gib, row.predicted_gib, row.near_db)),
        *(_figure(row.notes.get(name)) for name in ("host waits per step", "kernels per step")),
        f"{row.ready_s:.0f}",
    ]


def _times_faster(rows: Sequence[Row], variant: str, row: Row) -> str:
    other = next((one for one in rows if (one.variant, one.batch) == (variant, row.batch) and not one.failure), None)
    return _figure(None) if other is None else f"{other.seconds / row.seconds:.2f}"


def _share_of_floor(subject: Subject, row: Row) -> str:
    """Return how close a full-size picture comes to the arithmetic floor of a known card."""
    tflops = next((tflops for name, tflops in DENSE_HALF_TFLOPS.items() if name in _card(subject.device)), None)
    if tflops is None or subject.scale is not sdxl.FULL:
        return _figure(None)
    return f"{TFLOP_AN_IMAGE / tflops * row.batch / row.seconds:.0%}"


def _listed(notes: Mapping[str, object]) -> str:
    return ", ".join(f"{name} {what}" for name, what in notes.items() if what is not None)


def _figure(value: object) -> str:
    return "–" if value is None else f"{value:.1f}" if isinstance(value, float) else str(value)


def _reason(failure: Failure) -> str:
    return failure.reason.replace("|", "/")


def _card(device: torch.device) -> str:
    return torch.cuda.get_device_name(device) if device.type == "cuda" else machine()


def subject_of(*, is_tiny: bool) -> Subject:
    """Return what is drawn on this machine.

    Raises:
        SystemExit: full size was requested, and there is no GPU.
    """
    has_gpu = torch.cuda.is_available()
    device, dtype = (torch.device("cuda"), torch.float16) if has_gpu else (torch.device("cpu"), torch.float32)
    if is_tiny:
        return Subject(sdxl.SMALL, device, dtype, side=256, steps=3)
    if not has_gpu:
        raise SystemExit("this machine has no usable CUDA GPU; --tiny shows that the benchmark runs")
    return Subject(sdxl.FULL, device, dtype, side=1024, steps=30)


def _chosen(name: str) -> str:
    return f'--only "{name}"'


def main(*, is_tiny: bool, deadline_s: float, only: Sequence[str]) -> None:
    """Measure, and write the report after each row; a tiny run is only printed."""
    subject = subject_of(is_tiny=is_tiny)
    variants = [variant for variant in VARIANTS if not is_tiny or "eager" in variant.name]
    variants = [variant for variant in variants if not only or variant.name in only]
    command = " ".join(["python -m bench.gpu_speed", *(["--tiny"] if is_tiny else []), *map(_chosen, only)])
    rows: list[Row] = []
    for row in measure(subject, variants, deadline_s=deadline_s):
        rows.append(row)
        print(*_cells(subject, row, rows), sep=" | ", flush=True)
        if not is_tiny:
            RESULTS.mkdir(exist_ok=True)
            (RESULTS / "gpu_speed.md").write_text(document(subject, rows, command), encoding="utf-8")
    print(document(subject, rows, command))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tiny", action="store_true", help="tiny networks, eager, to show that it runs")
    parser.add_argument(
        "--deadline", type=float, default=DEADLINE_S, help="start no further variant after this many seconds"
    )
    parser.add_argument("--only", action="append", choices=[variant.name for variant in VARIANTS], default=[])
    arguments = parser.parse_args()
    main(is_tiny=arguments.tiny, deadline_s=arguments.deadline, only=arguments.only)
