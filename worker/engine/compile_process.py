"""A process that fills the compile cache: ``python -m worker.engine.compile_process CACHE DEVICE``.

A worker starts it, and hands out pickled examples through its standard input, a socket that several such processes
share. If the worker ends before, so does it.
"""

import os
import pickle
import select
import socket
import sys
import threading
from pathlib import Path

import torch
import torch._inductor.compile_fx  # takes seconds: now, while the worker loads the weights, not at the first example

from worker.engine import compiler
from worker.engine.placement import Placement
from worker.engine.saved_graphs import SavedGraphs

LARGEST_EXAMPLE_BYTES = 2**20
NICENESS = 5  # requests go first, and other workers on this machine


def main() -> None:
    """Compile the examples that come from the worker."""
    cache, device = Path(sys.argv[1]), torch.device(sys.argv[2])
    queue = socket.socket(fileno=sys.stdin.fileno())
    threading.Thread(target=end_with_worker, args=(queue,), daemon=True).start()
    os.nice(NICENESS)
    compiler.set_up(cache)
    while sent := queue.recv(LARGEST_EXAMPLE_BYTES):
        Placement(device).enter()  # not before: it takes memory, and the worker is measuring how much is free
        example = pickle.loads(sent)  # from the worker that started this process
        example.compile(device, SavedGraphs(cache, device))


def end_with_worker(queue: socket.socket) -> None:
    """End this process once the worker's side is closed, even while it compiles: the next worker needs the memory."""
    ended = select.poll()
    ended.register(queue, 0)  # only a hang-up, which is always reported
    ended.poll()
    os._exit(os.EX_TEMPFAIL)


if __name__ == "__main__":
    main()
