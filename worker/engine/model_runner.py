"""A loaded pipeline, taken apart for the engine."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

import torch
from PIL import Image

from shared.schemas import Quality
from worker.conditioning import CONTROL_TYPE_INDEX
from worker.engine.decoder import Decoder
from worker.engine.denoiser import Denoiser
from worker.engine.placement import Placement
from worker.engine.preview import Previewer
from worker.engine.prompt_fit import FittedPrompt, phrases_of
from worker.engine.request import DrawRequest
from worker.engine.request_state import Conditions, RequestState
from worker.engine.solvers import Schedule, Solver
from worker.engine.step_graphs import StepGraphs
from worker.engine.text import TextEncoder
from worker.engine.transfer import send
from worker.engine.union_controlnet import FusedControl, fuse
from worker.model_setup import Setup


@dataclass(frozen=True)
class Networks:
    """The networks that draw one quality.

    Attributes:
        name: their name in results.
        denoiser: UNet and ControlNet.
        scheduler_options: override the checkpoint's scheduler configuration.
    """

    name: str
    denoiser: Denoiser
    scheduler_options: Mapping[str, Any] = field(default_factory=dict)


class ModelRunner:
    """Makes rows from requests, and holds the networks that step them.

    `setup` says what is enabled on the device, once everything has been tried.

    Args:
        pipeline: diffusers' SDXL + Union ControlNet pipeline, placed on the device.
        placement: where its parts are kept.
        solver: the solver for all steps.
        networks: by quality; `exact` is always present.
        batch_limit: the number of pictures of the native size that may share a step.
        native_size: side of that picture in pixels.
        previewer: fitted to the pipeline's VAE; None fits one.
    """

    def __init__(
        self,
        pipeline: Any,
        *,
        placement: Placement,
        solver: Solver,
        networks: Mapping[Quality, Networks],
        batch_limit: int,
        native_size: int,
        previewer: Previewer | None = None,
    ) -> None:
        self.placement = placement
        self.solver = solver
        self.networks = networks
        self.batch_limit = batch_limit
        self.setup = Setup()
        self.text = TextEncoder(pipeline, placement)
        self.decoder = Decoder(pipeline.vae, placement)
        self.previewer = previewer or Previewer.fitted(pipeline.vae, placement)
        self._native_size = native_size
        self._controlnet = pipeline.controlnet
        self._config = pipeline.scheduler.config
        self._latents_form = (pipeline.unet.config.in_channels, pipeline.vae_scale_factor)
        self._noise_dtype = pipeline.text_encoder_2.dtype
        self._schedule = lru_cache(maxsize=256)(self._make_schedule)

    @property
    def native_size(self) -> tuple[int, int]:
        """Width and height of a picture of the native size, in pixels."""
        return self._native_size, self._native_size

    @property
    def denoisers(self) -> list[Denoiser]:
        """The denoisers of all qualities, each once: some qualities share one."""
        return list(dict.fromkeys(networks.denoiser for networks in self.networks.values()))

    def cost(self, request: DrawRequest) -> int:
        """Return a request's cost in pictures of the native size."""
        width, height = request.size
        return max(1, -(-width * height // self._native_size**2))

    def group(self, request: DrawRequest, step: int = 0) -> Hashable:
        """Return the key that two jobs must share to share a step: size, networks, and which parts of them run.

        Args:
            request: of the job.
            step: the job's next step, counted from 0.
        """
        return (*request.size, id(self.networks[request.quality].denoiser), request.uses_cache(step))

    def conditions(self, request: DrawRequest) -> Conditions:
        """Return what steers a request's pictures: its encoded texts and fused controls.

        Raises:
            PromptTooLong: the prompt or the negative prompt cannot be shortened to the encoders' limit.
        """
        prompt = self.text.fit(request.prompt, essential=request.essential, field="translation")
        negative_prompt = self._negative_prompt(request)
        text = self.text.prompt(prompt.text)
        return Conditions(
            prompt=prompt,
            negative_prompt=negative_prompt,
            text=text,
            negative=self.text.negative(negative_prompt.text, text) if request.guidance_scale > 1 else None,
            control=self.fused_control(request),
        )

    def _negative_prompt(self, request: DrawRequest) -> FittedPrompt:
        """Return what is read of a request's negative prompt. Without guidance, which subtracts it, nothing is."""
        if request.guidance_scale > 1:
            return self.text.fit(request.negative_prompt, field="negative_prompt")
        return FittedPrompt(left_out=phrases_of(request.negative_prompt))

    def row(self, request: DrawRequest, conditions: Conditions | None = None, variation: int = 0) -> RequestState:
        """Return the tensors that a picture starts from.

        Args:
            request: what to draw.
            conditions: what steers it; if None, it is computed as by `conditions`.
            variation: which of the request's pictures; its noise has the seed ``request.seed + variation``.

        Raises:
            PromptTooLong: as `conditions`.
        """
        schedule = self._schedule(request.quality, request.num_inference_steps)
        generator = torch.Generator("cpu").manual_seed(request.seed + variation)
        channels, factor = self._latents_form
        width, height = request.size
        # Drawn on the CPU in the model's dtype, as in diffusers, so that a seed gives the same noise on any device.
        noise = torch.randn(
            (1, channels, height // factor, width // factor), generator=generator, dtype=self._noise_dtype
        )
        return RequestState(
            request=request,
            conditions=conditions or self.conditions(request),
            schedule=schedule,
            generator=generator,
            latents=send(noise, self.placement.device).float() * schedule.initial_scale,
        )

    def warm_up(self, *, uses_cache: bool, largest_batch: int) -> None:
        """Take steps with one, two and many rows, with and without controls, so that compiled networks compile now.

        Args:
            uses_cache: whether `fast` uses the cache of an earlier step.
            largest_batch: the largest number of guided pictures that share a step.
        """
        single = self._plain_request()
        guided, free = replace(single, guidance_scale=2.0), replace(single, weights={"canny": 0.0})
        batches = [[guided], [single], [free], [guided] * largest_batch]
        for denoiser in self.denoisers:
            self._take_steps(denoiser, batches, count=1)
        if uses_cache:
            fast_single, fast_guided = replace(single, cache_interval=2), replace(guided, cache_interval=2)
            batches = [[fast_guided], [fast_single], [fast_guided] * largest_batch]
            self._take_steps(self.networks[Quality.FAST].denoiser, batches, count=2)

    def record(self, graphs: Mapping[Denoiser, StepGraphs], *, uses_cache: bool) -> None:
        """Take steps with few rows of the native size through each denoiser's graphs, which record them.

        Args:
            graphs: of each denoiser.
            uses_cache: as in `warm_up`.
        """
        single = self._plain_request()
        guided = replace(single, guidance_scale=2.0)
        steered = [[guided], [single], [guided, single], [guided, guided]]
        free = [[replace(request, weights={"canny": 0.0}) for request in batch] for batch in steered]
        batches = steered + free
        fast_batches = [[replace(request, cache_interval=2) for request in batch] for batch in batches]
        for denoiser, own in graphs.items():
            denoiser.call_through(own)
            with own.recording():
                self._take_steps(denoiser, batches, count=1)
                if uses_cache and denoiser is self.networks[Quality.FAST].denoiser:
                    self._take_steps(denoiser, fast_batches, count=2)

    def _take_steps(self, denoiser: Denoiser, batches: Sequence[Sequence[DrawRequest]], count: int) -> None:
        for requests in batches:
            rows = [self.row(request) for request in requests]
            for _ in range(count):
                denoiser.step(rows)
            rows[0].latents.sum().item()

    def warm_up_decoder(self) -> None:
        """Decode in the decoder's thread, so that its kernels are loaded, and a compiled VAE compiles, now."""
        # Zeros: noise, above all that of the first step, can overflow a VAE in float16 that decodes pictures.
        self.decoder.warm_up(torch.zeros_like(self.row(self._plain_request()).latents))

    def _plain_request(self) -> DrawRequest:
        """Return a request of the native size, with one control and without guidance."""
        image = Image.new("RGB", self.native_size)
        return DrawRequest(prompt="warm-up", control_images={"canny": image}, guidance_scale=1.0)

    def fused_control(self, request: DrawRequest) -> FusedControl | None:
        """Return the request's controls, fused by the ControlNet's first half; None if none steers."""
        if not request.steering:
            return None
        images = {CONTROL_TYPE_INDEX[kind]: image for kind, image in request.control_tensors.items()}
        return fuse(self._controlnet, images, list(request.steering.values()))

    def _make_schedule(self, quality: Quality, steps: int) -> Schedule:
        return self.solver.schedule(self._config, steps, **self.networks[quality].scheduler_options)
