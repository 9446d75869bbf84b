"""Variants that draw with SDXL and random weights: diffusers' stock pipeline and the service's engine."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy as np
import torch
from PIL import Image

from bench import device_counts, sdxl
from shared.schemas import CONTROL_TYPES, Quality
from shared.settings import Settings, load_settings
from worker import memory_plan
from worker.compilation import start_processes
from worker.conditioning import CONTROL_TYPE_INDEX
from worker.engine.denoiser import Denoiser
from worker.engine.job import EngineJob
from worker.engine.loop import StepLoop
from worker.engine.model_runner import ModelRunner
from worker.engine.placement import Placement
from worker.engine.request import DrawRequest
from worker.engine.request_state import RequestState
from worker.engine.text import TextEncoder
from worker.gpu_manager import GPUManager
from worker.model_assembly import make_ready
from worker.model_setup import is_on
from worker.progress import NullProgress

LARGEST_BATCH = 8
WEIGHTS = {"canny": 0.9, "depth": 0.5, "segmentation": 0.7, "scribble": 0.3}

Pictures = list[Image.Image]
T = TypeVar("T")


@dataclass(frozen=True)
class Subject:
    """What is drawn, and on which device.

    Attributes:
        scale: the networks' size.
        device: the device.
        dtype: the weights' dtype.
        side: a picture's side in pixels.
        steps: the number of steps of a picture.
    """

    scale: sdxl.Scale
    device: torch.device
    dtype: torch.dtype
    side: int
    steps: int

    def pipeline(self, folder: Path) -> Any:
        """Return diffusers' pipeline with random weights, always the same ones."""
        torch.manual_seed(0)
        return sdxl.make_pipeline(self.scale, folder, self.device, self.dtype)

    def requests(self, count: int, steps: int, quality: Quality, settings: Settings) -> list[DrawRequest]:
        """Return requests with guidance and four controls that differ only in their seeds."""
        cells = np.random.default_rng(0).integers(0, 2, (self.side // 16, self.side // 16), dtype=np.uint8) * 255
        image = Image.fromarray(cells).resize((self.side, self.side)).convert("RGB")
        fast = settings.active_model.fast
        return [
            DrawRequest(
                prompt="comic illustration of study",
                control_images=dict.fromkeys(CONTROL_TYPES, image),
                weights={kind: WEIGHTS[kind] for kind in CONTROL_TYPES},
                negative_prompt="blurry",
                num_inference_steps=steps,
                guidance_scale=6.0,
                guidance_end=fast.guidance_end if quality is Quality.FAST else 1.0,
                cache_interval=fast.cache_interval if quality is Quality.FAST else 1,
                seed=seed,
                quality=quality,
            )
            for seed in range(count)
        ]

    def settings(self, quality: Quality, *, is_compiled: bool = False, is_recorded: bool = False) -> Settings:
        """Return the service's settings for SDXL at the subject's size, with one quality in addition to `exact`."""
        settings = load_settings({"WRITING_MODEL": "sdxl", "WRITING_WORKER__BATCH_LIMIT": str(LARGEST_BATCH)})
        qualities = tuple(dict.fromkeys((Quality.EXACT, quality)))  # the compile cache's mark depends on their order
        model = settings.active_model.model_copy(update={"default_size": self.side, "qualities": qualities})
        profiles = {
            name: profile.model_copy(update={"torch_compile": is_compiled, "cuda_graphs": is_recorded})
            for name, profile in settings.gpu_profiles.items()
        }
        return settings.model_copy(update={"models": {"sdxl": model}, "gpu_profiles": profiles})


class Backend(Protocol):
    """Draws pictures, once it is prepared."""

    @property
    def notes(self) -> dict[str, object]:
        """What was enabled on this device, and what a step consists of."""

    def draw(self, count: int, steps: int) -> Pictures:
        """Draw this many pictures together."""

    def predicted_gib(self, count: int) -> float | None:
        """Return the predicted peak memory for this many pictures; None if there is no prediction."""

    def close(self) -> None:
        """End the threads."""


class Stock:
    """diffusers' own pipeline. Compiled: its repeated blocks and the VAE's decoder, as its documentation recommends."""

    def __init__(self, subject: Subject, folder: Path, *, is_compiled: bool) -> None:
        self.notes: dict[str, object] = {}
        self._subject = subject
        self._settings = subject.settings(Quality.EXACT)
        self._pipeline = subject.pipeline(folder)
        if is_compiled:
            # The ControlNet does not list its own, which are the UNet's.
            self._pipeline.controlnet._repeated_blocks = self._pipeline.unet._repeated_blocks
            for network in (self._pipeline.unet, self._pipeline.controlnet):
                network.compile_repeated_blocks(fullgraph=True)
            self._pipeline.vae.decode = torch.compile(self._pipeline.vae.decode)

    def draw(self, count: int, steps: int) -> Pictures:
        """Draw this many pictures together."""
        requests = self._subject.requests(count, steps, Quality.EXACT, self._settings)
        first, processor = requests[0], self._pipeline.control_image_processor
        pictures: Pictures = self._pipeline(
            [request.prompt for request in requests],
            negative_prompt=[request.negative_prompt for request in requests],
            control_image=[
                processor.preprocess(first.control_images[kind]).repeat(count, 1, 1, 1) for kind in first.steering
            ],
            control_mode=[CONTROL_TYPE_INDEX[kind] for kind in first.steering],
            controlnet_conditioning_scale=list(first.steering.values()),
            num_inference_steps=steps,
            guidance_scale=first.guidance_scale,
            width=self._subject.side,
            height=self._subject.side,
            generator=[torch.Generator().manual_seed(request.seed) for request in requests],
        ).images
        return pictures

    def predicted_gib(self, _count: int) -> float | None:
        """Return None: there is no prediction."""
        return None

    def close(self) -> None:
        """Do nothing: there are no threads."""


class Ours:
    """The service's engine, assembled as in a worker, stepped and decoded in separate threads."""

    def __init__(
        self, subject: Subject, folder: Path, *, quality: Quality, is_compiled: bool = False, is_recorded: bool = False
    ) -> None:
        """Prepare the engine.

        Raises:
            RuntimeError: it could not be compiled, or its steps could not be recorded.
        """
        self._subject, self._quality = subject, quality
        self._settings = subject.settings(quality, is_compiled=is_compiled, is_recorded=is_recorded)
        gpu = GPUManager(subject.device.type, self._settings.gpu_profiles)
        self._thread = ThreadPoolExecutor(1, initializer=Placement(gpu.device).enter_first)
        with start_processes(self._settings, gpu) as processes:  # before the weights are there, as in a worker
            pipeline = subject.pipeline(folder)
            ready = self._thread.submit(make_ready, pipeline, self._settings, gpu, "the service's", processes)
            self._model: ModelRunner = ready.result()
        self._pipeline = pipeline
        self._recordings_gib = memory_plan.recordings_gib(gpu.profile, uses_cache=quality is Quality.FAST)
        for wanted, option in ((is_compiled, "torch_compile"), (is_recorded, "cuda_graphs")):
            answer = getattr(self._model.setup, option)
            if wanted and not is_on(answer):
                raise RuntimeError(f"{option}: {answer}")
        networks = [network for one in self._model.denoisers for network in (one.unet, one.controlnet)]
        self._weights_gib = memory_plan.weights_gib(
            [*networks, pipeline.vae, pipeline.text_encoder, pipeline.text_encoder_2]
        )
        self.notes = {**self._model.setup.texts(), **self.run(self._count)}

    @property
    def device(self) -> torch.device:
        """The device."""
        return self._subject.device

    def denoiser(self, quality: Quality) -> Denoiser:
        """Return the denoiser of a quality."""
        return self._model.networks[quality].denoiser

    def rows(self, count: int, steps: int, quality: Quality) -> list[RequestState]:
        """Return what this many pictures start from. Call it by `run`."""
        requests = self._subject.requests(count, steps, quality, self._settings)
        return [self._model.row(request) for request in requests]

    def run(self, call: Callable[[], T]) -> T:
        """Return the result of a call in the engine's thread."""
        return self._thread.submit(call).result()

    def draw(self, count: int, steps: int) -> Pictures:
        """Draw this many pictures together."""
        return self.run(partial(self._draw, count, steps))

    def predicted_gib(self, count: int) -> float | None:
        """Return the prediction of `worker.memory_plan` for SDXL at 1024²; None for anything smaller."""
        is_full = self._subject.scale is sdxl.FULL
        if not is_full:
            return None
        decode_gib = memory_plan.decode_gib(self._pipeline.vae)
        return memory_plan.predicted_peak_gib(self._weights_gib, count, self._recordings_gib, decode_gib)

    def close(self) -> None:
        """End the threads."""
        self._model.decoder.close()
        self._thread.shutdown()

    def _draw(self, count: int, steps: int) -> Pictures:
        # Without the texts that were encoded before: a word has a prompt of its own.
        self._model.text = TextEncoder(self._pipeline, self._model.placement)
        loop = StepLoop(self._model, bulk_every=5)
        requests = self._subject.requests(count, steps, self._quality, self._settings)
        jobs = [EngineJob(request, NullProgress()) for request in requests]
        for job in jobs:
            loop.submit(job)
        while loop.has_jobs:
            loop.run_step()
        return [job.answer.result().image for job in jobs]

    def _count(self) -> dict[str, object]:
        """Return the cost of a picture's second step."""
        # Guidance must not end, or its end would be counted.
        (request,) = self._subject.requests(1, 12, self._quality, self._settings)
        row, denoiser = self._model.row(request), self.denoiser(self._quality)
        step = partial(denoiser.step, [row])
        step()
        device = self._subject.device
        return {
            "host waits per step": device_counts.waits(device, step),
            "kernels per step": device_counts.kernels(device, step),
        }


@dataclass(frozen=True)
class Variant:
    """A variant.

    Attributes:
        name: its name in the report.
        make: returns its drawer for a subject and a folder for the tokenizers' files.
        rounds: the batches to draw in each round. All variants' first rounds come first, since the time may run out.
    """

    name: str
    make: Callable[[Subject, Path], Backend]
    rounds: tuple[tuple[int, ...], ...]


def forget_compiled() -> None:
    """Discard compiled graphs and their networks; allow compiling again, which an engine disables after its warm-up."""
    torch.compiler.reset()
    torch.compiler.set_stance("default")
    torch._dynamo.utils.counters.clear()


STOCK_EAGER, STOCK_COMPILED = "stock diffusers, eager", "stock diffusers, compiled"
ALONE_FIRST = ((1,), (), (4, LARGEST_BATCH))
LARGEST_NEXT, LARGEST_TOO = ((1,), (LARGEST_BATCH,), (2, 4)), ((1, LARGEST_BATCH), (), (2, 4))
AT_ONCE = ((1, LARGEST_BATCH, 4),)  # for those that take long to prepare
_EXACT, _FAST = partial(Ours, quality=Quality.EXACT), partial(Ours, quality=Quality.FAST)
# The most informative ones first. Recorded: with CUDA graphs.
VARIANTS = (
    Variant(STOCK_EAGER, partial(Stock, is_compiled=False), ALONE_FIRST),
    Variant("exact, recorded", partial(_EXACT, is_recorded=True), LARGEST_NEXT),
    Variant("fast, recorded", partial(_FAST, is_recorded=True), LARGEST_TOO),
    # First the one with all networks, which finds the compile cache empty, then the one that finds it filled.
    Variant("fast, compiled and recorded", partial(_FAST, is_compiled=True, is_recorded=True), AT_ONCE),
    Variant("exact, compiled and recorded", partial(_EXACT, is_compiled=True, is_recorded=True), AT_ONCE),
    Variant(STOCK_COMPILED, partial(Stock, is_compiled=True), ALONE_FIRST),
    Variant("exact, eager", _EXACT, ALONE_FIRST),
    Variant("fast, eager", _FAST, ALONE_FIRST),
)
