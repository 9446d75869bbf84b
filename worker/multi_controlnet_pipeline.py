"""SDXL steered by several control images at once: the interface between jobs and the engine.

Callers submit a request and await its picture. Behind it, the engine's thread owns the device and draws many requests
concurrently.
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
from worker.engine.scheduler import BULK_EVERY
from worker.progress import CombinedProgress, NullProgress, ProgressSink, stop_if_cancelled

LOADING_POLL_S = 0.1


class MultiControlNetPipeline:
    """The warm pipeline of a worker process.

    Args:
        load: returns the model; called once, by `load` or before the first picture.
        on_lost: called once when this process can no longer compute.
        bulk_every: while both kinds of jobs wait, every bulk_every-th that joins is a bulk one.
    """

    def __init__(
        self,
        load: Callable[[], ModelRunner],
        on_lost: Callable[[DeviceLost], None] = lambda _lost: None,
        bulk_every: int = BULK_EVERY,
    ) -> None:
        self.engine = Engine(load, bulk_every, on_lost)

    def load(self) -> None:
        """Load the model if needed.

        Raises:
            ModelLoadError: it cannot be loaded.
            DeviceLost: the device has failed.
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
        """Return the name of a quality's networks, e.g. "as trained"; "" before the model is loaded."""
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
            prompt: what the picture shows, in English.
            control_images: control type to RGB image, at least one. All have the picture's size.
            progress: receives each step, and says whether to stop.
            **options: further fields of `worker.engine.request.DrawRequest`: weights, steps, guidance scale, seed …

        Raises:
            The errors of `draw`.
        """
        return (await self.draw(DrawRequest(prompt=prompt, control_images=control_images, **options), progress)).image

    async def draw(self, request: DrawRequest, progress: ProgressSink | None = None) -> Drawing:
        """Return a picture, with the largest batch it shared and the prompts as read.

        Raises:
            JobCancelled: `progress` reported a cancellation, between two steps or before the first.
            OutOfMemory: the device has too little memory.
            ModelLoadError: the model cannot be loaded.
            DeviceLost: the device has failed.
            GenerationFailed: the model computed no picture.
        """
        return (await self.draw_variations(request, 1, progress))[0]

    async def draw_variations(
        self, request: DrawRequest, count: int, progress: ProgressSink | None = None
    ) -> list[Drawing]:
        """Return several pictures of a request, with noise from its seed, its seed + 1, and so on.

        Their steps are reported together. When one of them fails, the others stop and its error is raised. Otherwise
        raises the same errors as `draw`.
        """
        progress = progress or NullProgress()
        await self._wait_until_loaded(progress)
        combined = CombinedProgress(progress, count)
        answers = self.engine.submit_variations(request, combined.sinks)
        for answer in answers:
            answer.add_done_callback(combined.record_error)
        drawings = await asyncio.gather(*map(asyncio.wrap_future, answers), return_exceptions=True)
        if combined.error is not None:
            raise combined.error
        return [drawing for drawing in drawings if isinstance(drawing, Drawing)]

    async def _wait_until_loaded(self, progress: ProgressSink) -> None:
        """Load the model if needed. A cancelled job does not wait for it, since compiling takes minutes.

        Raises:
            JobCancelled: the job was cancelled meanwhile.
            ModelLoadError, DeviceLost: the model cannot be loaded.
        """
        if self.state is WorkerState.WARM:
            return
        loading = self.engine.load()
        while not loading.done():
            stop_if_cancelled(progress)
            await asyncio.sleep(LOADING_POLL_S)
        loading.result()

    def close(self) -> None:
        """End the engine after its current jobs."""
        self.engine.close()
