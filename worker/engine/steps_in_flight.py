"""The steps that the device has been given and has not computed yet.

A recorded step is launched in a moment, so without a limit the host would hand over a whole picture at once. Jobs that
arrive or are cancelled meanwhile could then change nothing, and no preview would come in time.
"""

from collections import deque
from collections.abc import Callable
from typing import Protocol

import torch

# Enough that the device has work while the host admits a job.
MOST_STEPS = 2


class Event(Protocol):
    """A point in the device's work."""

    def synchronize(self) -> None:
        """Wait until the device has reached it. Raises PyTorch's errors if the device has failed."""


class PastEvent:
    """An event that has already been reached."""

    def synchronize(self) -> None:
        """Do nothing."""


def record_event(device: torch.device) -> Event:
    """Return the event that the device reaches after all work that the current stream holds now."""
    if device.type != "cuda":
        return PastEvent()  # a CPU has done the work when the call returns
    # A wait for it sleeps instead of spinning, because other threads need the core.
    event = torch.cuda.Event(blocking=True)  # type: ignore[no-untyped-call]
    event.record()
    return event


class StepsInFlight:
    """Keeps the host at most `MOST_STEPS` steps ahead of the device."""

    def __init__(self, record: Callable[[], Event]) -> None:
        """Record events by ``record``."""
        self._record = record
        self._ends: deque[Event] = deque()

    def add(self) -> None:
        """Add the step that has just been handed over, and wait until the device has few enough.

        Raises:
            PyTorch's errors: the device has failed.
        """
        self._ends.append(self._record())
        while len(self._ends) > MOST_STEPS:
            self._ends.popleft().synchronize()
