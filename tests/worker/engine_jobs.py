"""Jobs for an engine with the embedded model, and how its pictures differ."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any

import numpy as np
from PIL import Image

from tests.models import embedded_settings
from worker.conditioning import make_conditionings
from worker.engine.engine import Engine
from worker.engine.model_runner import ModelRunner
from worker.engine.request import Drawing, DrawRequest
from worker.glyphs import GlyphRenderer
from worker.progress import NullProgress

# Small, so that the tests are fast: nothing here depends on the size.
SIDE = 128

RequestOf = Callable[..., DrawRequest]


def requests_of_fire(glyphs: GlyphRenderer, side: int = SIDE) -> RequestOf:
    """Return what makes requests for pictures of 火, each by its seed and its options."""
    glyph = glyphs.render("火", side, side)
    conditionings = make_conditionings(embedded_settings().conditioning)
    maps = {kind.control_type: kind.generate(glyph) for kind in conditionings}

    def make(seed: int = 0, **options: Any) -> DrawRequest:
        defaults = {"prompt": "A neon sign of fire", "num_inference_steps": 3, "guidance_scale": 3.0}
        return DrawRequest(control_images=maps, seed=seed, **{**defaults, **options})

    return make


@contextmanager
def running(model: ModelRunner) -> Iterator[Engine]:
    """Run a warm engine."""
    engine = Engine(lambda: model)
    engine.load().result()
    yield engine
    engine.close()


def submit_together(engine: Engine, requests: list[DrawRequest]) -> list["Future[Drawing]"]:
    """Submit all requests before the engine can take a step with the first ones."""
    hold, go = threading.Event(), threading.Event()

    class Gate(NullProgress):
        def stage(self, name: str) -> None:
            hold.set()
            go.wait(30)

    first = engine.submit(requests[0], Gate())
    hold.wait(30)
    rest = [engine.submit(request, NullProgress()) for request in requests[1:]]
    go.set()
    return [first, *rest]


def difference(first: Image.Image, second: Image.Image) -> int:
    return int(np.abs(np.asarray(first, np.int16) - np.asarray(second, np.int16)).max())
