"""The commands of bench/ and training/."""

import runpy
import sys

import pytest

from shared.locations import PROJECT

COMMANDS = [
    str(path.relative_to(PROJECT))
    for folder in ("bench", "training")
    for path in sorted((PROJECT / folder).rglob("*.py"))
    if '__name__ == "__main__"' in path.read_text(encoding="utf-8")
]
# What some of them need that is not installed for the tests.
PACKAGES = {"bench/anki_import.py": "anki", "training/imagery.py": "resvg_py"}


@pytest.mark.parametrize("path", COMMANDS)
def test_a_command_reads_its_arguments(
    path: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """So that `--help`, or a mistyped option, does not start it and replace a committed file."""
    if path in PACKAGES:
        pytest.importorskip(PACKAGES[path])
    monkeypatch.setattr(sys, "argv", [path, "--help"])
    with pytest.raises(SystemExit) as end:
        runpy.run_path(str(PROJECT / path), run_name="__main__")
    assert end.value.code == 0
    assert capsys.readouterr().out.startswith("usage:")
