"""A thread that calls a function at regular intervals."""

import logging
import threading
from collections.abc import Callable

logger = logging.getLogger(__name__)

STOP_S = 10.0  # longer than a call to Redis takes; a slow call must not delay the exit


class Periodic:
    """Calls a function repeatedly until it is stopped.

    Leases, and therefore jobs, depend on these threads, so an exception is logged and the function is called again.

    Args:
        name: the thread's name.
        every_s: the pause between two calls, in seconds.
        function: the function to call.
    """

    def __init__(self, name: str, every_s: float, function: Callable[[], None]) -> None:
        self._every_s = every_s
        self._function = function
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Start the thread. The first call is made immediately."""
        self._thread.start()

    def stop(self) -> None:
        """Wait up to `STOP_S` for the current call to return, then end. Do nothing if the thread has not started."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(STOP_S)
        if self._thread.is_alive():
            logger.warning("%s did not end within %.0f s; it is abandoned", self._thread.name, STOP_S)

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._function()
            except Exception:  # the thread's boundary
                logger.exception("%s failed; it will be retried", self._thread.name)
            self._stop.wait(self._every_s)
