"""A file of motifs that cannot be read is named as it is opened, and not met by a job later."""

import re
from pathlib import Path

import pytest

from shared.errors import SettingsError
from shared.writing.imagery import DATABASE_PATH, Imagery

WHOLE = DATABASE_PATH.read_bytes()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        WHOLE[:100],
        WHOLE[:8192],
        WHOLE[: len(WHOLE) // 2],
        WHOLE[:-100],
        WHOLE[:100_000] + bytes(100_000) + WHOLE[200_000:],
        b"not a database " * 1000,
    ],
    ids=["empty", "header", "a page", "half", "cut", "a hole", "garbage"],
)
def test_a_damaged_file_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "imagery.sqlite"
    path.write_bytes(content)
    with pytest.raises(SettingsError, match=re.escape(f"imagery database is damaged: {path}")):
        Imagery(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"imagery database not found: .*no\.sqlite"):
        Imagery(tmp_path / "no.sqlite")
    with pytest.raises(SettingsError, match="not found"):
        Imagery(tmp_path)
