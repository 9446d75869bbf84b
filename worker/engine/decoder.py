"""From latents to pictures: the VAE off the step loop, and a rough preview of a picture in the making."""

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import numpy as np
import torch
from diffusers import AutoencoderKL
from numpy.typing import NDArray
from PIL import Image
from torch.nn.functional import avg_pool2d

from shared.errors import GenerationFailed
from worker.engine.deadline import Deadline
from worker.engine.faults import Fault, attempt, free_memory
from worker.engine.placement import Placement
from worker.engine.request import EngineJob
from worker.progress import stop_if_cancelled

# Pictures that the preview is fitted to: smooth fields of random colours, of this many pixels a side.
FIT_PICTURES, FIT_SIDE, FIT_CELLS = 4, 256, 6


class Decoder:
    """Decodes finished latents in a thread of its own, one at a time, while the engine steps on."""

    def __init__(self, vae: AutoencoderKL, placement: Placement) -> None:
        """Take the VAE; one in fp16 that would overflow is widened here, once, and not at every call."""
        if vae.dtype == torch.float16 and vae.config.force_upcast:
            vae.to(torch.float32)
        placement.keep(vae)
        self._vae = vae
        self._placement = placement
        self.deadline = Deadline()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="decoder", initializer=placement.enter)
        self._stream: Any = (
            torch.cuda.Stream(placement.device)  # type: ignore[no-untyped-call]
            if placement.device.type == "cuda"
            else None
        )

    def submit(self, job: EngineJob, latents: torch.Tensor) -> None:
        """Decode a job's latents (1, channels, height / 8, width / 8) and end the job with its picture."""
        ready = torch.cuda.current_stream(latents.device).record_event() if self._stream is not None else None
        self._thread.submit(partial(self._finish, job, latents, ready))

    def wait(self) -> None:
        """Wait until what was submitted so far has been decoded."""
        self._thread.submit(lambda: None).result()

    def close(self) -> None:
        """Finish what was submitted, then end the thread."""
        self._thread.shutdown()

    def _finish(self, job: EngineJob, latents: torch.Tensor, ready: torch.cuda.Event | None) -> None:
        """End the job; whatever happened, it ends here."""
        pictures: list[Image.Image] = []
        with self.deadline.watch(f"decoding at {job.request.size}"):
            failure = attempt(lambda: pictures.append(self._draw(job, latents, ready)))
        if failure is None:
            job.succeed(pictures[0])
        else:
            job.fail(failure.answer)

    def _draw(self, job: EngineJob, latents: torch.Tensor, ready: torch.cuda.Event | None) -> Image.Image:
        stop_if_cancelled(job.progress)
        job.progress.stage("decoding")
        with torch.cuda.stream(self._stream):
            if ready is not None:
                ready.wait()
            return self.decode(latents)

    @torch.inference_mode()
    def decode(self, latents: torch.Tensor) -> Image.Image:
        """Return the picture of latents (1, channels, height / 8, width / 8).

        Raises:
            GenerationFailed: latents or picture hold NaN or infinite values.
            What PyTorch raises: it does not fit, not even in tiles, or the device computes no more.
        """
        _check(latents, "the model computed values that are no numbers; another seed or dtype may help")
        with self._placement.borrow(self._vae):
            latents = self._unscale(latents).to(self._placement.device, self._vae.dtype)
            pixels = self._decode_or_tile(latents)
        _check(
            pixels,
            "the VAE computed values that are no numbers, as where it overflows in float16; try another",
        )
        bytes_ = (pixels / 2 + 0.5).clamp(0, 1).mul(255).round().to(torch.uint8)
        return Image.fromarray(bytes_[0].permute(1, 2, 0).cpu().numpy())

    def _decode_or_tile(self, latents: torch.Tensor) -> torch.Tensor:
        pixels: list[torch.Tensor] = []
        failure = attempt(lambda: pixels.append(self._decode(latents)))
        if failure is None:
            return pixels[0]
        if failure.fault is not Fault.OUT_OF_MEMORY:
            raise failure.error
        free_memory()
        self._vae.enable_tiling()
        try:
            return self._decode(latents)
        finally:
            self._vae.disable_tiling()

    def _decode(self, latents: torch.Tensor) -> torch.Tensor:
        pixels: torch.Tensor = self._vae.decode(latents, return_dict=False)[0]
        return pixels.float()

    def _unscale(self, latents: torch.Tensor) -> torch.Tensor:
        config = self._vae.config
        if config.latents_mean is None or config.latents_std is None:
            unscaled: torch.Tensor = latents / config.scaling_factor
            return unscaled
        mean, deviation = (
            torch.tensor(values, device=latents.device).view(1, -1, 1, 1)
            for values in (config.latents_mean, config.latents_std)
        )
        spread: torch.Tensor = latents * deviation / config.scaling_factor + mean
        return spread


def _check(values: torch.Tensor, reason: str) -> None:
    if not bool(torch.isfinite(values).all()):
        raise GenerationFailed(reason)


class Previewer:
    """Turns latents into a small picture by one matrix: a linear map explains most of a VAE's colours."""

    def __init__(self, vae: AutoencoderKL, placement: Placement) -> None:
        """Fit the map to this VAE: least squares from latents to the mean colour of their patch."""
        pictures = _smooth_pictures()
        with torch.inference_mode(), placement.borrow(vae):
            latents = vae.encode(pictures.to(placement.device, vae.dtype)).latent_dist.mean.float().cpu()
        # diffusers scales after encoding and unscales before decoding; the engine's latents are the scaled ones.
        latents = latents * vae.config.scaling_factor
        factor = pictures.shape[-1] // latents.shape[-1]
        colours = avg_pool2d(pictures, factor).permute(0, 2, 3, 1).reshape(-1, 3)
        features = latents.permute(0, 2, 3, 1).reshape(-1, latents.shape[1])
        features = torch.cat([features, torch.ones(len(features), 1)], dim=1)
        solution = torch.linalg.lstsq(features, colours).solution
        self._weights, self._bias = solution[:-1].T[:, :, None, None].to(placement.device), solution[-1]

    @torch.inference_mode()
    def preview(self, latents: torch.Tensor) -> NDArray[np.uint8]:
        """Return latents (1, channels, height, width) as (height, width, 3)."""
        colours = torch.nn.functional.conv2d(latents, self._weights, self._bias.to(latents.device))
        bytes_ = (colours / 2 + 0.5).clamp(0, 1).mul(255).to(torch.uint8)
        picture: NDArray[np.uint8] = bytes_[0].permute(1, 2, 0).cpu().numpy()
        return picture


def _smooth_pictures() -> torch.Tensor:
    """Return random colour fields, (pictures, 3, side, side), -1 to 1."""
    generator = torch.Generator().manual_seed(0)
    cells = torch.rand(FIT_PICTURES, 3, FIT_CELLS, FIT_CELLS, generator=generator) * 2 - 1
    return torch.nn.functional.interpolate(cells, size=(FIT_SIDE, FIT_SIDE), mode="bilinear")
