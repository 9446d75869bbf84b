"""A picture process: ``python -m worker.picture_work.server FD``. A worker starts it and sends it work over a socket.

It receives the settings, answers None when it is ready, and then answers one call after another. It ends with
the worker in any case, since the kernel then closes the worker's side of the socket.
"""

import os
import select
import signal
import sys
import threading
from contextlib import suppress
from multiprocessing.connection import Connection

from shared.logs import configure_logging
from shared.settings import ConditioningSettings, Settings
from worker.conditioning import make_conditionings
from worker.picture_work.work import make_work

# The AI methods' models are loaded only in the worker.
NO_MODELS = ConditioningSettings(depth_model=None, segmentation_model=None)


def main() -> int:
    """Serve the worker at the other end of the socket."""
    # systemd, for example, sends SIGTERM to all processes of a service at once. The worker needs this one to finish its
    # jobs.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    worker = Connection(int(sys.argv[1]))
    threading.Thread(target=end_with, args=(worker,), name="end-with-worker", daemon=True).start()
    with suppress(EOFError):  # the worker has ended
        serve(worker)
    return os.EX_OK


def serve(worker: Connection) -> None:
    """Answer a worker until it closes the connection."""
    settings: Settings = worker.recv()
    configure_logging(settings.logging)
    work = make_work(settings, make_conditionings(NO_MODELS))
    worker.send(None)
    while True:
        worker.send(worker.recv().result(work))


def end_with(worker: Connection) -> None:
    """End this process as soon as the worker has closed its side, even during work."""
    closed = select.poll()
    closed.register(worker.fileno(), 0)  # a hang-up is always reported
    closed.poll()
    os._exit(os.EX_OK)


if __name__ == "__main__":
    sys.exit(main())
