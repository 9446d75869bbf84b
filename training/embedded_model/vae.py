"""Train the VAE on crops of procedural pictures."""

from pathlib import Path

import torch
from diffusers import AutoencoderKL
from torch.nn import functional
from torch.utils.data import DataLoader
from tqdm import tqdm

from training.embedded_model.checkpoint import Ema, TrainingState, ignore_signals
from training.embedded_model.data import PictureStream
from training.embedded_model.models import make_vae

CROP, BATCH = 96, 16
LEARNING_RATE = 2e-3

# Weights of the losses beside L1 = 1.
SQUARED, GRADIENT, POOLED, PATCH_COLOUR, KL = 0.5, 0.5, 0.5, 0.2, 1e-4


def train_vae(folder: Path, steps: int, device: torch.device, workers: int) -> None:
    """Train until ``steps`` steps are done in all; goes on from the last saved state."""
    torch.manual_seed(0)
    vae = make_vae().to(device, memory_format=torch.channels_last).train()
    optimizer = torch.optim.AdamW(vae.parameters(), LEARNING_RATE, weight_decay=1e-3)
    ema = Ema(vae, decay=0.998)
    state = TrainingState(folder / "vae.pt", {"model": vae, "optimizer": optimizer, "ema": ema})
    batches = iter(
        DataLoader(PictureStream(seed=state.step, crop=CROP), BATCH, num_workers=workers, worker_init_fn=ignore_signals)
    )
    with state, tqdm(total=steps, initial=state.step, desc="VAE", unit="step") as bar:
        while state.step < steps and not state.is_stopping:
            for group in optimizer.param_groups:
                group["lr"] = LEARNING_RATE * _decay(state.step / steps)
            images = next(batches).to(device)
            with torch.autocast(device.type, torch.bfloat16):  # with channels last, twice as fast on a CPU
                loss, decoded = vae_loss(vae, images)
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(vae.parameters(), 1.0)
            optimizer.step()
            ema.update(vae)
            state.after_step()
            bar.update()
            bar.set_postfix(loss=f"{loss.item():.3f}", psnr=f"{psnr(decoded, images):.1f} dB")


def load_vae(folder: Path, device: torch.device, start: Path | None = None) -> AutoencoderKL:
    """Return the trained VAE with averaged weights, its scaling factor set so that latents have unit variance.

    If none has been trained in ``folder``, return that of the checkpoint folder ``start``.
    """
    if start and not (folder / "vae.pt").is_file():
        return AutoencoderKL.from_pretrained(start / "vae", torch_dtype=torch.float32).to(device).eval()
    vae = make_vae().to(device)
    vae.load_state_dict(torch.load(folder / "vae.pt", weights_only=True, map_location=device)["ema"]["weights"])
    vae.eval()
    stream = iter(PictureStream(seed=99, crop=256, crops_per_picture=1))
    pictures = torch.stack([next(stream) for _ in range(48)]).to(device)
    with torch.inference_mode():
        deviation = float(
            torch.cat([vae.encode(part).latent_dist.mean for part in torch.tensor_split(pictures, 6)]).std()
        )
    vae.register_to_config(scaling_factor=1 / deviation)
    return vae


def vae_loss(vae: AutoencoderKL, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the loss and the decoded images; (batch, 3, height, width), -1 to 1.

    Plain losses lose colours that few pictures have, so three latent channels are tied to their patch's mean colour.
    """
    posterior = vae.encode(images).latent_dist
    decoded: torch.Tensor = vae.decode(posterior.sample()).sample
    patch_colour = functional.avg_pool2d(images, 8)
    loss = (
        functional.l1_loss(decoded, images)
        + SQUARED * functional.mse_loss(decoded, images)
        + GRADIENT * sum(functional.l1_loss(decoded.diff(dim=axis), images.diff(dim=axis)) for axis in (2, 3))
        + POOLED * functional.l1_loss(functional.avg_pool2d(decoded, 4), functional.avg_pool2d(images, 4))
        + PATCH_COLOUR * functional.mse_loss(posterior.mean[:, :3], 2 * patch_colour)
        + KL * posterior.kl().mean() / posterior.mean[0].numel()
    )
    return loss, decoded


def psnr(decoded: torch.Tensor, images: torch.Tensor) -> float:
    """Return the peak signal-to-noise ratio in dB."""
    return float(10 * torch.log10(4 / functional.mse_loss(decoded.detach(), images)))


def _decay(progress: float) -> float:
    """Return the learning rate's factor: full at first, then down to a fiftieth."""
    return max(0.02, min(1.0, 2 * (1 - progress)))
