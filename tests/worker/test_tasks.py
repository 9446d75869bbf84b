"""The task: whatever is raised after a job is taken, the job ends, and the next one runs."""

import asyncio
import contextlib
import io
import math
import os
import sys
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
import redis
from celery.exceptions import Ignore, Reject
from PIL import Image
from redis.exceptions import DataError

from shared.celery_app import make_celery
from shared.errors import DeviceLost, ModelLoadError, OutOfMemory, ServiceError
from shared.queue.job_record import JobRecord
from shared.queue.leases import Leases
from shared.queue.metrics import JobMetrics
from shared.queue.object_store import StoreUnavailable
from shared.queue.result_budget import Budget, ResultSizes
from shared.queue.store import JobStore
from shared.redis_client import make_redis
from shared.schemas import AIGenerationResult, GenerationRequest, JobStatus, Priority
from shared.settings import Settings, load_settings
from tests.helpers import eventually, taken
from worker.background.job_monitor import JobHandle, JobMonitor
from worker.main import SWITCH_INTERVAL_S, exit_code, main
from worker.retry import retry_for_five_minutes
from worker.tasks import GenerateTask

METADATA: dict[str, Any] = {
    "seed": 1, "generation_time_ms": 5, "timings_ms": {}, "legibility": {"score": None}, "width": 8, "height": 8,
}  # fmt: skip


def result(image: Any = "AAAA", maps: Any = None, **metadata: Any) -> AIGenerationResult:
    return AIGenerationResult.model_construct(
        success=True,
        generated_image_base64=image,
        conditioning_images_base64={} if maps is None else maps,
        prompt_used="p",
        generation_metadata={**METADATA, **metadata},
    )


class Bench:
    """A task in which everything is real, including Redis, except for the generation of the picture."""

    def __init__(self, settings: Settings) -> None:
        client = make_redis(settings.redis)
        self.store = JobStore(client, settings.queue)
        self.leases = Leases(client, self.store, settings.queue, "w")
        self.monitor = JobMonitor(self.leases, 0.1)
        self.make: Callable[[], Any] = result
        self.sent: list[tuple[str, Priority]] = []
        self.reasons: list[ServiceError] = []
        app = make_celery(settings)
        self.task = app.register_task(
            GenerateTask(
                leases=self.leases,
                monitor=self.monitor,
                generator=self,  # type: ignore[arg-type]
                send=lambda *message: self.sent.append(message),
                cancel=self.store.cancel,
                stop_process=self.reasons.append,
                metrics=JobMetrics(client),
                budget=Budget(client, settings.results),
                sizes=ResultSizes(client),
            )
        )

    async def generate(self, _request: Any, _progress: Any) -> Any:
        return self.make()

    def job(self) -> str:
        return self.store.create(str(uuid.uuid4()), GenerationRequest(word="学")).job_id

    def run(self, make: Callable[[], Any]) -> JobRecord:
        """Run a job with this generation; return its record."""
        self.make = make
        job_id = self.job()
        with contextlib.suppress(ServiceError, Ignore):
            self.task.run(job_id)
        assert self.monitor.working_on() == frozenset()
        return self.store.get(job_id)


@pytest.fixture
def bench(settings: Settings) -> Bench:
    return Bench(settings)


def raise_it(error: BaseException) -> Callable[[], Any]:
    def raising() -> Any:
        raise error

    return raising


@pytest.mark.parametrize(
    "error", [RuntimeError("x"), MemoryError(), OSError(28, "No space left on device"), KeyError("k"), RecursionError(),
              asyncio.CancelledError(), SystemExit(3), StopIteration(), UnicodeDecodeError("utf-8", b"x", 0, 1, "r")],
    ids=lambda error: type(error).__name__,
)  # fmt: skip
def test_whatever_making_a_picture_raises_ends_the_job(bench: Bench, error: BaseException) -> None:
    record = bench.run(raise_it(error))
    assert record.error is not None
    assert (record.status, record.error.code) == (JobStatus.FAILED, "generation_failed")
    assert bench.run(result).status is JobStatus.SUCCEEDED


