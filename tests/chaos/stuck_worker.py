"""A worker whose steps never return for one word, as on a GPU that hangs: ``python -m tests.chaos.stuck_worker``."""

import sys
import threading
from collections.abc import Sequence

from shared.settings import load_settings
from worker.engine import deadline
from worker.engine.denoiser import Denoiser
from worker.engine.request_state import RequestState
from worker.main import main

STUCK_MEANING = "death"
step = Denoiser.step


def never_return(self: Denoiser, rows: Sequence[RequestState]) -> None:
    if any(STUCK_MEANING in row.conditions.prompt.text for row in rows):
        threading.Event().wait()
    step(self, rows)


if __name__ == "__main__":
    Denoiser.step = never_return  # type: ignore[method-assign]
    deadline.FIRST_S = deadline.LEAST_S = 15.0
    sys.exit(main(load_settings()))
