"""SDXL steered by several control images at once, one job at a time on one device.

`MultiControlNetPipeline.generate` is the seam: callers hand over a job and await its picture. Behind it one thread
owns the device and runs diffusers' stock pipeline.
"""

import asyncio
import logging
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import torch
from diffusers import StableDiffusionXLControlNetUnionPipeline
from PIL import Image

from shared.errors import OutOfMemory
from shared.schemas import ControlType, WorkerState
from worker.conditioning import CONTROL_TYPE_INDEX
from worker.progress import ProgressSink, Unobserved, stop_if_cancelled

logger = logging.getLogger("ai_models")

# How often a job that waits for the device looks whether it was cancelled.
CANCEL_POLL_S = 0.1


class MultiControlNetPipeline:
    """The warm pipeline of a worker process."""

    def __init__(self, load: Callable[[], StableDiffusionXLControlNetUnionPipeline]) -> None:
        """Take a function that loads the model; it is called once, by `load` or before the first picture."""
        self._load = load
        self._pipeline: StableDiffusionXLControlNetUnionPipeline | None = None
        self._lock = threading.Lock()
        self._device_thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="device")
        self.state = WorkerState.COLD

    def load(self) -> None:
        """Load the model, unless it is loaded.

        Raises:
            ModelLoadError: it cannot be loaded.
        """
        self._device_thread.submit(self._loaded).result()

    @property
    def scheduler_name(self) -> str:
        """The solver's name, e.g. EulerDiscrete; "" before the model is loaded."""
        if self._pipeline is None:
            return ""
        return type(self._pipeline.scheduler).__name__.removesuffix("Scheduler")

    async def generate(
        self,
        prompt: str,
        control_images: Mapping[ControlType, Image.Image],
        *,
        weights: Mapping[ControlType, float] | None = None,
        negative_prompt: str = "",
        num_inference_steps: int = 30,
        guidance_scale: float = 6.0,
        control_guidance_end: float = 1.0,
        seed: int = 0,
        progress: ProgressSink | None = None,
    ) -> Image.Image:
        """Return a picture.

        Args:
            prompt: what it shows, in English.
            control_images: control type to RGB image; all of one size, which is the picture's. At least one.
            weights: control type to strength, 0 to 2; a type that is left out has 1, one with 0 does not steer.
            negative_prompt: what it should not look like; empty: nothing said.
            num_inference_steps: denoising steps.
            guidance_scale: classifier-free guidance (Ho and Salimans 2022); 1 is none.
            control_guidance_end: share of the steps after which the controls let go.
            seed: the same seed gives the same picture on the same device.
            progress: told of each step, asked whether to stop.

        Raises:
            JobCancelled: `progress` said so; between two steps, or before the first.
            OutOfMemory: the device has too little memory.
            ModelLoadError: the model cannot be loaded.
        """
        observer = progress or Unobserved()
        future = self._device_thread.submit(
            self._run,
            observer,
            prompt=prompt,
            # An empty negative prompt is "nothing said": diffusers then uses the model's own empty embedding.
            negative_prompt=negative_prompt or None,
            num_inference_steps=num_inference_steps,
            guidance_scale=guidance_scale,
            control_guidance_end=control_guidance_end,
            generator=torch.Generator("cpu").manual_seed(seed),
            **_controls(control_images, weights or {}),
        )
        return await _await_or_cancel(future, observer)

    def _loaded(self) -> StableDiffusionXLControlNetUnionPipeline:
        """Return the pipeline; runs on the device's thread, so that CUDA is touched from there alone."""
        with self._lock:
            if self._pipeline is None:
                self.state = WorkerState.LOADING
                self._pipeline = self._load()
                self.state = WorkerState.WARM
            return self._pipeline

    def _run(self, progress: ProgressSink, **arguments: Any) -> Image.Image:
        stop_if_cancelled(progress)
        pipeline = self._loaded()
        progress.stage("diffusion")
        total = arguments["num_inference_steps"]
        progress.step(0, total)

        def after_step(_pipeline: Any, step: int, _timestep: Any, tensors: dict[str, Any]) -> dict[str, Any]:
            progress.step(step + 1, total)
            # Raising leaves the loop without the VAE decode that diffusers' own interrupt would still do.
            stop_if_cancelled(progress)
            return tensors

        try:
            output = pipeline(**arguments, callback_on_step_end=after_step)
        except torch.OutOfMemoryError as error:
            torch.cuda.empty_cache()
            raise OutOfMemory(f"the picture does not fit into the GPU's memory: {error}") from error
        image: Image.Image = output.images[0]
        return image


def _controls(images: Mapping[ControlType, Image.Image], weights: Mapping[ControlType, float]) -> dict[str, Any]:
    """Return diffusers' arguments for the controls that steer.

    With none left the first image is passed with weight 0: a lone control's weight scales the ControlNet's output, so
    the picture is that of plain SDXL.
    """
    steering = {kind: weight for kind in images if (weight := float(weights.get(kind, 1.0))) > 0}
    if not steering:
        steering = {next(iter(images)): 0.0}
    width, height = next(iter(images.values())).size
    return {
        "control_image": [images[kind] for kind in steering],
        "control_mode": [CONTROL_TYPE_INDEX[kind] for kind in steering],
        "controlnet_conditioning_scale": list(steering.values()),
        "width": width,
        "height": height,
    }


async def _await_or_cancel(future: "Future[Image.Image]", progress: ProgressSink) -> Image.Image:
    """Await the device's answer; a job that was cancelled while it waits for the device does not wait on."""
    answer = asyncio.wrap_future(future)
    while not (await asyncio.wait([answer], timeout=CANCEL_POLL_S))[0]:
        if progress.is_cancelled and future.cancel():
            stop_if_cancelled(progress)
    return answer.result()
