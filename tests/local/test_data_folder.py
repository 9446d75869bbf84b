"""One Redis per data folder: the lock in the file system."""

import os
import subprocess
from pathlib import Path

import pytest

from local.data_folder import PIDFILE, lock_folder
from shared.errors import SettingsError


def test_a_folder_is_made_and_has_one_owner_at_a_time(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "redis"
    lock = lock_folder(folder)
    (folder / PIDFILE).write_text("4711\n")
    with pytest.raises(SettingsError, match=r"redis is in use .* `kill 4711` .* --data FOLDER"):
        lock_folder(folder)
    os.close(lock)
    os.close(lock_folder(folder))


def test_whoever_inherits_the_lock_keeps_it(tmp_path: Path) -> None:
    lock = lock_folder(tmp_path)
    heir = subprocess.Popen(["sleep", "60"], pass_fds=[lock])
    os.close(lock)
    with pytest.raises(SettingsError, match="in use"):
        lock_folder(tmp_path)
    heir.kill()
    heir.wait()
    os.close(lock_folder(tmp_path))


def test_other_programs_do_not_inherit_it(tmp_path: Path) -> None:
    lock = lock_folder(tmp_path)
    other = subprocess.Popen(["sleep", "60"])
    os.close(lock)
    os.close(lock_folder(tmp_path))
    other.kill()
    other.wait()


def test_what_cannot_be_a_folder_is_named(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    for path in (file, file / "redis"):
        with pytest.raises(SettingsError, match=r"file.*cannot be used .*--data FOLDER"):
            lock_folder(path)
