import json
import time

import fakeredis
import pytest

from shared.queue.workers import WorkerRegistry
from shared.schemas import ControlType, GPUStatus, WorkerInfo, WorkerState


def info(
    worker_id: str,
    state: WorkerState = WorkerState.WARM,
    methods: dict[ControlType, tuple[str, ...]] | None = None,
) -> WorkerInfo:
    return WorkerInfo(
        worker_id=worker_id,
        state=state,
        model="embedded",
        device="cpu",
        concurrency=4,
        batch_limit=2,
        methods={"canny": ("opencv_canny",), **(methods or {})},
        unavailable_methods={"ai_depth_estimation": "no model"},
        running=0,
        gpu_status=GPUStatus(
            available=False, name="CPU", profile="cpu", total_memory_gib=8, free_memory_gib=4, used_memory_gib=1
        ),
        started_at=0.0,
    )


def registry(stale_after_s: float = 5.0) -> WorkerRegistry:
    return WorkerRegistry(fakeredis.FakeRedis(decode_responses=True), stale_after_s)


def test_workers_are_listed_until_they_are_struck_off() -> None:
    workers = registry()
    assert workers.workers() == []
    workers.publish(info("b@host"))
    workers.publish(info("a@host", WorkerState.LOADING))
    assert [worker.worker_id for worker in workers.workers()] == ["a@host", "b@host"]
    workers.remove("b@host")
    assert [worker.worker_id for worker in workers.workers()] == ["a@host"]


def test_a_method_is_unavailable_only_if_no_worker_has_it() -> None:
    workers = registry()
    assert workers.unavailable_methods() == {}
    workers.publish(info("a@host"))
    assert workers.unavailable_methods() == {"ai_depth_estimation": "no model"}
    workers.publish(info("b@host", methods={"depth": ("ai_depth_estimation",)}))
    assert workers.unavailable_methods() == {}


def test_a_silent_worker_is_forgotten() -> None:
    workers = registry(stale_after_s=0.05)
    workers.publish(info("a@host"))
    time.sleep(0.1)
    assert workers.workers() == []


@pytest.mark.parametrize("text", ["{", "[]", "{}", '"x"', '{"worker_id": "b@host", "state": "dreaming"}'])
def test_a_worker_that_cannot_be_read_hides_no_other(text: str, caplog: pytest.LogCaptureFixture) -> None:
    client = fakeredis.FakeRedis(decode_responses=True)
    workers = WorkerRegistry(client, 5.0)
    workers.publish(info("a@host"))
    client.set("writing:worker:b@host", text)
    client.zadd("writing:workers", {"b@host": time.time()})
    assert [worker.worker_id for worker in workers.workers()] == ["a@host"]
    assert "cannot read a worker's state" in caplog.text


def test_a_newer_worker_s_fields_are_left_alone() -> None:
    client = fakeredis.FakeRedis(decode_responses=True)
    workers = WorkerRegistry(client, 5.0)
    described = info("a@host").model_dump(mode="json")
    described |= {"mood": "new", "gpu_status": described["gpu_status"] | {"fans": 3}}
    client.set("writing:worker:a@host", json.dumps(described))
    client.zadd("writing:workers", {"a@host": time.time()})
    assert workers.workers() == [info("a@host")]
