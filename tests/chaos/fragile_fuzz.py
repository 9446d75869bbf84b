"""The fuzz test's child, which crashes on two of its words. ``python -m tests.chaos.fragile_fuzz``"""

import os
import signal
import sys

from bench import fuzz_words

draw = fuzz_words.FuzzTarget.draw
FATAL = (3, 5)


def fragile(target: fuzz_words.FuzzTarget, word: str) -> str:
    """Draw a word, but crash on the fatal ones."""
    words = fuzz_words.words(1, target.fonts)
    if word in [next(words) for _ in range(max(FATAL) + 1)][min(FATAL) :: 2]:
        os.kill(os.getpid(), signal.SIGSEGV)
    return draw(target, word)


if __name__ == "__main__":
    fuzz_words.FuzzTarget.draw = fragile  # type: ignore[method-assign]
    sys.exit(fuzz_words.main())
