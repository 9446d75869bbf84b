"""Redis down, no worker, a full queue, a broken model, several workers, each with a separate service."""

import os
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
import redis
import requests

from local.stack import Stack
from shared.queue.workers import WorkerRegistry
from shared.redis_client import make_redis
from shared.settings import Settings
from tests.helpers import Api, answers, as_user, child, eventually
from tests.system.compiling_worker import COMPILING

READY_S = 90
WORD = {"word": "学", "num_inference_steps": 2}


@pytest.fixture(scope="module")
def without_worker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    folder = tmp_path_factory.mktemp("bare")
    environment = {"WRITING_QUEUE__LIMIT": "3"}
    with Stack(workers=0, data_folder=folder, log_folder=folder, environment=environment) as stack:
        stack.wait_for(lambda: answers(stack.url), READY_S, "the API")
        yield stack


@pytest.fixture
def bare(without_worker: Stack) -> Stack:
    """Redis, which is emptied, and API without a worker, with room for three jobs."""
    redis.Redis.from_url(without_worker.redis_url).flushdb()
    return without_worker


def test_without_a_worker_jobs_wait_and_the_service_is_not_ready(bare: Stack) -> None:
    api = Api(bare.url)
    ready = api.get("/health/ready")
    assert (ready.status_code, ready.json()["code"]) == (503, "not_ready")
    assert ready.headers["Retry-After"]
    assert api.get("/health").status_code == 200
    assert api.get("/health/detailed").json()["status"] == "degraded"
    jobs = [api.submit(**WORD).json()["job_id"] for _ in range(3)]
    assert [api.job(job)["queue_position"] for job in jobs] == [0, 1, 2]
    full = api.submit(**WORD)
    assert (full.status_code, full.json()["code"]) == (429, "queue_full")
    assert int(full.headers["Retry-After"]) > 0
    assert api.cancel(jobs[0]).json()["status"] == "cancelled"
    assert [api.job(job)["queue_position"] for job in jobs[1:]] == [0, 1]
    assert api.submit(**WORD).status_code == 202


def test_redis_away_is_a_503_within_two_seconds_and_heals(bare: Stack) -> None:
    api = Api(bare.url)
    job_id = api.submit(**WORD).json()["job_id"]
    redis_server = child(bare, "redis")
    # While it waits for the disk, Redis postpones what it appends to its file.
    eventually(lambda: not redis.Redis.from_url(bare.redis_url).info("persistence")["aof_buffer_length"])
    redis_server.process.kill()
    redis_server.process.wait()
    for ask in (lambda: api.submit(**WORD), lambda: api.get(f"/api/writing/jobs/{job_id}"), lambda: api.cancel(job_id),
                lambda: api.get("/api/writing/status"), lambda: api.get("/health/ready"),
                lambda: requests.post(api.url + "/health/warmup", timeout=10)):  # fmt: skip
        answer = ask()
        assert (answer.status_code, answer.json()["code"]) == (503, "queue_unavailable")
        assert answer.headers["Retry-After"]
    assert api.get("/health").status_code == 200
    health = api.get("/health/detailed").json()
    assert (health["status"], health["service_status"]) == ("unavailable", None)
    assert health["error"]
    eventually(lambda: bare.supervisor.check() or api.get("/health/detailed").json()["redis"])
    assert api.job(job_id)["status"] == "queued", "the append-only file kept it"
    assert api.submit(**WORD).status_code == 202


def test_a_frozen_redis_is_a_503_while_it_is_frozen(bare: Stack) -> None:
    """A Redis that accepts connections but does not answer."""
    api = Api(bare.url)
    process = child(bare, "redis").process
    api.submit(**WORD)
    process.send_signal(signal.SIGSTOP)
    try:
        answer = api.submit(**WORD)
        assert (answer.status_code, answer.json()["code"]) == (503, "queue_unavailable")
    finally:
        process.send_signal(signal.SIGCONT)
    eventually(lambda: api.submit(**WORD).status_code in {202, 429})


