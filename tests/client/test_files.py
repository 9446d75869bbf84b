"""Files are written whole or not at all."""

import sys
from itertools import count
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from writing_client import files
from writing_client.files import write_atomically


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
