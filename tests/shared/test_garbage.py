"""The garbage collector and what lasts."""

import gc
import weakref

import pytest

from shared.garbage import lasting


class Node:
    """Refers to itself, so that only the collector can free it."""

    def __init__(self) -> None:
        self.itself = self


def test_what_is_made_in_the_block_lasts_and_later_garbage_is_collected() -> None:
    with lasting():
        assert not gc.isenabled()
        kept = weakref.ref(Node())
    later = weakref.ref(Node())
    gc.collect()
    assert gc.isenabled()
    assert kept() is not None
    assert later() is None


def test_an_error_in_the_block_starts_the_collector_again() -> None:
    with pytest.raises(ImportError), lasting():
        raise ImportError
    assert gc.isenabled()
