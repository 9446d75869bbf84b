"""Results: stored completely or not at all, read picture by picture, evicted oldest first, in Redis or elsewhere."""

import base64
import itertools
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
import requests
from celery.result import AsyncResult
from moto.server import ThreadedMotoServer

from api.app import create_app
from local.stack import free_port
from shared.celery_app import make_celery
from shared.errors import SettingsError
from shared.queue.keys import Key
from shared.queue.object_store import ObjectStore
from shared.queue.result_budget import MOST_MEMORY, REWRITE_BYTES, Budget, ResultSizes
from shared.queue.results import OBJECT_NAMES, pack
from shared.redis_client import make_redis
from shared.schemas import CONDITIONING_METHODS, CONTROL_TYPES, GenerationRequest
from shared.settings import Settings, load_settings
from tests.helpers import taken
from tests.results import SIZE, Publisher, at, picture, variations


@pytest.fixture(scope="module")
def s3() -> Iterator[None]:
    """A server with S3's API, and the variables that select it."""
    port = free_port()
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=port)
    server.start()
    url = f"http://127.0.0.1:{port}"
    variables = {
        "AWS_ENDPOINT_URL": url, "AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "k", "AWS_SECRET_ACCESS_KEY": "s",
    }  # fmt: skip
    assert requests.put(f"{url}/pictures", timeout=10).ok
    before = dict(os.environ)
    os.environ.update(variables)
    yield
    os.environ.clear()
    os.environ.update(before)
    server.stop()


@pytest.fixture(params=["redis", "file", "s3"])
def stored(request: pytest.FixtureRequest, settings: Settings, tmp_path: Path) -> Settings:
    if request.param == "s3":
        request.getfixturevalue("s3")
    address = {"redis": "redis", "file": f"file://{tmp_path}/pictures", "s3": "s3://pictures/some/where"}[request.param]
    return at(settings, address)


def test_celery_and_the_api_give_the_whole_result_and_each_picture(stored: Settings) -> None:
    job_id = Publisher(stored).publish(1)
    expected = picture(1)
    assert AsyncResult(job_id, app=make_celery(stored)).result == expected.model_dump(mode="json")
    page = create_app(stored).test_client()
    address = f"/api/writing/jobs/{job_id}"
    full = page.get(address)
    assert full.get_json()["result"] == expected.model_dump(mode="json")
    links = page.get(f"{address}?result=links").get_json()["result"]
    assert len(str(links)) < 500
    assert base64.b64encode(page.get(links["image_url"]).data).decode() == expected.generated_image_base64
    canny = page.get(links["conditioning_urls"]["canny"]["opencv_canny"])
    assert (canny.mimetype, len(canny.data)) == ("image/png", 500)
    for path in (address, f"{address}?result=links", links["image_url"]):
        tag = page.get(path).headers["ETag"]
        again = page.get(path, headers={"If-None-Match": tag})
        assert (again.status_code, again.data, again.headers["ETag"]) == (304, b"", tag)
    assert full.headers["ETag"] != page.get(f"{address}?result=links").headers["ETag"]
    wrong = page.get(f"{address}?result=nope")
    assert (wrong.status_code, wrong.get_json()["field"]) == (422, "result")


def test_each_variation_is_stored_once_and_has_an_address(stored: Settings) -> None:
    publisher, expected = Publisher(stored), variations(3, kept=1)
    job_id = publisher.publish(0, result=expected)
    assert AsyncResult(job_id, app=make_celery(stored)).result == expected.model_dump(mode="json")
    page = create_app(stored).test_client()
    address = f"/api/writing/jobs/{job_id}"
    assert page.get(address).get_json()["result"] == expected.model_dump(mode="json")
    links = page.get(f"{address}?result=links").get_json()["result"]
    assert links["variations"] == [
        {"image": f"{address}/variations/{number}/image", "seed": number, "legibility": {"score": 0.5},
         "kept": number == 1}
        for number in range(3)
    ]  # fmt: skip
    images = [page.get(link["image"]) for link in links["variations"]]
    for image, variation in zip(images, expected.variations, strict=True):
        assert image.mimetype == "image/png"
        assert base64.b64encode(image.data).decode() == variation.generated_image_base64
        again = page.get(image.request.path, headers={"If-None-Match": image.headers["ETag"]})
        assert (again.status_code, again.data) == (304, b"")
    kept = page.get(links["image_url"])
    assert (kept.data, kept.headers["ETag"]) == (images[1].data, images[1].headers["ETag"])
    document = publisher.results.get(job_id)
    assert document is not None
    assert [info.variation for info in document.pictures] == [1, 0, 2, None], "the kept one first, a map last"
    missing = page.get(f"{address}/variations/3/image")
    assert (missing.status_code, missing.get_json()["code"]) == (404, "variation_not_found")
    assert "it has 0 to 2" in missing.get_json()["detail"]
    assert page.get(f"{address}/variations/-1/image").get_json()["code"] == "not_found"


