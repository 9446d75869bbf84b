"""Train the diffusion networks and the decoder on a GPU, on pictures that processes draw meanwhile.

A GPU steps faster than stored shards could be read: its pictures stay in its memory, and new ones replace the oldest.
"""

import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from queue import Empty, Full, Queue
from threading import Event, Thread
from typing import Any

import cv2
import numpy as np
import torch
from diffusers import AutoencoderKL
from torch.utils.data import DataLoader, IterableDataset, get_worker_info
from tqdm import tqdm

from shared.schemas import CONTROL_TYPES
from shared.settings import load_settings
from training.embedded_model.checkpoint import Ema, TrainingState, ignore_signals
from training.embedded_model.data import SIDE, SceneMaker
from training.embedded_model.descent import Descent, finite, rate
from training.embedded_model.diffusion import (
    CROP_SIDE,
    EMA_DECAY,
    Batch,
    DiffusionTrainer,
    Networks,
    choose_samples,
    initial_networks,
    random_crop,
    shift_reach,
)
from training.embedded_model.perceptual import Features
from training.embedded_model.shards import PIXELS, WHOLE, Crop, motif_share
from training.embedded_model.text import folder_tokenizer
from training.embedded_model.vae import (
    BETAS,
    DECODER_LEARNING_RATE,
    DECODER_NOISE,
    LATENT_CHANNELS,
    WEIGHT_DECAY,
    encode,
    has_bfloat16,
    load_vae,
    psnr,
    vae_loss,
)

# Pictures in the GPU's memory, 4 MB each, and the fewest with which training starts.
POOL, FEWEST = 6_000, 96
# Pictures that a process sends together.
SENT = 16
WHOLES, CROP_SHARE = 64, 0.2
WARM_UP_STEPS = 150
# The last share of the time, in which the learning rates fall to a fiftieth.
DECAY_SHARE = 0.45
# The map encoder is trained in this first share of the time.
MAP_ENCODER_SHARE = 0.5
# One step of the decoder for so many of the diffusion networks, on so many pictures.
DECODER_EVERY, DECODER_PICTURES = 3, 3
LOG_EVERY = 20


class SampleStream(IterableDataset[dict[str, Any]]):
    """Endless samples: `picture` (3, 512, 512), `maps` (4, 3, 512, 512), both uint8, `prompt` and `style`."""

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """Yield samples without end; each process draws its own."""
        cv2.setNumThreads(1)
        worker = get_worker_info()
        maker = SceneMaker(self._seed + (1 + worker.id if worker else 0) * 7919)
        while True:
            sample = maker.sample()
            maps = np.stack([sample.maps[control_type].transpose(2, 0, 1) for control_type in CONTROL_TYPES])
            picture = np.ascontiguousarray(sample.picture.transpose(2, 0, 1))
            images = {"picture": torch.from_numpy(picture), "maps": torch.from_numpy(maps)}
            yield {**images, "prompt": sample.prompt, "style": sample.style}


