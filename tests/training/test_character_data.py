"""The scripts that make the databases and fonts, without their sources."""

import bz2
from collections.abc import Callable
from pathlib import Path

import pytest

from training import character_data, fonts, japanese_characters


@pytest.mark.parametrize("build", [character_data.build, japanese_characters.build])
def test_without_its_sources_a_database_stays(tmp_path: Path, build: Callable[[Path, Path, Path], None]) -> None:
    output, unihan, folder = tmp_path / "characters.sqlite", tmp_path / "Unihan.bz2", tmp_path / "strokes"
    output.write_bytes(b"as before")
    folder.mkdir()
    unihan.write_bytes(bz2.compress(b"U+4E00\tkRSUnicode\t1.0\n"))
    with pytest.raises(FileNotFoundError, match="no characters"):
        build(folder, unihan, output)
    for name in ("一.json", "19968.svg"):
        (folder / name).touch()
    unihan.unlink()
    with pytest.raises(FileNotFoundError, match="Unihan"):
        build(folder, unihan, output)
    assert output.read_bytes() == b"as before"


def test_a_font_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"NotoSans_500Medium\.ttf"):
        fonts.make(fonts.subsets()[0], tmp_path)
