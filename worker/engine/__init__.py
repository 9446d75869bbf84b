"""Step-level batching: jobs join and leave the batch at every denoising step, and none changes another's picture."""

from worker.engine.engine import Engine
from worker.engine.model import EngineModel
from worker.engine.request import Drawing, DrawRequest

__all__ = ["DrawRequest", "Drawing", "Engine", "EngineModel"]
