"""A thread that does one thing every so often."""

import logging
import threading
from collections.abc import Callable

logger = logging.getLogger(__name__)

STOP_S = 10.0  # longer than calls of Redis take; what waits for others must not hold the process


class Periodic:
    """Calls a function again and again until stopped.

    Leases, and so jobs, hang on these threads: what the function raises is logged, and it is called again.
    """

    def __init__(self, name: str, every_s: float, act: Callable[[], None]) -> None:
        """Take the thread's name, the pause between two calls, and what to call."""
        self._every_s = every_s
        self._act = act
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    @property
    def is_stopping(self) -> bool:
        """Whether the present call is the last."""
        return self._stop.is_set()

    def start(self) -> None:
        """Begin; the first call comes at once."""
        self._thread.start()

    def stop(self) -> None:
        """Wait for the present call to return, `STOP_S` at the most, and end."""
        self._stop.set()
        self._thread.join(STOP_S)
        if self._thread.is_alive():
            logger.warning("%s does not end within %.0f s; it is left", self._thread.name, STOP_S)

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._act()
            except Exception:  # the thread's boundary
                logger.exception("%s failed; it goes on", self._thread.name)
            self._stop.wait(self._every_s)
