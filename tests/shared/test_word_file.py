"""Files of words that are damaged."""

from pathlib import Path

import pytest

from shared.errors import SettingsError
from shared.writing.word_file import read_words


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "not found"),
        (b"", "is empty"),
        (b"\n", "is empty"),
        (b"fox\nca", "is cut off"),
        (b"\xff\n", "cannot be read"),
    ],
)
def test_a_damaged_file_of_words_is_named(tmp_path: Path, content: bytes | None, reason: str) -> None:
    path = tmp_path / "words.txt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(SettingsError, match=f"list of words {reason}: {path}"):
        read_words(path, "list of words")
