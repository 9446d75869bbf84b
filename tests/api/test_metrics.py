"""The metrics, read with Prometheus's own parser."""

from pathlib import Path
from urllib.parse import urlsplit

import pytest
import redis
from prometheus_client.parser import text_string_to_metric_families

from api.app import create_app
from shared.queue.keys import Key
from shared.queue.leases import Leases
from shared.queue.metrics import HISTOGRAMS, JobMetrics, Sample
from shared.queue.object_store import StoreUnavailable, open_store
from shared.queue.store import JobStore
from shared.queue.workers import WorkerRegistry
from shared.redis_client import make_redis
from shared.schemas import GenerationRequest, GPUStatus, JobError, Priority, WorkerInfo, WorkerState
from shared.settings import Settings, load_settings
from tests.helpers import as_user, eventually, taken

GPU = GPUStatus(
    available=True, name="NVIDIA H200", profile="large", total_memory_gib=140, free_memory_gib=100,
    used_memory_gib=40, temperature_c=61, power_w=600, utilisation_percent=97,
)  # fmt: skip


def worker(name: str, gpu: GPUStatus) -> WorkerInfo:
    return WorkerInfo(
        worker_id=name, state=WorkerState.WARM, model="sdxl", device="cuda", concurrency=16, batch_limit=8,
        engine_steps=300, engine_rows=1500, methods={}, unavailable_methods={}, running=5, gpu_status=gpu, started_at=0,
    )  # fmt: skip


def scrape(settings: Settings) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    text = create_app(settings).test_client().get("/metrics").get_data(as_text=True)
    families = list(text_string_to_metric_families(text))
    assert all(family.documentation for family in families)
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in families
        for sample in family.samples
    }


def test_the_queue_the_jobs_and_their_ends_are_counted(
    settings: Settings, store: JobStore, client: redis.Redis
) -> None:
    leases = Leases(client, store, settings.queue, "w")
    for job_id in ("a", "b", "c"):
        store.create(job_id, GenerationRequest(word="学"))
    store.create("d", GenerationRequest(word="学", priority=Priority.BULK))
    first, second = leases.take("a"), leases.take("b")
    assert first is not None
    assert second is not None
    leases.publish(first, "result", b"{}", 900)
    leases.fail(second, JobError(code="out_of_memory", title="t", detail="d"))
    found = scrape(settings)
    assert found["writing_queue_depth", (("priority", "interactive"),)] == 1
    assert found["writing_queue_depth", (("priority", "bulk"),)] == 1
    assert found["writing_jobs_total", (("status", "succeeded"),)] == 1
    assert found["writing_jobs_total", (("status", "failed"),)] == 1
    assert found["writing_failures_total", (("code", "out_of_memory"),)] == 1
    assert found["writing_redis_memory_bytes", ()] > 0
    assert ("writing_queue_drain_seconds", ()) not in found, "two ended jobs are too few for a rate"


def test_results_and_what_made_room_are_counted(settings: Settings, store: JobStore, client: redis.Redis) -> None:
    leases = Leases(client, store, settings.queue, "w")
    for job_id in ("a", "b", "c"):
        store.create(job_id, GenerationRequest(word="学"))
        lease = taken(leases, job_id)
        leases.publish(lease, Key.DOCUMENT + job_id, b"{}", 900, pictures=(bytes(1000),), budget=4000)
    limited = settings.model_copy(update={"results": settings.results.model_copy(update={"budget_bytes": 4000})})
    found = scrape(limited)
    assert found["writing_results", ()] == 2
    assert 2000 < found["writing_results_bytes", ()] < 4000
    assert found["writing_results_budget_bytes", ()] == 4000
    assert found["writing_results_evicted_total", ()] == 1


def test_each_worker_tells_of_its_engine_and_its_card(settings: Settings, client: redis.Redis) -> None:
    registry = WorkerRegistry(client, 60)
    registry.publish(worker("gpu", GPU))
    registry.publish(worker("cpu", GPU.model_copy(update={"temperature_c": None, "power_w": None})))
    found = scrape(settings)
    gpu, cpu = (("worker", "gpu"),), (("worker", "cpu"),)
    assert found["writing_workers", (("state", "warm"),)] == 2
    assert found["writing_leases", ()] == 10
    assert found["writing_worker_batch_limit", gpu] == 8
    assert found["writing_engine_steps_total", gpu] == 300
    assert found["writing_engine_rows_total", gpu] == 1500
    assert found["writing_gpu_memory_used_bytes", gpu] == 40 * 2**30
    assert found["writing_gpu_memory_total_bytes", gpu] == 140 * 2**30
    assert found["writing_gpu_temperature_celsius", gpu] == 61
    assert found["writing_gpu_power_watts", gpu] == 600
    assert found["writing_gpu_utilisation_ratio", gpu] == 0.97
    assert ("writing_gpu_power_watts", cpu) not in found, "values that a machine cannot report are omitted"


