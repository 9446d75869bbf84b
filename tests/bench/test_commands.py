"""The commands of bench/ and training/."""

import pytest

from shared.locations import PROJECT

SOURCES = {
    str(path.relative_to(PROJECT)): path.read_text(encoding="utf-8")
    for folder in ("bench", "training")
    for path in sorted((PROJECT / folder).rglob("*.py"))
}


@pytest.mark.parametrize("name", [name for name, source in SOURCES.items() if "__main__" in source])
def test_a_command_reads_its_arguments(name: str) -> None:
    """So that `--help`, or a mistyped option, does not start it and replace a committed file."""
    assert ".parse_args()" in SOURCES[name]