@pytest.mark.slow
def test_a_job_outlives_a_restart_of_redis(tmp_path: Path) -> None:
    """Redis dies while a picture is drawn, and comes back: the picture is published, once."""
    with Stack(data_folder=tmp_path / "redis", log_folder=tmp_path) as stack:
        api = Api(stack.url)
        stack.wait_until_ready(READY_S)
        job_id = api.submit(word="学", num_inference_steps=40).json()["job_id"]
        eventually(lambda: api.job(job_id)["progress"]["step"] >= 3)
        child(stack, "redis").process.kill()
        eventually(lambda: api.get(f"/api/writing/jobs/{job_id}").status_code == 503)
        stack.wait_for(lambda: api.get(f"/api/writing/jobs/{job_id}").status_code == 200, READY_S, "Redis")
        assert api.finished(job_id)["status"] == "succeeded"
        assert (tmp_path / "worker-1.log").read_text().count("generated '学'") == 1
        assert api.draw(**WORD)["success"], "the worker takes jobs again"


@pytest.mark.slow
def test_two_workers_share_ten_jobs(tmp_path: Path) -> None:
    with Stack(workers=2, data_folder=tmp_path / "redis", log_folder=tmp_path) as stack:
        api = Api(stack.url)
        warm = lambda: api.get("/health/ready").json().get("warm_workers") == 2  # noqa: E731
        stack.wait_for(lambda: answers(stack.url) and warm(), READY_S, "two workers")
        jobs = [api.submit(word="学", num_inference_steps=6).json()["job_id"] for _ in range(10)]
        assert Counter(api.finished(job)["status"] for job in jobs) == {"succeeded": 10}
        done = [(tmp_path / f"worker-{number}.log").read_text().count("generated '学'") for number in (1, 2)]
        assert sum(done) == 10
        assert min(done) >= 2, done


@pytest.mark.slow
def test_a_worker_may_load_its_model_on_demand(tmp_path: Path) -> None:
    environment = {"WRITING_WORKER__LOAD_AT_START": "false"}
    with Stack(data_folder=tmp_path / "redis", log_folder=tmp_path, environment=environment) as stack:
        api = Api(stack.url)
        stack.wait_for(lambda: answers(stack.url), READY_S, "the API")
        states = lambda: [worker["state"] for worker in api.get("/api/writing/status").json()["workers"]]  # noqa: E731
        stack.wait_for(lambda: states() == ["cold"], READY_S, "a cold worker")
        assert api.get("/health/ready").status_code == 503
        ready = lambda: "ready." in (tmp_path / "worker-1.log").read_text()  # noqa: E731
        stack.wait_for(ready, READY_S, "Celery")
        assert requests.post(api.url + "/health/warmup", timeout=10).status_code == 202
        stack.wait_for(lambda: states() == ["warm"], READY_S, "a warm worker")
        assert api.draw(**WORD)["success"]


def start_worker(
    redis_url: str, program: Sequence[str] = ("cli", "worker"), **environment: str
) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", *program],
        env={**os.environ, "WRITING_REDIS__URL": redis_url, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=Path(__file__).parents[2],
    )


def run_with_a_broken_model(project: Path, folder: Path, redis_url: str, **environment: str) -> None:
    """Run a worker whose VAE is cut short until it ends, and check its last words."""
    model = Path(shutil.copytree(project / "worker/data/embedded_model", folder / "model"))
    weights = model / "vae" / "diffusion_pytorch_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    process = start_worker(redis_url, WRITING_MODELS__EMBEDDED__BASE=str(model), **environment)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == os.EX_CONFIG, output
    assert "vae/diffusion_pytorch_model.safetensors is damaged or incomplete" in output


@pytest.mark.slow
def test_a_broken_model_ends_the_worker_with_the_reason(tmp_path: Path, project: Path, redis_url: str) -> None:
    run_with_a_broken_model(project, tmp_path, redis_url)


@pytest.mark.slow
@pytest.mark.parametrize("load_at_start", ["true", "false"])
def test_a_job_outlives_a_broken_model(tmp_path: Path, project: Path, bare: Stack, load_at_start: str) -> None:
    """Found at the start, or by the first job, which then waits for a worker that has the model."""
    api = Api(bare.url)
    job_id = api.submit(**WORD).json()["job_id"]
    run_with_a_broken_model(project, tmp_path, bare.redis_url, WRITING_WORKER__LOAD_AT_START=load_at_start)
    assert api.job(job_id)["status"] in {"queued", "running"}
    healthy = start_worker(bare.redis_url)
    try:
        assert api.finished(job_id)["status"] == "succeeded"
    finally:
        healthy.terminate()
        healthy.communicate(timeout=30)
    assert healthy.returncode == 0