@pytest.mark.parametrize(
    "broken",
    [
        {"image": "a"}, {"image": "ä"}, {"image": None}, {"maps": {"canny": None}}, {"maps": []},
        {"generation_time_ms": None}, {"generation_time_ms": object()},
        {"note": object()}, {"note": "\ud800"}, {"note": b"\xff"},
    ],
    ids=lambda broken: "-".join(f"{name}_{type(value).__name__}" for name, value in broken.items()),
)  # fmt: skip
def test_a_result_that_cannot_be_packed_or_stored_ends_the_job(bench: Bench, broken: dict[str, Any]) -> None:
    """Nothing of it is stored."""
    record = bench.run(lambda: result(**broken))
    assert record.status is JobStatus.FAILED
    assert record.error is not None
    assert record.error.code == "generation_failed"
    assert bench.task.backend.results.get(record.job_id) is None
    assert bench.run(result).status is JobStatus.SUCCEEDED


@pytest.mark.parametrize("odd", [{"generation_time_ms": "soon"}, {"note": {1, 2}}])
def test_an_odd_result_that_can_be_stored_succeeds(bench: Bench, odd: dict[str, Any]) -> None:
    record = bench.run(lambda: result(**odd))
    assert record.status is JobStatus.SUCCEEDED
    assert bench.task.backend.results.get(record.job_id) is not None
    assert bench.run(result).status is JobStatus.SUCCEEDED


