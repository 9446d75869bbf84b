"""The deletion of expired pictures from an object store."""

import os
import time
import uuid
from collections.abc import Callable
from datetime import datetime, timedelta, tzinfo
from pathlib import Path
from typing import Self

import pytest
import redis

from shared.errors import SettingsError
from shared.queue.object_store import ObjectStore
from shared.settings import load_settings
from worker.background.sweeper import Sweeper
from worker.main import make_sweeper

TTL_S = 3600


def picture() -> str:
    return f"{uuid.uuid4()}/{uuid.uuid4().hex}/0.png"


@pytest.fixture
def sweeper(client: redis.Redis, tmp_path: Path) -> Callable[[str], Sweeper]:
    """The sweeper of a worker with a given name."""
    return lambda worker: Sweeper(client, ObjectStore.open(f"file://{tmp_path}"), worker, TTL_S)


def put(folder: Path, name: str, age_s: float) -> Path:
    file = folder / name
    file.parent.mkdir(parents=True)
    file.touch()
    os.utime(file, (time.time() - age_s,) * 2)
    return file


def test_what_is_not_ours_stays(sweeper: Callable[[str], Sweeper], tmp_path: Path) -> None:
    """The store may be a folder or bucket in which others keep their files."""
    old, new = put(tmp_path, picture(), 2 * TTL_S), put(tmp_path, picture(), 0)
    other = put(tmp_path, "holiday/family.png", 2 * TTL_S)
    assert sweeper("a").sweep() == 1
    assert [file.exists() for file in (old, new, other)] == [False, True, True]


def test_a_folder_that_cannot_be_written_is_named_before_any_job(client: redis.Redis, tmp_path: Path) -> None:
    """Otherwise each job would wait for it, with its picture drawn."""
    closed, open_ = (load_settings({"WRITING_RESULTS__STORE": f"file://{path}"}) for path in ("/sys", tmp_path))
    with pytest.raises(SettingsError, match=r"results\.store: file:///sys cannot be written"):
        make_sweeper(client, "a", closed)
    assert make_sweeper(client, "a", open_) is not None
    assert list(tmp_path.iterdir()) == [], "nothing is left"


class Tomorrow(datetime):
    """The clock of a worker that is a day ahead."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> Self:
        return super().now(tz) + timedelta(days=1)


def test_a_worker_whose_clock_is_ahead_deletes_nothing_early(
    sweeper: Callable[[str], Sweeper], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    new = put(tmp_path, picture(), 0)
    tomorrow = time.time() + 86_400
    monkeypatch.setattr("time.time", lambda: tomorrow)
    monkeypatch.setattr("shared.queue.object_store.datetime", Tomorrow)
    assert sweeper("a").sweep() == 0
    assert new.exists()


def not_utf8(folder: Path) -> None:
    (folder / os.fsdecode(b"caf\xe9.png")).touch()


def not_utf8_folder(folder: Path) -> None:
    put(folder, os.fsdecode(b"caf\xe9/menu.png"), 0)


def control_character(folder: Path) -> None:
    (folder / "menu\x01.png").touch()


def link_to_its_parent(folder: Path) -> None:
    (folder / "loop").symlink_to(folder)


@pytest.mark.parametrize("make", [not_utf8, not_utf8_folder, control_character, link_to_its_parent])
def test_a_foreign_entry_that_cannot_be_listed_is_skipped(
    sweeper: Callable[[str], Sweeper], tmp_path: Path, make: Callable[[Path], None], caplog: pytest.LogCaptureFixture
) -> None:
    old = [put(tmp_path, picture(), 2 * TTL_S) for _ in range(3)]
    make(tmp_path)
    assert sweeper("a").sweep() == len(old)
    assert not any(file.exists() for file in old)
    assert "entries skipped that cannot be listed: 1" in caplog.text


def test_one_worker_sweeps_for_all(sweeper: Callable[[str], Sweeper], tmp_path: Path) -> None:
    put(tmp_path, picture(), 2 * TTL_S)
    assert sweeper("a").sweep() == 1
    put(tmp_path, picture(), 2 * TTL_S)
    assert sweeper("b").sweep() == 0, "a has just done so"


def test_a_store_that_does_not_answer_is_told(
    client: redis.Redis, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    objects = ObjectStore.open("s3://pictures")
    failing = Sweeper(client, objects, "a", TTL_S)
    failing.start()
    failing.stop()
    assert "the next sweep deletes them" in caplog.text