class Pool:
    """Samples on a device. When it is full, new ones replace the oldest.

    Attributes:
        added: the number of samples that were ever added.
    """

    def __init__(self, size: int, device: torch.device) -> None:
        latent_side = SIDE // PIXELS
        self._pictures = torch.empty(size, 3, SIDE, SIDE, dtype=torch.uint8, device=device)
        self._maps = torch.empty(size, len(CONTROL_TYPES), 3, SIDE, SIDE, dtype=torch.uint8, device=device)
        self._latents = torch.empty(size, LATENT_CHANNELS, latent_side, latent_side, device=device)
        self._motifs = torch.empty(size, 1, latent_side, latent_side, device=device)
        self._prompts = [""] * size
        self._sample_styles = np.full(size, "", dtype="<U32")
        self._styles = load_settings({}).styles
        self.added = 0

    def __len__(self) -> int:
        """Return the number of samples."""
        return min(self.added, len(self._prompts))

    @torch.no_grad()
    def add(self, samples: dict[str, Any], vae: AutoencoderKL) -> None:
        """Encode samples and keep them."""
        device = self._pictures.device
        pictures = samples["picture"].to(device, non_blocking=True)
        maps = samples["maps"].to(device, non_blocking=True)
        places = [(self.added + number) % len(self._prompts) for number in range(len(pictures))]
        where = torch.tensor(places, device=device)
        self._pictures[where], self._maps[where], self._latents[where] = pictures, maps, encode(vae, _to_unit(pictures))
        self._motifs[where] = motif_share(maps[:, CONTROL_TYPES.index("segmentation")])
        for place, prompt, style in zip(places, samples["prompt"], samples["style"], strict=True):
            self._prompts[place], self._sample_styles[place] = prompt, style
        self.added += len(pictures)

    def batch(self, random: np.random.Generator) -> Batch:
        """Return a batch of whole pictures, or sometimes of four times as many crops."""
        whole = random.random() >= CROP_SHARE
        crop, count = (WHOLE, WHOLES) if whole else (random_crop(random), WHOLES * (SIDE // CROP_SIDE) ** 2)
        candidates, (controls, weights) = choose_samples(self._sample_styles[: len(self)], self._styles, random)
        chosen = random.choice(candidates, count)
        where = torch.from_numpy(chosen).to(self._pictures.device)
        maps = []
        for control, reach in zip(controls, map(shift_reach, weights), strict=True):
            one = self._maps[where, CONTROL_TYPES.index(control)]
            if reach:
                shifts = random.integers(-reach, reach + 1, (count, 2)).tolist()
                one = torch.stack([picture.roll(shift, (1, 2)) for picture, shift in zip(one, shifts, strict=True)])
            maps.append(_cut(one, crop, 1).float() / 255)
        latents, motifs = (_cut(stored[where], crop, PIXELS) for stored in (self._latents, self._motifs))
        return Batch(latents, motifs, maps, controls, weights, [self._prompts[place] for place in chosen], crop)

    def pictures(self, random: np.random.Generator, count: int) -> torch.Tensor:
        """Return whole pictures, (count, 3, 512, 512), -1 to 1."""
        return _to_unit(self._pictures[torch.from_numpy(random.integers(0, len(self), count))])


class DrawnMeanwhile:
    """Samples that processes draw inside the ``with`` block, ``SENT`` together."""

    def __init__(self, workers: int, *, is_pinned: bool) -> None:
        """Set the number of processes; ``is_pinned`` puts samples into memory that a GPU copies from quickly."""
        stream = SampleStream(seed=time.time_ns() % 2**31)  # others after an interruption
        self._loader = DataLoader(
            stream, SENT, num_workers=workers, pin_memory=is_pinned, worker_init_fn=ignore_signals
        )
        self._arrived: Queue[dict[str, Any]] = Queue(maxsize=2)
        self._is_over = Event()
        self._thread = Thread(target=self._receive, daemon=True, name="samples")

    def __enter__(self) -> "DrawnMeanwhile":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self._thread.join()

    def take(self) -> dict[str, Any]:
        """Return samples, and wait for them if necessary.

        Raises:
            RuntimeError: nothing more is drawn, as its traceback above says.
        """
        while True:
            try:
                return self._arrived.get(timeout=1)
            except Empty:
                if not self._thread.is_alive():
                    raise RuntimeError("the processes that draw have ended") from None

    @property
    def has_arrived(self) -> bool:
        """Whether samples can be taken without waiting."""
        return not self._arrived.empty()

    def _receive(self) -> None:
        for samples in self._loader:
            while not self._is_over.is_set():
                with suppress(Full):
                    self._arrived.put(samples, timeout=0.1)
                    break
            if self._is_over.is_set():
                return


class Clock:
    """The seconds that training has taken, including those before an interruption."""

    def __init__(self, limit_s: float) -> None:
        self._limit_s = limit_s
        self._before_s, self._started = 0.0, time.monotonic()

    def start(self) -> None:
        """Count from now on."""
        self._started = time.monotonic()

    @property
    def seconds(self) -> float:
        """The seconds so far."""
        return self._before_s + time.monotonic() - self._started

    @property
    def share(self) -> float:
        """The share of the time that is over, 0 to 1."""
        return min(1.0, self.seconds / self._limit_s)

    def state_dict(self) -> dict[str, Any]:
        """Return the state to save."""
        return {"seconds": self.seconds}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore a saved state."""
        self._before_s = state["seconds"]


class DecoderTrainer:
    """Trains a VAE's decoder; the encoder stays, because its latents are what the diffusion networks learn."""

    def __init__(self, vae: AutoencoderKL) -> None:
        self.vae = vae
        for part in (vae.encoder, vae.quant_conv):
            part.requires_grad_(requires_grad=False)
        self._features = Features().to(vae.device)
        parameters = [parameter for parameter in vae.parameters() if parameter.requires_grad]
        self._descent = Descent(parameters, DECODER_LEARNING_RATE, betas=BETAS, weight_decay=WEIGHT_DECAY)
        self.ema = Ema(vae, EMA_DECAY)

    @property
    def parts(self) -> dict[str, Any]:
        """What is to be saved."""
        return {"vae": self.vae, "decoder_optimizer": self._descent.optimizer, "decoder_ema": self.ema}

    def step(self, images: torch.Tensor, factor: float) -> torch.Tensor:
        """Take a step on images (batch, 3, height, width), -1 to 1; return what was decoded."""
        device = images.device
        images = images.to(memory_format=torch.channels_last)
        with torch.autocast(device.type, torch.bfloat16, enabled=has_bfloat16(device)):
            loss, decoded = vae_loss(self.vae, images, self._features, DECODER_NOISE)
        self._descent.step(loss, factor)
        self.ema.update(self.vae)
        return decoded


def train_live(
    folder: Path, minutes: float, device: torch.device, workers: int, start: Path | None
) -> tuple[Networks, AutoencoderKL]:
    """Train for ``minutes`` in total; resume from the saved state. Return the averaged networks and VAE, on the CPU.

    Args:
        folder: has the tokenizer and the VAE; receives ``live.pt`` and the log ``live.tsv``: step, loss, the decoder's
            PSNR on its own crops, pictures drawn, seconds.
        minutes: of training.
        device: a GPU; a CPU also works, slowly.
        workers: processes that draw.
        start: a checkpoint to start from.

    Raises:
        FloatingPointError: the loss is no longer finite.
        RuntimeError: the processes that draw have ended.
    """
    torch.manual_seed(0)
    torch.backends.cudnn.benchmark = True
    tokenizer = folder_tokenizer(folder)
    diffusion = DiffusionTrainer(initial_networks(folder, len(tokenizer), start).train().to(device), tokenizer)
    decoder = DecoderTrainer(load_vae(folder, device).to(memory_format=torch.channels_last))
    pool, clock = Pool(POOL, device), Clock(60 * minutes)
    state = TrainingState(folder / "live.pt", {**diffusion.parts, **decoder.parts, "clock": clock})
    random = np.random.default_rng(state.step)
    diffusion.generator.manual_seed(state.step)
    drawn = DrawnMeanwhile(workers, is_pinned=device.type == "cuda")
    decoded: torch.Tensor | None = None
    log = (folder / "live.tsv").open("a", encoding="utf-8")
    with log, drawn, state, tqdm(desc="live", unit="step", initial=state.step) as bar:
        while len(pool) < FEWEST and not state.is_stopping:
            pool.add(drawn.take(), decoder.vae)
        clock.start()
        while clock.share < 1 and not state.is_stopping:
            if drawn.has_arrived:
                pool.add(drawn.take(), decoder.vae)
            factor = rate(state.step, clock.share, warm_up=WARM_UP_STEPS, decay=DECAY_SHARE)
            loss = diffusion.step(pool.batch(random), factor, trains_maps=clock.share < MAP_ENCODER_SHARE)
            if decoded is None or state.step % DECODER_EVERY == 0:
                images = pool.pictures(random, DECODER_PICTURES)
                decoded = decoder.step(images, factor)
            state.after_step()
            bar.update()
            if state.step % LOG_EVERY == 1:
                figures = (
                    f"{finite(loss, state.step):.4f}",
                    f"{psnr(decoded, images):.2f}",
                    pool.added,
                    f"{clock.seconds:.1f}",
                )
                bar.set_postfix(loss=figures[0], psnr=figures[1], drawn=figures[2])
                print(state.step, *figures, sep="\t", file=log, flush=True)
    diffusion.networks.load_state_dict(diffusion.ema.weights)
    decoder.vae.load_state_dict(decoder.ema.weights)
    return diffusion.networks.eval().cpu(), decoder.vae.eval().cpu()


def _cut(stored: torch.Tensor, crop: Crop, pixels: int) -> torch.Tensor:
    """Return a part of (batch, channels, height, width), where one value stands for ``pixels`` of a picture's side."""
    top, left, side = (value // pixels for value in (crop.top, crop.left, crop.side))
    return stored[:, :, top : top + side, left : left + side]


def _to_unit(pictures: torch.Tensor) -> torch.Tensor:
    return pictures.float() / 127.5 - 1
