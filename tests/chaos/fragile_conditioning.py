"""A worker whose conditioning crashes natively on one word: ``python -m tests.chaos.fragile_conditioning``."""

import os
import signal
import sys
import time
from typing import Any

from worker import rehearsal
from worker.main import main
from worker.picture_work import PictureWork

DEADLY = "死"
condition = PictureWork.condition


def crash(self: PictureWork, scene: Any, *args: Any, **options: Any) -> Any:
    if scene.glyph.word == DEADLY:
        time.sleep(1)  # so that its neighbours are at work beside it
        os.kill(os.getpid(), signal.SIGSEGV)
    return condition(self, scene, *args, **options)


def break_conditioning() -> None:
    PictureWork.condition = crash  # type: ignore[method-assign]


if __name__ == "__main__":
    break_conditioning()
    rehearsal.MODULE = "tests.chaos.fragile_rehearsal"
    sys.exit(main())