def test_a_single_picture_has_no_variations(settings: Settings) -> None:
    job_id = Publisher(settings).publish(1)
    page = create_app(settings).test_client()
    assert "variations" not in page.get(f"/api/writing/jobs/{job_id}?result=links").get_json()["result"]
    missing = page.get(f"/api/writing/jobs/{job_id}/variations/0/image")
    assert (missing.status_code, missing.get_json()["code"]) == (404, "variation_not_found")


def test_a_job_is_admitted_by_all_its_pictures_and_their_size(settings: Settings, client: redis.Redis) -> None:
    page = create_app(settings).test_client()

    def expected_bytes(**options: object) -> int:
        asked = {"word": "学", "include_conditioning": False, **options}
        job_id = page.post("/api/writing/generate-writing-image", json=asked).get_json()["job_id"]
        return int(client.hget(f"writing:job:{job_id}", "result_bytes") or 0)

    assert expected_bytes(variations=4) == 4 * expected_bytes()
    side = settings.active_model.default_size
    assert expected_bytes(width=2 * side, height=3 * side) == 6 * expected_bytes()
    canny, depth = (list(CONDITIONING_METHODS[kind]) for kind in ("canny", "depth"))
    maps = {"include_conditioning": True, "conditioning_methods": {"canny": canny[:2], "depth": depth[:2]}}
    a_map = (expected_bytes(include_conditioning=True) - expected_bytes()) / len(CONTROL_TYPES)
    assert expected_bytes(**maps) - expected_bytes() == pytest.approx(6 * a_map, abs=2)


def test_sizes_of_variations_are_learnt_as_pictures(client: redis.Redis) -> None:
    sizes = ResultSizes(client)
    for _ in range(100):
        sizes.learn(SIZE, pack("j", "t", variations(3, kept=1)))
    assert sizes.estimate(SIZE, maps=0, pictures=3) == pytest.approx(3 * SIZE, rel=0.01)
    assert sizes.estimate(SIZE, maps=1) == pytest.approx(SIZE + 500, rel=0.01)


def test_pictures_elsewhere_leave_redis_the_document_alone(stored: Settings) -> None:
    publisher = Publisher(stored)
    publisher.publish(1)
    is_in_redis = stored.results.store == "redis"
    assert (int(str(publisher.client.get(Key.RESULT_BYTES))) > SIZE) is is_in_redis
    assert bool(publisher.client.keys("writing:picture:*")) is is_in_redis


@pytest.mark.parametrize("stored", ["file", "s3"], indirect=True)
def test_expired_objects_are_swept(stored: Settings) -> None:
    job_id = Publisher(stored).publish(1)
    objects = ObjectStore.open(stored.results.store)
    others = ["family.txt", f"{job_id}/notes/0.png", f"{job_id}/{'0' * 32}/0.png.bak", "holiday/0/0.png"]
    for name in others:
        objects.put(name, b"not ours")
    now = time.time()
    assert objects.sweep(OBJECT_NAMES, before=now - 3600) == 0
    assert objects.sweep(OBJECT_NAMES, before=now + 3600) >= 2
    assert [objects.get(name) for name in others] == [b"not ours"] * len(others)
    assert objects.sweep(OBJECT_NAMES, before=now + 3600) == 0


