"""The fuzz test's child, which crashes on two of its words. ``python -m tests.chaos.fragile_fuzz``"""

import os
import signal
import sys

from bench import fuzz_words

draw = fuzz_words.Drawer.draw
FATAL = (3, 5)


def fragile(drawer: fuzz_words.Drawer, word: str) -> str:
    """Draw a word, but crash on the fatal ones."""
    words = fuzz_words.words(1, drawer.fonts)
    if word in [next(words) for _ in range(max(FATAL) + 1)][min(FATAL) :: 2]:
        os.kill(os.getpid(), signal.SIGSEGV)
    return draw(drawer, word)


if __name__ == "__main__":
    fuzz_words.Drawer.draw = fragile  # type: ignore[method-assign]
    sys.exit(fuzz_words.main())