@pytest.mark.slow
def test_what_only_a_worker_can_know_fails_the_job_with_the_same_code(bare: Stack) -> None:
    """The API has a font that this worker lacks: the job fails as the request would have."""
    api = Api(bare.url)
    process = start_worker(bare.redis_url, WRITING_FONTS="[]")
    try:
        answer = api.submit(word="ひ", translation="sun", headers={"Prefer": "wait=60"})
        assert (answer.status_code, answer.json()["code"]) == (422, "unsupported_character")
        assert "HIRAGANA LETTER HI" in answer.json()["detail"]
        job = api.job(answer.headers["Location"].rsplit("/", 1)[1])
        assert (job["status"], job["error"]["code"], job["error"]["field"]) == (
            "failed",
            "unsupported_character",
            "word",
        )
        assert api.draw(**WORD)["success"], "the worker continues"
    finally:
        process.terminate()
        process.communicate(timeout=30)


def test_a_wrong_setting_ends_worker_and_api_with_its_name(redis_url: str) -> None:
    process = start_worker(redis_url, WRITING_MODLE="x")
    output, _ = process.communicate(timeout=60)
    assert process.returncode == os.EX_CONFIG
    assert "did you mean 'model'" in output
    api = subprocess.run(
        [sys.executable, "-m", "cli", "api"],
        env={**os.environ, "WRITING_API__PORT": "x"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert api.returncode == os.EX_CONFIG
    assert "api.port" in api.stderr


@pytest.mark.parametrize("program", ["api", pytest.param("worker", marks=pytest.mark.slow)])
def test_a_redis_user_who_lacks_a_right_ends_worker_and_api_with_it(
    settings: Settings, client: redis.Redis, program: str
) -> None:
    """Otherwise the API would answer every call with 503, and ask to try again later."""
    client.execute_command("ACL", "SETUSER", "w", "on", ">pw", "~*", "&*", "+@all", "-@scripting")
    try:
        ended = subprocess.run(
            [sys.executable, "-m", "cli", program],
            env={**os.environ, "WRITING_REDIS__URL": as_user(settings.redis.url, "w", "pw")},
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
    finally:
        client.acl_deluser("w")
    assert ended.returncode == os.EX_CONFIG, ended.stderr
    assert "cannot start: redis.url" in ended.stderr


@pytest.mark.slow
@pytest.mark.parametrize("program", ["api", pytest.param("worker", marks=pytest.mark.slow)])
def test_a_wrong_logging_configuration_ends_worker_and_api_with_its_name(
    tmp_path: Path, redis_url: str, program: str
) -> None:
    (tmp_path / "logging.yaml").write_text("version: 1\nhandlers: {}\nroot: {handlers: [printer]}\n")
    ended = subprocess.run(
        [sys.executable, "-m", "cli", program],
        env={**os.environ, "WRITING_REDIS__URL": redis_url, "WRITING_CONFIG": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert ended.returncode == os.EX_CONFIG, ended.stderr
    assert "logging.yaml" in ended.stderr
    assert "Traceback" not in ended.stderr


DATA = "shared/writing/data"


def copy_of(project: Path, folder: Path, missing: str) -> Path:
    """Return a copy of the service without a data file; the other data files are the project's own."""
    for name in ("api", "cli", "worker", "config"):
        (folder / name).symlink_to(project / name)
    shutil.copytree(project / "shared", folder / "shared", ignore=shutil.ignore_patterns("data", "__pycache__"))
    (folder / DATA).mkdir()
    for file in (project / DATA).iterdir():
        if file.name != missing:
            (folder / DATA / file.name).symlink_to(file)
    return folder


@pytest.mark.parametrize(
    ("fault", "program"),
    [
        pytest.param(("imagery.sqlite", "not found"), "api", marks=pytest.mark.slow),
        pytest.param(("imagery.sqlite", "not found"), "worker", marks=pytest.mark.slow),
        (("imagery.sqlite", "is damaged"), "api"),
        pytest.param(("imagery.sqlite", "is damaged"), "worker", marks=pytest.mark.slow),
        pytest.param(("english_words.txt", "not found"), "worker", marks=pytest.mark.slow),
    ],
)
def test_a_data_file_that_cannot_be_read_ends_worker_and_api_with_its_name(
    tmp_path: Path, project: Path, redis_url: str, fault: tuple[str, str], program: str
) -> None:
    name, reason = fault
    folder = copy_of(project, tmp_path, missing=name)
    if reason == "is damaged":
        whole = (project / DATA / name).read_bytes()
        (folder / DATA / name).write_bytes(whole[: len(whole) // 2])
    ended = subprocess.run(
        [sys.executable, "-m", "cli", program],
        env={**os.environ, "WRITING_REDIS__URL": redis_url, "PYTHONPATH": str(folder)},
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert ended.returncode == os.EX_CONFIG, ended.stderr
    assert reason in ended.stderr
    assert str(folder / DATA / name) in ended.stderr


@pytest.mark.slow
def test_a_worker_that_is_stopped_while_it_loads_ends_at_once_and_signs_off(settings: Settings) -> None:
    """A process without a handler for the signal ignores it as a container's first one, and takes jobs."""
    registry = WorkerRegistry(make_redis(settings.redis), settings.worker.stale_after_s)
    process = start_worker(settings.redis.url)
    eventually(registry.workers, 120)
    process.terminate()
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 0, output
    assert registry.workers() == []


@contextmanager
def compiling_worker(redis_url: str, **environment: str) -> Iterator[subprocess.Popen[str]]:
    """A worker that compiles its VAE until it is stopped."""
    with start_worker(redis_url, ("tests.system.compiling_worker",), **environment) as process:
        try:
            assert process.stdout is not None
            assert any(COMPILING in line for line in process.stdout), "the worker has ended"
            yield process
        finally:
            process.kill()


@pytest.mark.slow
@pytest.mark.usefixtures("interruptible")
@pytest.mark.parametrize(("sent", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_a_worker_that_is_stopped_while_it_compiles_does_not_wait_for_the_compiler(
    settings: Settings, sent: signal.Signals, code: int
) -> None:
    registry = WorkerRegistry(make_redis(settings.redis), settings.worker.stale_after_s)
    with compiling_worker(settings.redis.url) as process:
        process.send_signal(sent)
        output, _ = process.communicate(timeout=60)
    assert process.returncode == code, output
    assert registry.workers() == []


@pytest.mark.slow
def test_the_job_of_a_worker_that_is_stopped_while_it_compiles_waits_for_another(bare: Stack) -> None:
    api = Api(bare.url)
    job_id = api.submit(**WORD).json()["job_id"]
    with compiling_worker(bare.redis_url, WRITING_WORKER__LOAD_AT_START="false") as process:
        process.terminate()
        output, _ = process.communicate(timeout=60)
    assert process.returncode == 0, output
    assert f"job {job_id} requeued" in output
    assert api.job(job_id)["status"] == "queued"
    assert api.get("/api/writing/status").json()["workers"] == []


@pytest.mark.slow
def test_a_worker_that_died_is_started_again(tmp_path: Path) -> None:
    with Stack(data_folder=tmp_path / "redis", log_folder=tmp_path) as stack:
        api = Api(stack.url)
        stack.wait_until_ready(READY_S)
        first = child(stack, "worker-1").process
        first.kill()
        stack.wait_for(lambda: child(stack, "worker-1").process.pid != first.pid, READY_S, "another process")
        # The dead worker stays listed for some seconds, so wait for its successor by name.
        successor = str(child(stack, "worker-1").process.pid)
        listed = lambda: [  # noqa: E731
            worker["worker_id"].split("-")[0]
            for worker in api.get("/api/writing/status").json()["workers"]
            if worker["state"] == "warm"
        ]
        stack.wait_for(lambda: successor in listed(), READY_S, "the successor")
        assert api.draw(**WORD)["success"]
