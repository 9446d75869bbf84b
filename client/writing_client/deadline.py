"""When a wait ends."""

import math
import time

from writing_client.arguments import check_at_least


def deadline_after(timeout_s: float | None) -> float:
    """Return the time of the monotonic clock after some seconds; infinity for None.

    Raises:
        WrongInput: it is no number of seconds. A wait until NaN would never end.
    """
    if timeout_s is None:
        return math.inf
    check_at_least(0, "timeout_s", timeout_s)
    return time.monotonic() + timeout_s
