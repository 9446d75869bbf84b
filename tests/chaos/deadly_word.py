"""A word on which conditioning crashes natively."""

import os
import signal
import time
from typing import Any

from worker.picture_work import PictureWork

DEADLY = "死"
condition = PictureWork.condition


def crash(self: PictureWork, scene: Any, *args: Any, **options: Any) -> Any:
    if scene.glyph.word == DEADLY:
        time.sleep(1)  # so that its neighbours are running at the same time
        os.kill(os.getpid(), signal.SIGSEGV)
    return condition(self, scene, *args, **options)


def break_conditioning() -> None:
    PictureWork.condition = crash  # type: ignore[method-assign]
