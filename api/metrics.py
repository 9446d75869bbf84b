"""The Prometheus metrics. They come from Redis, so any API process reports for the whole service."""

from collections.abc import Iterator

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from shared.errors import Poisoned
from shared.gpu_profiles import GIB
from shared.queue.metrics import HISTOGRAMS, JobMetrics
from shared.queue.result_budget import Budget
from shared.queue.store import JobStore
from shared.queue.workers import WorkerRegistry
from shared.schemas import JobStatus, WorkerInfo, WorkerState

HELP = {
    "job_wait_seconds": "Time from a job's submission to the start of its last attempt.",
    "job_seconds": "Time from a job's start to its picture.",
    "stage_seconds": "Time that a job spends in one stage.",
    "http_request_seconds": "Time from a request to the first byte of its response.",
    "store_seconds": "Time of a call to the object store, if it keeps the pictures.",
    "legibility_score": "The judge's score of finished pictures, 0 to 1; pictures that it cannot judge are omitted.",
}
# The labels of histograms.
LABELS = {
    "stage_seconds": ["stage"],
    "http_request_seconds": ["method", "route", "status"],
    "store_seconds": ["operation", "outcome"],
}


class ServiceCollector(Collector):
    """The service's metrics, read at each scrape. Raises `redis.RedisError` if Redis does not answer."""

    def __init__(self, store: JobStore, workers: WorkerRegistry, metrics: JobMetrics, budget: Budget) -> None:
        self._store = store
        self._workers = workers
        self._metrics = metrics
        self._budget = budget

    def collect(self) -> Iterator[Metric]:
        """Yield every metric."""
        yield from self._queue()
        yield from self._jobs()
        yield from self._worker_states()
        yield from self._redis()
        yield from self._results()

    def _queue(self) -> Iterator[Metric]:
        depth = GaugeMetricFamily("writing_queue_depth", "Waiting jobs.", labels=["priority"])
        for priority, count in self._store.depth().items():
            depth.add_metric([priority.value], count)
        yield depth
        drain_s = self._store.drain_s()
        if drain_s is not None:
            yield GaugeMetricFamily(
                "writing_queue_drain_seconds", "Time until the queue would be empty at the current rate.", drain_s
            )

    def _jobs(self) -> Iterator[Metric]:
        ended = CounterMetricFamily("writing_jobs", "Jobs that ended, by status.", labels=["status"])
        counts = self._store.counts()
        for status in (JobStatus.SUCCEEDED, JobStatus.FAILED, JobStatus.CANCELLED):
            ended.add_metric([status.value], getattr(counts, status.value))
        yield ended
        failures = CounterMetricFamily("writing_failures", "Jobs that failed, by error code.", labels=["code"])
        for code, count in {Poisoned.code: 0, **self._store.failure_codes()}.items():  # its alert needs every value
            failures.add_metric([code], count)
        yield failures
        for name in HISTOGRAMS:
            family = HistogramMetricFamily(f"writing_{name}", HELP[name], labels=LABELS.get(name, []))
            for histogram in self._metrics.read(name):
                family.add_metric(histogram.label.split(), list(histogram.buckets), histogram.total)
            yield family

    def _worker_states(self) -> Iterator[Metric]:
        workers = self._workers.workers()
        states = GaugeMetricFamily("writing_workers", "Live workers, by state.", labels=["state"])
        for state in WorkerState:
            states.add_metric([state.value], sum(worker.state is state for worker in workers))
        yield states
        yield GaugeMetricFamily("writing_leases", "Jobs leased to workers.", sum(worker.running for worker in workers))
        yield from _by_worker(workers)

    def _redis(self) -> Iterator[Metric]:
        used, limit = self._store.memory()
        yield GaugeMetricFamily("writing_redis_memory_bytes", "Memory used by Redis.", used)
        yield GaugeMetricFamily("writing_redis_memory_limit_bytes", "Redis's maxmemory; 0: no limit.", limit)

    def _results(self) -> Iterator[Metric]:
        use = self._budget.use()
        yield GaugeMetricFamily("writing_results", "Stored results.", use.results)
        yield GaugeMetricFamily("writing_results_bytes", "Memory used by results in Redis.", use.size)
        yield GaugeMetricFamily(
            "writing_results_budget_bytes", "Memory that results may use; 0: no limit.", self._budget.limit()
        )
        yield CounterMetricFamily(
            "writing_results_evicted", "Results evicted to make room for newer ones.", use.evicted
        )


def _by_worker(workers: list[WorkerInfo]) -> Iterator[Metric]:
    for family, read in (
        (_gauge("worker_batch_limit", "Pictures that may share a step."), lambda w: w.batch_limit),
        (_counter("engine_steps", "Denoising steps; each processes one batch."), lambda w: w.engine_steps),
        (_counter("engine_rows", "Sum of the steps' batch sizes."), lambda w: w.engine_rows),
        (
            _gauge("gpu_memory_used_bytes", "GPU memory used by all processes."),
            lambda w: _bytes(w.gpu_status.used_memory_gib),
        ),
        (_gauge("gpu_memory_total_bytes", "GPU memory in total."), lambda w: _bytes(w.gpu_status.total_memory_gib)),
        (_gauge("gpu_temperature_celsius", "GPU temperature."), lambda w: w.gpu_status.temperature_c),
        (_gauge("gpu_power_watts", "GPU power draw."), lambda w: w.gpu_status.power_w),
        (
            _gauge("gpu_utilisation_ratio", "GPU utilisation, 0 to 1."),
            lambda w: _ratio(w.gpu_status.utilisation_percent),
        ),
    ):
        for worker in workers:
            value = read(worker)
            if value is not None:  # values that the machine cannot report are omitted
                family.add_metric([worker.worker_id], value)
        yield family


def make_registry(collector: ServiceCollector) -> CollectorRegistry:
    """Return a registry with only the service's metrics. Nothing is read yet."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(collector)
    return registry


def _gauge(name: str, text: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"writing_{name}", text, labels=["worker"])


def _counter(name: str, text: str) -> CounterMetricFamily:
    return CounterMetricFamily(f"writing_{name}", text, labels=["worker"])


def _bytes(gib: float | None) -> float | None:
    return None if gib is None else gib * GIB


def _ratio(percent: float | None) -> float | None:
    return None if percent is None else percent / 100
