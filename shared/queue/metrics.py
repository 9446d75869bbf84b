"""Histograms of job and request durations, aggregated in Redis across all processes.

A histogram is a hash ``writing:histogram:<name>`` with a field ``<label>|<bucket>`` for each count and ``<label>|sum``
for the sum. Each count is of one bucket and not cumulative.
"""

from bisect import bisect_left
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import cast

import redis

from shared.queue.keys import Key

SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0)
SCORES = (0.1, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 0.99, 1.0)

# The upper bounds of each histogram's buckets; larger values are counted under infinity.
HISTOGRAMS: Mapping[str, tuple[float, ...]] = {
    "job_wait_seconds": SECONDS,
    "job_seconds": SECONDS,
    "stage_seconds": SECONDS,
    "legibility_score": SCORES,
    "http_request_seconds": SECONDS,
    "store_seconds": SECONDS,
}
INFINITY = "+Inf"


@dataclass(frozen=True, slots=True)
class Sample:
    """A measured value of a histogram; `label` distinguishes kinds of values, such as stages."""

    histogram: str
    value: float
    label: str = ""


@dataclass(frozen=True, slots=True)
class Histogram:
    """The values of one label: cumulative counts by upper bound, and the sum of all values."""

    label: str
    buckets: tuple[tuple[str, int], ...]
    total: float


class JobMetrics:
    """Adds to the histograms and reads them. Every method raises `redis.RedisError` when Redis does not answer."""

    def __init__(self, client: redis.Redis) -> None:
        self._redis = client

    def observe(self, samples: Iterable[Sample]) -> None:
        """Add values to their histograms."""
        with self._redis.pipeline(transaction=False) as pipeline:
            for sample in samples:
                key = _key(sample.histogram)
                pipeline.hincrby(key, f"{sample.label}|{_bucket(sample)}", 1)
                pipeline.hincrbyfloat(key, f"{sample.label}|sum", sample.value)
            pipeline.execute()

    def note_store_call(self, operation: str, seconds: float) -> None:
        """Count a call to the results' object store; skip it if Redis does not answer."""
        with suppress(redis.RedisError):
            self.observe([Sample("store_seconds", seconds, operation)])

    def read(self, histogram: str) -> list[Histogram]:
        """Return a histogram for each of its labels."""
        fields = cast("dict[str, str]", self._redis.hgetall(_key(histogram)))
        labels = sorted({field.rpartition("|")[0] for field in fields})
        return [_histogram(histogram, label, fields) for label in labels]


def _histogram(name: str, label: str, fields: Mapping[str, str]) -> Histogram:
    count, buckets = 0, []
    for bound in (*map(str, HISTOGRAMS[name]), INFINITY):
        count += int(fields.get(f"{label}|{bound}", 0))
        buckets.append((bound, count))
    return Histogram(label, tuple(buckets), float(fields.get(f"{label}|sum", 0.0)))


def _bucket(sample: Sample) -> str:
    bounds = HISTOGRAMS[sample.histogram]
    place = bisect_left(bounds, sample.value)
    return str(bounds[place]) if place < len(bounds) else INFINITY


def _key(histogram: str) -> str:
    return Key.HISTOGRAM + histogram