def test_histograms_add_up_what_all_workers_saw(settings: Settings, client: redis.Redis) -> None:
    for _ in range(2):  # two workers
        JobMetrics(client).observe(
            [
                Sample("job_wait_seconds", 0.2),
                Sample("job_wait_seconds", 5000),
                Sample("stage_seconds", 0.25, "diffusion"),
                Sample("stage_seconds", 0.02, "glyph"),
                Sample("legibility_score", 0.96),
            ]
        )
    found = scrape(settings)
    assert found["writing_job_wait_seconds_count", ()] == 4
    assert found["writing_job_wait_seconds_sum", ()] == 10000.4
    assert found["writing_job_wait_seconds_bucket", (("le", "0.1"),)] == 0
    assert found["writing_job_wait_seconds_bucket", (("le", "0.25"),)] == 2
    assert found["writing_job_wait_seconds_bucket", (("le", "+Inf"),)] == 4
    assert found["writing_stage_seconds_bucket", (("le", "0.25"), ("stage", "diffusion"))] == 2, "a bound is included"
    assert found["writing_stage_seconds_sum", (("stage", "glyph"),)] == 0.04
    assert found["writing_legibility_score_bucket", (("le", "0.99"),)] == 2
    of_jobs = set(HISTOGRAMS) - {"http_request_seconds", "store_seconds"}
    assert {f"writing_{name}_count" for name in of_jobs} - {name for name, _ in found} == {
        "writing_job_seconds_count"
    }, "nothing was observed"


def in_database(settings: Settings, number: int) -> Settings:
    """Return the settings with another database of the same Redis, emptied."""
    url = urlsplit(settings.redis.url)._replace(path=f"/{number}").geturl()
    redis.Redis.from_url(url).flushdb()
    return settings.model_copy(update={"redis": settings.redis.model_copy(update={"url": url})})


def test_requests_are_counted_by_route_and_status(settings: Settings) -> None:
    """Requests to all processes are counted; unknown paths share one label."""
    settings = in_database(settings, 1)  # apps of earlier tests write their counts up to a second late
    first, second = (create_app(settings).test_client() for _ in range(2))
    for client in (first, second):
        client.get("/health")
        client.get("/api/writing/jobs/none")
    first.get("/nowhere")
    first.open("/elsewhere", method="BREW")
    first.application.extensions["writing"].http.flush()
    second.application.extensions["writing"].http.flush()
    found = {
        (labels["method"], labels["route"], labels["status"]): value
        for (name, pairs), value in scrape(settings).items()
        if name == "writing_http_request_seconds_count" and (labels := dict(pairs))
    }
    found.pop(("GET", "/metrics", "200"), None)  # the scrape itself
    assert found == {
        ("GET", "/health", "200"): 2, ("GET", "/api/writing/jobs/<job_id>", "404"): 2, ("-", "-", "404"): 2
    }  # fmt: skip


def test_requests_are_counted_a_second_later_without_a_scrape(settings: Settings) -> None:
    client = create_app(settings).test_client()
    client.get("/health")
    counted = JobMetrics(make_redis(settings.redis))
    eventually(lambda: "GET /health 200" in {one.label for one in counted.read("http_request_seconds")})


def test_requests_that_redis_refuses_to_count_are_counted_later(settings: Settings) -> None:
    settings = in_database(settings, 1)
    page, connection = create_app(settings).test_client(), make_redis(settings.redis)
    connection.set(Key.HISTOGRAM + "http_request_seconds", "not a hash")
    page.get("/health")
    page.application.extensions["writing"].http.flush()
    connection.delete(Key.HISTOGRAM + "http_request_seconds")
    page.application.extensions["writing"].http.flush()
    assert [one.label for one in JobMetrics(connection).read("http_request_seconds")] == ["GET /health 200"]


def test_calls_of_the_object_store_are_timed(settings: Settings, tmp_path: Path) -> None:
    """The store is a folder. One picture is put and got, and another cannot be put because a folder has its name."""
    metrics = JobMetrics(make_redis(settings.redis))
    store = open_store(f"file://{tmp_path}", note=metrics.note_store_call)
    assert store is not None
    store.put("a/0.png", b"png")
    assert store.get("a/0.png") == b"png"
    assert store.get("none") is None
    (tmp_path / "b").write_bytes(b"no folder")
    with pytest.raises(StoreUnavailable):
        store.put("b/0.png", b"png")
    found = {
        (labels["operation"], labels["outcome"]): value
        for (name, pairs), value in scrape(settings).items()
        if name == "writing_store_seconds_count" and (labels := dict(pairs))
    }
    assert found == {("get", "ok"): 2, ("put", "ok"): 1, ("put", "failed"): 1}


def test_a_command_that_redis_refuses_is_not_called_an_outage(settings: Settings, client: redis.Redis) -> None:
    """As when its user may not call INFO."""
    client.acl_setuser("w", enabled=True, passwords="+pw", keys="*", channels="*", commands=["+@all", "-info"])
    try:
        url = as_user(settings.redis.url, "w", "pw")
        answer = create_app(load_settings({"WRITING_REDIS__URL": url})).test_client().get("/metrics")
    finally:
        client.acl_deluser("w")
    assert answer.status_code == 503
    assert "Redis refuses a command" in answer.get_json()["detail"]


def test_poisoned_jobs_are_counted_from_zero(settings: Settings) -> None:
    """An alert compares their number with an earlier one, which a series that begins with its first failure lacks."""
    assert scrape(settings)["writing_failures_total", (("code", "poisoned"),)] == 0
