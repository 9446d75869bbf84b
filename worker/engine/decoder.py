"""From latents to pictures: the VAE, outside the step loop."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import Any

import torch
from diffusers import AutoencoderKL
from PIL import Image

from shared.errors import GenerationFailed
from worker.engine.compiler import CompileBlocks
from worker.engine.deadline import Deadline
from worker.engine.faults import Failure, Fault, free_memory, outcome_of
from worker.engine.job import EngineJob
from worker.engine.latents import unscale
from worker.engine.placement import Placement
from worker.progress import stop_if_cancelled

# The side of the fallback's tiles, in pixels. diffusers derives it from the checkpoint, where SDXL's own VAE says 1024:
# it would not tile a picture of 1024 x 1024 at all.
TILE = 512


class Decoder:
    """Decodes finished latents in its own thread, one at a time, while the engine continues stepping."""

    def __init__(self, vae: AutoencoderKL, placement: Placement) -> None:
        """Set the VAE and its tiles."""
        self._pixels_per_latent = 2 ** (len(vae.config.block_out_channels) - 1)
        vae.tile_sample_min_size, vae.tile_latent_min_size = TILE, TILE // self._pixels_per_latent
        placement.keep(vae)
        self.vae = vae
        self._placement = placement
        self.deadline = Deadline()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="decoder", initializer=placement.enter)
        self._stream: Any = (
            torch.cuda.Stream(placement.device)  # type: ignore[no-untyped-call]
            if placement.device.type == "cuda"
            else None
        )
        self._compiled_shape: tuple[int, int] | None = None
        self._compiled: AbstractContextManager[object] = nullcontext()

    def compile(self, compile_blocks: CompileBlocks, size: tuple[int, int]) -> None:
        """Compile the VAE for pictures of one size, width and height. Other sizes are decoded uncompiled."""
        self._compiled_shape = size[1] // self._pixels_per_latent, size[0] // self._pixels_per_latent
        self._compiled = compile_blocks([self.vae])

    def run_eager(self) -> None:
        """Run uncompiled from now on."""
        self._compiled_shape = None

    def submit(self, job: EngineJob, latents: torch.Tensor) -> None:
        """Decode a job's latents (1, channels, height / 8, width / 8) and end the job with its picture."""
        self._thread.submit(partial(self._finish, job, latents, self._record_event()))

    def warm_up(self, latents: torch.Tensor) -> None:
        """Decode latents as a job's would be, and drop the picture; raises as `decode`."""
        self._thread.submit(self._decode_after, latents, self._record_event()).result()

    def wait(self) -> None:
        """Wait until everything submitted so far has been decoded."""
        self._thread.submit(lambda: None).result()

    def close(self) -> None:
        """Finish all submitted jobs, then end the thread."""
        self._thread.shutdown()

    def _finish(self, job: EngineJob, latents: torch.Tensor, ready: torch.cuda.Event | None) -> None:
        """End the job, whether decoding succeeds or fails."""
        with self.deadline.watch(f"decoding at {job.request.size}"):
            picture = outcome_of(partial(self.draw, job, latents, ready))
        if isinstance(picture, Failure):
            job.fail(picture.answer)
        else:
            job.succeed(picture)

    def draw(self, job: EngineJob, latents: torch.Tensor, ready: torch.cuda.Event | None) -> Image.Image:
        """Return the picture once the device has reached `ready`; raises as `decode`, and `JobCancelled`."""
        stop_if_cancelled(job.progress)
        job.progress.stage("decoding")
        return self._decode_after(latents, ready)

    def _record_event(self) -> torch.cuda.Event | None:
        """Return the event that the calling thread's stream reaches when its work so far is done; None on a CPU."""
        return torch.cuda.current_stream(self._placement.device).record_event() if self._stream is not None else None

    def _decode_after(self, latents: torch.Tensor, ready: torch.cuda.Event | None) -> Image.Image:
        with torch.cuda.stream(self._stream):
            if ready is not None:
                ready.wait()
            return self.decode(latents)

    @torch.inference_mode()
    def decode(self, latents: torch.Tensor) -> Image.Image:
        """Return the picture of latents (1, channels, height / 8, width / 8).

        Raises:
            GenerationFailed: latents or picture hold NaN or infinite values.
            PyTorch's errors: it does not fit even in tiles, or the device has failed.
        """
        _check(latents, "the model produced NaN or infinite values; another seed or dtype may help")
        with self._placement.borrow(self.vae):
            latents = unscale(latents, self.vae.config).to(self._placement.device, self.vae.dtype)
            pixels = self._decode_or_tile(latents)
        _check(
            pixels,
            "the VAE produced NaN or infinite values, as when it overflows in float16; try another VAE",
        )
        bytes_ = (pixels / 2 + 0.5).clamp(0, 1).mul(255).round().to(torch.uint8)
        return Image.fromarray(bytes_[0].permute(1, 2, 0).cpu().numpy())

    def _decode_or_tile(self, latents: torch.Tensor) -> torch.Tensor:
        pixels = outcome_of(partial(self.to_pixels, latents))
        if not isinstance(pixels, Failure):
            return pixels
        if pixels.fault is not Fault.OUT_OF_MEMORY:
            raise pixels.error
        free_memory()
        self.vae.enable_tiling()
        try:
            return self.to_pixels(latents)
        finally:
            self.vae.disable_tiling()

    def to_pixels(self, latents: torch.Tensor) -> torch.Tensor:
        """Return the pixels, (1, 3, height, width), -1 to 1, of unscaled latents in the VAE's dtype, as float32."""
        is_compiled = latents.shape[2:] == self._compiled_shape and not self.vae.use_tiling
        with self._compiled if is_compiled else nullcontext():
            pixels: torch.Tensor = self.vae.decode(latents, return_dict=False)[0]
        return pixels.float()


def upcast_if_overflowing(vae: AutoencoderKL) -> None:
    """Upcast a float16 VAE that would overflow: once, not at every call."""
    if vae.dtype == torch.float16 and vae.config.force_upcast:
        vae.to(torch.float32)


def _check(values: torch.Tensor, reason: str) -> None:
    if not bool(torch.isfinite(values).all()):
        raise GenerationFailed(reason)
