"""The log of an outage of Redis: one line when it begins and one when it has ended, instead of one for each call."""

import logging
import time


class Outage:
    """Notes failed calls of one kind. Threads may share it.

    Args:
        logger: where the outage is logged.
        consequence: what does not happen during it.
    """

    def __init__(self, logger: logging.Logger, consequence: str) -> None:
        self._logger = logger
        self._consequence = consequence
        self._began_at: float | None = None
        self._failed_at = 0.0

    def note(self, error: Exception | None) -> None:
        """Note the error of a call, or None for a call that succeeded."""
        began_at = self._began_at
        if error is not None:
            self._failed_at = time.monotonic()
            if began_at is None:
                self._began_at = self._failed_at
                self._logger.warning("%s: %s", self._consequence, error)
        elif began_at is not None:
            self._began_at = None
            # Until its last failure: the next call may come long after the outage.
            self._logger.warning("%s for %.0f s; Redis works again", self._consequence, self._failed_at - began_at)
