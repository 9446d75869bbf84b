"""A worker whose conditioning crashes natively on one word: ``python -m tests.chaos.fragile_conditioning``."""

import os
import signal
import sys
import time
from typing import Any

from worker import rehearsal
from worker.ai_image_generator import AIImageGenerator
from worker.main import main

DEADLY = "死"
condition = AIImageGenerator._condition


async def crash(self: AIImageGenerator, glyph: Any, request: Any, hand: Any) -> Any:
    if request.word == DEADLY:
        time.sleep(1)  # so that its neighbours are at work beside it
        os.kill(os.getpid(), signal.SIGSEGV)
    return await condition(self, glyph, request, hand)


def break_conditioning() -> None:
    AIImageGenerator._condition = crash  # type: ignore[method-assign]


if __name__ == "__main__":
    break_conditioning()
    rehearsal.MODULE = "tests.chaos.fragile_rehearsal"
    sys.exit(main())