def test_a_picture_that_the_api_cannot_find_in_its_store_is_unavailable_not_expired(
    settings: Settings, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """As with a shared folder that is mounted on one machine only."""
    job_id = Publisher(at(settings, f"file://{tmp_path}/workers")).publish(1)
    page = create_app(at(settings, f"file://{tmp_path}/apis")).test_client()
    for path in ("", "/image", "/conditioning/canny/opencv_canny"):
        answer = page.get(f"/api/writing/jobs/{job_id}{path}")
        assert (answer.status_code, answer.get_json()["code"]) == (503, "results_unavailable")
        assert answer.headers["Retry-After"]
    assert "is results.store the same for the API and every worker?" in caplog.text


def test_pictures_in_redis_can_be_read_after_a_store_has_been_set(settings: Settings, tmp_path: Path) -> None:
    job_id = Publisher(settings).publish(1)
    page = create_app(at(settings, f"file://{tmp_path}")).test_client()
    assert page.get(f"/api/writing/jobs/{job_id}/image").status_code == 200


def test_the_oldest_results_make_room_and_answer_410(settings: Settings) -> None:
    publisher = Publisher(settings)
    jobs = [publisher.publish(number, budget=5 * (SIZE + 2000)) for number in range(12)]
    page = create_app(settings).test_client()
    statuses = [page.get(f"/api/writing/jobs/{job}").status_code for job in jobs]
    assert statuses == [410] * 7 + [200] * 5
    assert page.get(f"/api/writing/jobs/{jobs[0]}/image").get_json()["code"] == "result_expired"
    assert len(publisher.client.keys("writing:picture:*")) == 5 * 2, "nothing is left of the old results"
    sizes = [int(size.split()[0]) for size in publisher.client.hvals(Key.RESULT_SIZES)]
    assert int(str(publisher.client.get(Key.RESULT_BYTES))) == sum(sizes) <= 5 * (SIZE + 2000)


def test_a_result_larger_than_the_budget_is_kept_alone(settings: Settings) -> None:
    publisher = Publisher(settings)
    first, last = publisher.publish(1, budget=100), publisher.publish(2, budget=100)
    page = create_app(settings).test_client()
    assert [page.get(f"/api/writing/jobs/{job}").status_code for job in (first, last)] == [410, 200]


def test_the_count_heals_when_redis_lets_results_expire(settings: Settings) -> None:
    short = settings.model_copy(update={"queue": settings.queue.model_copy(update={"result_ttl_s": 1})})
    publisher = Publisher(short)
    publisher.publish(1)
    publisher.client.zadd("writing:results", dict.fromkeys(publisher.client.zrange("writing:results", 0, -1), 1.0))
    last = publisher.publish(2)
    assert list(publisher.client.hgetall(Key.RESULT_SIZES)) == [last]
    assert int(str(publisher.client.get(Key.RESULT_BYTES))) < 1.2 * SIZE


def test_nothing_of_a_job_that_has_ended_stays_for_good(settings: Settings) -> None:
    publisher = Publisher(settings)
    job_id = "drawn-job"
    publisher.store.create(job_id, GenerationRequest(word="学"))
    lease = taken(publisher.leases, job_id)
    publisher.leases.save_preview(lease, b"jpeg", 2)
    new = pack(job_id, lease.token, picture(1))
    assert publisher.leases.publish(lease, Key.DOCUMENT + job_id, new.document, 1, pictures=new.pictures)
    left = publisher.client.keys(f"*{job_id}*")
    assert len(left) == 6, "record, events, preview, document and two pictures"
    assert all(publisher.client.ttl(key) > 0 for key in left)


def fill(publisher: Publisher, size: float) -> None:
    """Fill Redis with other data until this many bytes are in use."""
    for number in itertools.count():
        if publisher.store.memory()[0] > size:
            return
        publisher.client.set(f"other:{size}:{number}", b"x" * 50_000)


def test_results_give_way_to_what_else_grows(settings: Settings, client: redis.Redis) -> None:
    """They are evicted down to the newest one."""
    publisher, budget = Publisher(settings), Budget(client, settings.results, clock=itertools.count(step=10).__next__)
    client.config_set("maxmemory", client.info("memory")["used_memory"] + 20_000_000)
    try:
        maxmemory = client.info("memory")["maxmemory"]
        assert budget.limit() == int(settings.results.budget_share * maxmemory)
        jobs = [publisher.publish(number, budget.limit()) for number in range(10)]
        fill(publisher, 0.6 * maxmemory)
        assert 0 < budget.limit() < 0.3 * maxmemory
        fill(publisher, 0.81 * maxmemory)
        jobs.append(publisher.publish(10, budget.limit()))
        kept = [job for job in jobs if publisher.results.get(job)]
        assert kept[-1] == jobs[-1]
        assert len(kept) < len(jobs)
        assert kept == jobs[-len(kept) :]
        assert budget.use().evicted == len(jobs) - len(kept)
    finally:
        client.config_set("maxmemory", 0)


def test_results_do_not_give_way_to_a_rewrite_of_redis_s_file(
    settings: Settings, client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Redis 6 counts its buffer as used memory."""
    calm = {"maxmemory": 200_000_000, "used_memory": 100_000_000}
    rewriting = calm | {"used_memory": calm["used_memory"] + REWRITE_BYTES, "aof_rewrite_in_progress": 1}
    limits = []
    for memory in (calm, rewriting):
        monkeypatch.setattr(client, "info", lambda memory=memory: memory)
        limits.append(Budget(client, settings.results).limit())
    assert limits == [int(MOST_MEMORY * calm["maxmemory"]) - calm["used_memory"]] * 2


def test_results_do_not_give_way_to_one_another(
    settings: Settings, client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The budget is what all results may take, however many there are already."""
    limits = []
    for size in (0, 50_000_000):
        client.set(Key.RESULT_BYTES, size)
        memory = {"maxmemory": 200_000_000, "used_memory": 100_000_000 + size}
        monkeypatch.setattr(client, "info", lambda memory=memory: memory)
        limits.append(Budget(client, settings.results).limit())
    assert limits[0] == limits[1]


def test_a_full_redis_takes_a_finished_result(settings: Settings, client: redis.Redis) -> None:
    """Even one that was filled by other data."""
    publisher = Publisher(settings)
    old = publisher.publish(1)
    job_id = "job"
    publisher.store.create(job_id, GenerationRequest(word="学"))
    lease = taken(publisher.leases, job_id)
    new = pack(job_id, lease.token, picture(2))
    client.config_set("maxmemory", client.info("memory")["used_memory"] - 100_000)
    try:
        with pytest.raises(redis.ResponseError, match=r"OOM|maxmemory"):
            client.set("x", "y")
        assert publisher.leases.publish(
            lease, Key.DOCUMENT + job_id, new.document, 1, pictures=new.pictures, budget=SIZE + 2000
        )
    finally:
        client.config_set("maxmemory", 0)
    assert publisher.results.get(old) is None
    assert publisher.results.whole(publisher.results.get(job_id)) == picture(2).model_dump(mode="json")


def test_a_lost_lease_leaves_no_picture(stored: Settings) -> None:
    publisher = Publisher(stored)
    publisher.store.create("job", GenerationRequest(word="学"))
    lease = taken(publisher.leases, "job")
    publisher.leases.release(lease)
    new = pack("job", lease.token, picture(1))
    kept = publisher.results.store_elsewhere("job", lease.token, new)
    assert not publisher.leases.publish(lease, Key.DOCUMENT + "job", new.document, 1, pictures=kept)
    publisher.results.forget("job", lease.token, new)
    assert publisher.client.keys("writing:picture:*") == []
    if stored.results.store != "redis":
        assert ObjectStore.open(stored.results.store).get(f"job/{lease.token}/0.png") is None


def test_sizes_are_learnt(client: redis.Redis, settings: Settings) -> None:
    sizes = ResultSizes(make_redis(settings.redis))
    assert sizes.estimate(1024 * 1024, 4) == int(1024 * 1024 * 2.4)
    new = pack("job", "t", picture(1))
    for _ in range(100):
        sizes.learn(SIZE, new)
    assert sizes.estimate(2 * SIZE, 2) == pytest.approx(2 * SIZE + 2 * 2 * 500, rel=0.01)


@pytest.mark.parametrize("store", ["disk", "file://", "s3://", "gs://bucket", ""])
def test_a_wrong_store_is_told_by_its_name(store: str) -> None:
    with pytest.raises(SettingsError, match=r"results\.store"):
        load_settings({"WRITING_RESULTS__STORE": store})


def test_a_folder_that_cannot_be_used_is_told_by_its_name(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SettingsError, match=r"results\.store: .*/file"):
        ObjectStore.open(f"file://{tmp_path}/file")


def test_nothing_is_left_of_a_deleted_picture(tmp_path: Path) -> None:
    """Its folders would otherwise add up to millions."""
    objects = ObjectStore.open(f"file://{tmp_path}")
    objects.put("job/token/0.png", b"")
    objects.delete(["job/token/0.png"])
    assert list(tmp_path.iterdir()) == []