def test_the_time_left_is_that_of_the_steps_left_at_the_pace_so_far(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    handle = JobHandle(taken(bench.leases, bench.job()))
    assert handle.seconds_left == math.inf
    for now, step in ((100.0, 0), (108.0, 4)):
        monkeypatch.setattr("worker.background.job_monitor.time.monotonic", lambda now=now: now)
        handle.step(step, 10)
    assert handle.seconds_left == 12


def test_a_known_error_keeps_its_code_wherever_it_comes_from(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    assert bench.run(raise_it(OutOfMemory("x"))).error.code == "out_of_memory"  # type: ignore[union-attr]
    monkeypatch.setattr("worker.tasks.pack", lambda *_: raise_it(OutOfMemory("while packing"))())
    assert bench.run(result).error.code == "out_of_memory"  # type: ignore[union-attr]


def test_a_message_that_comes_twice_leaves_the_running_job_alone(bench: Bench) -> None:
    """After a dropped connection, kombu delivers again what was held."""

    def twice() -> AIGenerationResult:
        (job_id,) = bench.monitor.working_on()
        with pytest.raises(Ignore):
            bench.task.run(job_id)
        assert bench.leases.give_back(bench.monitor.working_on) == []
        return result()

    record = bench.run(twice)
    assert (record.status, record.attempts) == (JobStatus.SUCCEEDED, 1)


def test_a_job_that_the_same_worker_takes_again_has_two_tasks_and_one_result(bench: Bench) -> None:
    """The first task has lost its lease, as after a failover of Redis."""

    def lost() -> AIGenerationResult:
        (job_id,) = bench.monitor.working_on()
        assert bench.leases.give_back(frozenset) == [job_id]
        bench.make = result
        with ThreadPoolExecutor() as pool:
            pool.submit(bench.task.run, job_id).result()
        assert bench.store.get(job_id).status is JobStatus.SUCCEEDED
        assert (bench.monitor.running, bench.monitor.working_on()) == (1, {job_id})
        return result()

    record = bench.run(lost)
    assert (record.status, record.attempts) == (JobStatus.SUCCEEDED, 2)
    assert bench.monitor.running == 0


def test_what_is_not_counted_has_ended_all_the_same(bench: Bench) -> None:
    """An error after the end does not change it."""
    assert bench.run(lambda: result(legibility=None)).status is JobStatus.SUCCEEDED


def test_a_call_that_redis_can_never_take_is_not_repeated() -> None:
    calls: list[int] = []

    def call() -> None:
        calls.append(1)
        raise DataError("no such type")

    with pytest.raises(TypeError):
        retry_for_five_minutes(call)
    assert calls == [1]


def test_a_preview_has_the_picture_s_colours(bench: Bench) -> None:
    lease = taken(bench.leases, bench.job())
    bench.monitor.start()
    with bench.monitor.watch(lease) as handle:
        handle.preview(np.full((16, 16, 3), (220, 60, 30), np.uint8))
        jpeg = eventually(lambda: bench.store.preview(lease.job_id))
    bench.monitor.stop()
    red, green, blue = np.asarray(Image.open(io.BytesIO(jpeg)))[8, 8].tolist()
    assert red > 200
    assert 80 > green > blue


def test_a_draining_worker_takes_nothing(bench: Bench, client: redis.Redis) -> None:
    """An ordinary job's message is returned; a quarantined job gets a new one."""
    ordinary, quarantined = bench.job(), bench.job()
    client.hset(f"writing:job:{quarantined}", "deaths", 1)
    bench.monitor.drain(0)
    with pytest.raises(Reject):
        bench.task.run(ordinary)
    with pytest.raises(Ignore):
        bench.task.run(quarantined)
    assert bench.sent == [(quarantined, Priority.INTERACTIVE)]
    assert [bench.store.get(job).status for job in (ordinary, quarantined)] == [JobStatus.QUEUED] * 2


def test_a_draining_worker_finishes_what_is_almost_done_and_stops_the_rest(bench: Bench) -> None:
    leases, monitor = bench.leases, bench.monitor
    almost, begun, taken_late = (taken(leases, bench.job()) for _ in range(3))
    with monitor.watch(almost) as first, monitor.watch(begun) as second:
        first.step(9, 9)
        monitor.drain(within_s=1)
        assert (first.is_cancelled, second.is_cancelled) == (False, True)
        with monitor.watch(taken_late) as third:
            assert third.is_cancelled


def test_a_job_whose_device_was_lost_waits_again_as_quarantined_and_fails_with_the_last_worker(
    bench: Bench, settings: Settings
) -> None:
    """The device or the job may be at fault: other workers run the job alone, but not forever."""
    lost = DeviceLost("the device has stopped computing: injected")
    record = bench.run(raise_it(lost))
    assert bench.reasons == [lost]
    for deaths in range(1, settings.queue.max_deaths):
        assert (record.status, record.crash_count) == (JobStatus.QUEUED, deaths)
        assert bench.sent[-1][0] == record.job_id
        bench.monitor.is_draining = False  # another worker's
        with contextlib.suppress(ServiceError, Ignore):
            bench.task._run(record.job_id, bench.task._draw)
        record = bench.store.get(record.job_id)
    assert record.error is not None
    assert (record.status, record.error.code) == (JobStatus.FAILED, "device_lost")


def test_a_job_whose_model_cannot_be_loaded_waits_again_uncharged(bench: Bench) -> None:
    record = bench.run(raise_it(ModelLoadError("injected")))
    assert (record.status, record.crash_count) == (JobStatus.QUEUED, 0)


def test_a_worker_ends_with_a_code_that_says_whether_starting_it_again_may_help() -> None:
    assert exit_code(ModelLoadError("x")) == os.EX_CONFIG
    assert exit_code(DeviceLost("x")) == os.EX_SOFTWARE


def test_a_worker_s_threads_give_way_to_the_engine_s(redis_url: str) -> None:
    """Whether or not its start succeeds."""
    without_tls = load_settings({"WRITING_REDIS__URL": redis_url.replace("redis://", "rediss://")})
    before = sys.getswitchinterval()
    try:
        assert main(without_tls) == os.EX_CONFIG
        assert sys.getswitchinterval() == pytest.approx(SWITCH_INTERVAL_S, rel=0.05)
    finally:
        sys.setswitchinterval(before)


def test_a_call_is_repeated_while_redis_is_away_and_given_up_in_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("worker.retry.PAUSE_S", 0.01)
    answers = iter([redis.ConnectionError("away"), StoreUnavailable("away"), "here"])

    def call() -> str:
        answer = next(answers)
        return answer if isinstance(answer, str) else raise_it(answer)()

    assert retry_for_five_minutes(call) == "here"
    monkeypatch.setattr("worker.retry.GIVE_UP_AFTER_S", 0.05)
    with pytest.raises(redis.ConnectionError, match="away for good"):
        retry_for_five_minutes(raise_it(redis.ConnectionError("away for good")))
