"""The fuzz test finds what it looks for."""

from importlib import import_module
from itertools import islice
from pathlib import Path
from types import ModuleType

import pytest

from shared.settings import load_settings
from shared.writing.fonts import read_fonts

pytestmark = pytest.mark.chaos


@pytest.fixture
def fuzz_words() -> ModuleType:
    """Imported here, since it looks at every code point, and each run of the tests reads this file."""
    return import_module("bench.fuzz_words")


def test_words_that_kill_the_process_are_named_and_the_rest_is_drawn(fuzz_words: ModuleType, tmp_path: Path) -> None:
    words = list(islice(fuzz_words.words(1, read_fonts(load_settings({}).fonts)), 8))
    ends, crashes = fuzz_words.run(1, 8, tmp_path / "journal", "tests.chaos.fragile_fuzz")
    assert crashes == [(words[3], "SIGSEGV"), (words[5], "SIGSEGV")]
    assert ends.total() == 6


def test_a_child_that_cannot_begin_ends_the_fuzz(fuzz_words: ModuleType, tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="before it had drawn"):
        fuzz_words.run(1, 8, tmp_path / "journal", "no.such.module")
