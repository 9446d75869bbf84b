"""Python's garbage collector, kept away from objects that live as long as their process."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def lasting() -> Iterator[None]:
    """Pause the collector for the block, then exempt everything that exists from collection.

    Imported modules and loaded data stay, but each full collection goes through all of them, while every other thread
    waits for the GIL. `gc.freeze` also keeps the memory shared that processes forked later would copy.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
