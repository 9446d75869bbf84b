"""Fixtures for all tests: a private real Redis, the real data, small helpers."""

import gc
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis
from hypothesis import settings as hypothesis_settings

from local.private_redis import PrivateRedis
from local.stack import HOST, Stack, free_port
from local.supervisor import Supervisor
from shared.queue.leases import Leases
from shared.queue.store import JobStore
from shared.redis_client import make_redis
from shared.settings import Settings, load_settings
from shared.writing.characters import CharacterDatabase
from shared.writing.dictionaries import Dictionaries
from shared.writing.fonts import FontCoverage, read_fonts
from shared.writing.imagery import Imagery
from shared.writing.language import Language
from tests.helpers import Api, eventually
from worker.glyphs import GlyphRenderer

READY_S = 90

# The tests connect only to this machine; a proxy from the environment would look for it elsewhere.
os.environ["no_proxy"] = "localhost,127.0.0.1,::1"  # takes precedence over NO_PROXY

# Processes that the tests start draw small pictures in few steps: most tests only need some picture.
os.environ["WRITING_MODELS__EMBEDDED__DEFAULT_SIZE"] = "256"
os.environ["WRITING_MODELS__EMBEDDED__NUM_INFERENCE_STEPS"] = "4"
# In float32, a picture does not depend on its neighbours by a single bit.
os.environ["WRITING_MODELS__EMBEDDED__DTYPE"] = "float32"

# No example fails for a machine that is slow.
hypothesis_settings.register_profile("tests", deadline=None)
hypothesis_settings.load_profile("tests")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Spread the files of each folder over the run, since some folders mostly wait and others mostly compute."""
    folders: dict[Path, list[Path]] = {}
    for path in dict.fromkeys(item.path for item in items):
        folders.setdefault(path.parent, []).append(path)
    place = {path: (number + 0.5) / len(paths) for paths in folders.values() for number, path in enumerate(paths)}
    items.sort(key=lambda item: place[item.path])


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop() -> None:
    """Let the garbage collector work again (see `tests/__init__.py`), except on what has been imported."""
    gc.freeze()
    gc.enable()


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real Redis on a free port, only for this test run."""
    folder = tmp_path_factory.mktemp("redis")
    server = PrivateRedis(HOST, free_port())
    supervisor = Supervisor(folder)
    supervisor.start(server.program(folder))
    eventually(server.answers)
    yield server.url
    supervisor.end()


@pytest.fixture(scope="session")
def default_settings(redis_url: str) -> Settings:
    """The default settings with the test run's Redis. Reading them takes a twentieth of a second."""
    return load_settings({"WRITING_REDIS__URL": redis_url})


@pytest.fixture
def settings(default_settings: Settings, redis_url: str) -> Settings:
    """The default settings with the test run's Redis, which is emptied."""
    redis.Redis.from_url(redis_url).flushdb()
    return default_settings


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """One running service (real Redis, API and worker processes), shared by all tests that leave it unchanged."""
    folder = tmp_path_factory.mktemp("service")
    with Stack(data_folder=folder / "redis", log_folder=folder / "logs") as running:
        running.wait_until_ready(READY_S)
        yield running


@pytest.fixture(scope="session")
def api(stack: Stack) -> Api:
    return Api(stack.url)


@pytest.fixture(scope="session")
def dictionaries() -> Dictionaries:
    return Dictionaries()


@pytest.fixture(scope="session")
def database(dictionaries: Dictionaries) -> CharacterDatabase:
    return dictionaries[Language.CHINESE]


@pytest.fixture(scope="session")
def imagery() -> Imagery:
    return Imagery()


@pytest.fixture(scope="session")
def fonts() -> tuple[FontCoverage, ...]:
    return read_fonts(load_settings({}).fonts)


@pytest.fixture(scope="session")
def glyphs(database: CharacterDatabase, fonts: tuple[FontCoverage, ...]) -> GlyphRenderer:
    return GlyphRenderer(database, fonts)


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Enable Ctrl-C, also when the tests run as a shell's background job, which ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(scope="session")
def project() -> Path:
    return Path(__file__).resolve().parents[1]


@pytest.fixture
def client(settings: Settings) -> Iterator[redis.Redis]:
    client = make_redis(settings.redis)
    yield client
    client.connection_pool.disconnect()


@pytest.fixture
def store(client: redis.Redis, settings: Settings) -> JobStore:
    return JobStore(client, settings.queue)


@pytest.fixture
def no_hub_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "none"))


@pytest.fixture
def worker(client: redis.Redis, store: JobStore, settings: Settings) -> Callable[[str], Leases]:
    """The leases of a worker with a given name."""
    return lambda name: Leases(client, store, settings.queue, name)


@pytest.fixture
def leases(worker: Callable[[str], Leases]) -> Leases:
    """The leases of one worker."""
    return worker("worker")
