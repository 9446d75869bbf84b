"""SDXL steered by several control images at once: the seam between a job and the engine.

Callers hand over a request and await its picture; behind it the engine's thread owns the device and draws many requests
at a time.
"""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from PIL import Image

from shared.errors import DeviceLost
from shared.schemas import ControlType, Quality, WorkerState
from worker.engine.engine import Engine
from worker.engine.model_runner import ModelRunner
from worker.engine.request import Drawing, DrawRequest
from worker.progress import NullProgress, ProgressSink, Together


class MultiControlNetPipeline:
    """The warm pipeline of a worker process."""

    def __init__(
        self, load: Callable[[], ModelRunner], on_lost: Callable[[DeviceLost], None] = lambda _lost: None
    ) -> None:
        """Take how the model is loaded.

        Args:
            load: called once, by `load` or before the first picture.
            on_lost: called once this process can compute no more.
        """
        self.engine = Engine(load, on_lost=on_lost)

    def load(self) -> None:
        """Load the model, unless it is loaded.

        Raises:
            ModelLoadError: it cannot be loaded.
            DeviceLost: the device computes no more.
        """
        self.engine.load().result()

    @property
    def state(self) -> WorkerState:
        """Whether the model is loaded."""
        return self.engine.state

    @property
    def scheduler_name(self) -> str:
        """The solver's name, e.g. DPM++ 2M Karras; "" before the model is loaded."""
        return self.engine.model.solver.name if self.engine.model is not None else ""

    def networks_name(self, quality: Quality) -> str:
        """Return what draws a quality, e.g. "as trained"; "" before the model is loaded."""
        return self.engine.model.networks[quality].name if self.engine.model is not None else ""

    async def generate(
        self,
        prompt: str,
        control_images: Mapping[ControlType, Image.Image],
        *,
        progress: ProgressSink | None = None,
        **options: Any,
    ) -> Image.Image:
        """Return a picture.

        Args:
            prompt: what it shows, in English.
            control_images: control type to RGB image; all of one size, which is the picture's. At least one.
            progress: told of each step, asked whether to stop.
            **options: further fields of `worker.engine.DrawRequest`: weights, steps, guidance scale, seed and so on.

        Raises:
            As `draw`.
        """
        return (await self.draw(DrawRequest(prompt=prompt, control_images=control_images, **options), progress)).image

    async def draw(self, request: DrawRequest, progress: ProgressSink | None = None) -> Drawing:
        """Return a picture, and in what company it was drawn.

        Raises:
            JobCancelled: `progress` said so; between two steps, or before the first.
            OutOfMemory: the device has too little memory.
            ModelLoadError: the model cannot be loaded.
            DeviceLost: the device computes no more.
            GenerationFailed: the model computed no picture.
        """
        return (await self.draw_variations(request, 1, progress))[0]

    async def draw_variations(
        self, request: DrawRequest, count: int, progress: ProgressSink | None = None
    ) -> list[Drawing]:
        """Return several pictures of a request, which begin from the noise of its seed, the next one, and so on.

        Their steps are told together. Once one of them fails, the others stop, and its error is raised; further as
        `draw`.
        """
        together = Together(progress or NullProgress(), count)
        answers = self.engine.submit_variations(request, together.sinks)
        for answer in answers:
            answer.add_done_callback(together.heed)
        drawings = await asyncio.gather(*map(asyncio.wrap_future, answers), return_exceptions=True)
        if together.error is not None:
            raise together.error
        return [drawing for drawing in drawings if isinstance(drawing, Drawing)]

    def close(self) -> None:
        """End the engine after the jobs that it has."""
        self.engine.close()
