"""A scene's conditioning maps, by type and method."""

import asyncio
from collections.abc import Mapping
from typing import Any

import pybase64
from PIL import Image

from shared.schemas import AI_METHODS, ControlType, GenerationRequest
from worker.conditioning import Brush
from worker.picture_work.executor import Executor
from worker.picture_work.work import ConditioningMap, PictureWork
from worker.progress import ProgressSink
from worker.scene import Scene


class Maps:
    """The conditioning maps of all methods of a request."""

    def __init__(self, maps: Mapping[ControlType, Mapping[str, ConditioningMap]]) -> None:
        """Set the maps by type and method, in the request's order. Each type's first method steers."""
        self._maps = maps

    @property
    def control_images(self) -> dict[ControlType, Image.Image]:
        """The images that steer, by type."""
        return {kind: next(iter(methods.values())).image for kind, methods in self._maps.items()}

    @property
    def methods(self) -> dict[ControlType, list[str]]:
        """The names of the methods by type."""
        return {kind: list(methods) for kind, methods in self._maps.items()}

    @property
    def notes(self) -> dict[str, dict[str, Any]]:
        """The methods' notes on the word, by method: radicals, stroke types, fallbacks."""
        return {method: one.notes for methods in self._maps.values() for method, one in methods.items() if one.notes}

    @property
    def in_base64(self) -> dict[ControlType, dict[str, str]]:
        """The encoded images by type and method; {} if the request asks for none."""
        encoded: dict[ControlType, dict[str, str]] = {}
        for kind, methods in self._maps.items():
            for method, one in methods.items():
                if one.png is not None:
                    encoded.setdefault(kind, {})[method] = pybase64.b64encode_as_string(one.png)
        return encoded


async def condition(
    executor: Executor, scene: Scene, request: GenerationRequest, brush: Brush, progress: ProgressSink
) -> Maps:
    """Run all methods of a request concurrently, the AI methods in this process.

    Raises:
        MethodUnavailable: a method cannot run here.
        JobCancelled: `progress` reported a cancellation.
    """
    wanted = [(kind, method) for kind, methods in request.methods().items() for method in methods]
    encode = request.include_conditioning
    executors = [executor.local if method in AI_METHODS else executor for _, method in wanted]
    done = await asyncio.gather(
        *(
            chosen.do(progress, PictureWork.condition, scene, kind, method, brush, encode=encode)
            for chosen, (kind, method) in zip(executors, wanted, strict=True)
        )
    )
    maps: dict[ControlType, dict[str, ConditioningMap]] = {}
    for (kind, method), one in zip(wanted, done, strict=True):
        maps.setdefault(kind, {})[method] = one
    return Maps(maps)
