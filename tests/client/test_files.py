"""Files are written whole or not at all."""

import os
import sys
from itertools import count
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from writing_client import files
from writing_client.files import check_file, write_atomically


def interrupt_at(line: int) -> Any:
    """Return a trace function that interrupts the program before the n-th line of `files` that runs."""
    lines = count()

    def trace(frame: FrameType, event: str, _argument: object) -> Any:
        if frame.f_code.co_filename != files.__file__:
            return None
        if event == "line" and next(lines) == line:
            raise KeyboardInterrupt
        return trace

    return trace


# A file that is interrupted while it is being opened or closed is left to the garbage collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_an_interrupt_at_any_line_leaves_the_old_file_or_the_new_one(tmp_path: Path) -> None:
    path = tmp_path / "deck.json"
    before = sys.gettrace()
    for line in count():
        path.write_bytes(b"old")
        sys.settrace(interrupt_at(line))
        try:
            write_atomically(path, b"new")
            break
        except KeyboardInterrupt:
            pass
        finally:
            sys.settrace(before)
        assert [file.name for file in tmp_path.iterdir()] == ["deck.json"]
        assert path.read_bytes() in {b"old", b"new"}
    assert line > 8
    assert path.read_bytes() == b"new"


def test_a_name_as_long_as_names_can_be_is_written(tmp_path: Path) -> None:
    path = tmp_path / f"{'n' * 251}.png"
    check_file(path)
    assert not path.exists()
    assert write_atomically(path, b"png").read_bytes() == b"png"
    with pytest.raises(OSError, match="name too long"):
        check_file(tmp_path / f"{'n' * 252}.png")
    assert list(tmp_path.iterdir()) == [path]


def test_what_is_no_file_is_never_replaced(tmp_path: Path) -> None:
    """As /dev/null, or a pipe that another program reads."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for write in (check_file, lambda path: write_atomically(path, b"new")):
        with pytest.raises(FileExistsError, match="Not a regular file"):
            write(pipe)
    assert pipe.is_fifo()


def test_a_link_stays_and_its_file_is_replaced(tmp_path: Path) -> None:
    file, link = tmp_path / "file", tmp_path / "link"
    file.write_bytes(b"old")
    link.symlink_to("file")
    write_atomically(link, b"new")
    assert link.is_symlink()
    assert file.read_bytes() == b"new"
