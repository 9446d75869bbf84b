"""A worker that crashes on one word, as by a driver's bug: ``python -m tests.chaos.fragile_worker``."""

import os
import signal
import sys
from typing import Any

from shared.settings import load_settings
from tests.chaos.deadly_word import DEADLY
from worker.ai_image_generator import AIImageGenerator
from worker.main import main

generate = AIImageGenerator.generate


async def die_of_it(self: AIImageGenerator, request: Any, progress: Any) -> Any:
    if request.word == DEADLY:
        os.kill(os.getpid(), signal.SIGKILL)
    return await generate(self, request, progress)


if __name__ == "__main__":
    AIImageGenerator.generate = die_of_it  # type: ignore[method-assign]
    sys.exit(main(load_settings()))
