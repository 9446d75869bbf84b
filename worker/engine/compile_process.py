"""A process that fills the compile cache: ``python -m worker.engine.compile_process CACHE DEVICE``.

A worker starts it, and writes a pickled list of `Example` to its standard input. If the worker ends before, so does it.
"""

import pickle
import sys
from pathlib import Path

import torch

from worker.engine import compiler
from worker.engine.compile_examples import Example
from worker.engine.placement import Placement
from worker.engine.saved_graphs import SavedGraphs


def main() -> None:
    """Compile the examples that come from the worker."""
    cache, device = Path(sys.argv[1]), torch.device(sys.argv[2])
    examples: list[Example] = []
    if sent := sys.stdin.buffer.read():
        examples = pickle.loads(sent)  # from the worker that started this process
    compiler.set_up(cache)
    if examples:
        Placement(device).enter()
    graphs = SavedGraphs(cache, device)
    for example in examples:
        example.compile(device, graphs)


if __name__ == "__main__":
    main()
