"""Ends a worker that hangs, so that other workers can take its jobs."""

import faulthandler
import logging
import os
import sys
from collections.abc import Callable

from worker.background.periodic import Periodic

logger = logging.getLogger("engine")

EVERY_S = 1.0
# If even this thread hangs, for example because native code holds the GIL, the process ends after this many seconds.
FROZEN_S = 120.0


class Watchdog(Periodic):
    """Checks once a second whether a task is overdue. If so, it logs every thread's stack and kills the process.

    A thread that waits for a GPU cannot be interrupted, and an orderly shutdown would wait for it. The worker's leases
    expire as after any crash: its jobs are quarantined, and other workers take them.

    Args:
        overdue: returns a description of what is overdue, or None.
        every_s: the pause between two checks, in seconds.
    """

    def __init__(self, overdue: Callable[[], str | None], every_s: float = EVERY_S) -> None:
        self._overdue = overdue
        super().__init__("watchdog", every_s, self._look)

    def stop(self) -> None:
        """End the thread."""
        super().stop()
        faulthandler.cancel_dump_traceback_later()

    def _look(self) -> None:
        faulthandler.dump_traceback_later(FROZEN_S, exit=True)
        if (late := self._overdue()) is not None:
            logger.critical("worker exits: %s; its threads' stacks are on standard error", late)
            faulthandler.dump_traceback(sys.stderr, all_threads=True)
            os._exit(os.EX_SOFTWARE)
