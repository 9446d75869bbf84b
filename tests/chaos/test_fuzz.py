"""The fuzz test finds what it looks for."""

from itertools import islice
from pathlib import Path

import pytest

from bench import fuzz_words
from shared.settings import load_settings
from shared.writing.fonts import read_fonts

pytestmark = pytest.mark.chaos


def test_words_that_kill_the_process_are_named_and_the_rest_is_drawn(tmp_path: Path) -> None:
    words = list(islice(fuzz_words.words(1, read_fonts(load_settings({}).fonts)), 8))
    ends, crashes = fuzz_words.run(1, 8, tmp_path / "journal", "tests.chaos.fragile_fuzz")
    assert crashes == [(words[3], "SIGSEGV"), (words[5], "SIGSEGV")]
    assert ends.total() == 6


def test_a_child_that_cannot_begin_ends_the_fuzz(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="before it had drawn"):
        fuzz_words.run(1, 8, tmp_path / "journal", "no.such.module")
