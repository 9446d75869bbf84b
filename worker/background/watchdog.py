"""Ends a worker whose work never ends, so that others can do its jobs."""

import faulthandler
import logging
import os
import sys
from collections.abc import Callable

from worker.background.periodic import Periodic

logger = logging.getLogger("engine")

EVERY_S = 1.0
# Should even this thread stand still, as where native code keeps Python's lock, the process ends after so long.
FROZEN_S = 120.0


class Watchdog:
    """Looks once a second whether something is overdue; then logs what every thread does, and ends the process hard.

    A thread that waits for a GPU cannot be interrupted, and an orderly end would wait for it. The worker's leases
    run out as after any crash: its jobs are quarantined, and other workers take them.
    """

    def __init__(self, overdue: Callable[[], str | None], every_s: float = EVERY_S) -> None:
        """Take what says what is overdue, or None."""
        self._overdue = overdue
        self._thread = Periodic("watchdog", every_s, self._look)

    def start(self) -> None:
        """Begin to watch."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread."""
        self._thread.stop()
        faulthandler.cancel_dump_traceback_later()

    def _look(self) -> None:
        faulthandler.dump_traceback_later(FROZEN_S, exit=True)
        if (late := self._overdue()) is not None:
            logger.critical("worker ends: %s; what its threads do is in the standard error stream", late)
            faulthandler.dump_traceback(sys.stderr, all_threads=True)
            os._exit(os.EX_SOFTWARE)
