"""Train the VAE on crops of procedural pictures, with a perceptual loss in addition to the pixel losses."""

from dataclasses import dataclass
from pathlib import Path

import torch
from diffusers import AutoencoderKL
from torch.nn import functional
from torch.utils.data import DataLoader
from tqdm import tqdm

from training.embedded_model.checkpoint import Ema, TrainingState, ignore_signals
from training.embedded_model.data import SIDE, PictureStream, SceneMaker, to_tensor
from training.embedded_model.descent import Descent, finite, rate
from training.embedded_model.perceptual import Features
from training.embedded_model.pictures import STYLES

LATENT_CHANNELS = 16
WIDTHS = (16, 48, 128, 192)
LEARNING_RATE, DECODER_LEARNING_RATE = 1.5e-3, 7e-4
BETAS, WEIGHT_DECAY = (0.9, 0.98), 1e-3
# Weights of the losses, relative to L1 = 1.
SQUARED, GRADIENT, PERCEPTUAL, KL = 4.0, 0.5, 0.05, 1e-4
# The perceptual loss is computed every n-th step, because its network costs as much as the VAE.
PERCEPTUAL_EVERY = 2
# The most noise that the decoder's own training adds to latents, as a share of their standard deviation: latents that
# the UNet has drawn are not exact, and the decoder should show clean surfaces nevertheless.
DECODER_NOISE = 0.3
# On a flat ground the encoder marks the top right corner, 4 x 4 latents, with up to 45 standard deviations. No UNet
# draws such outliers, and a decoder that sees them lets the whole picture's colour depend on them; the other latents
# tell it, too. So the latents beside the corner replace it, and all are limited to so many standard deviations.
MARKED_CORNER, LATENT_LIMIT = 4, 6.0
WARM_UP_STEPS = 200


@dataclass(frozen=True)
class Crops:
    """What a step sees: ``batch`` crops of ``side`` pixels; ``per_picture`` of them, in the mean, from one picture."""

    side: int
    batch: int
    per_picture: int


CROPS = Crops(side=96, batch=12, per_picture=12)
# The decoder's own training sees whole pictures, because normalisation over a crop differs from that over a picture.
WHOLE_PICTURES = Crops(side=SIDE, batch=1, per_picture=2)


def make_vae() -> AutoencoderKL:
    """Return the VAE: 8-fold downsampling, 16 channels, no attention, 6.4 M parameters."""
    return AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        block_out_channels=WIDTHS,
        layers_per_block=1,
        latent_channels=LATENT_CHANNELS,
        norm_num_groups=8,
        sample_size=512,
        mid_block_add_attention=False,
    )


def train_vae(folder: Path, steps: int, device: torch.device, workers: int, start: Path | None = None) -> None:
    """Train for ``steps`` steps in total; resume from the last saved state.

    Training starts from the VAE in the folder ``start``, if it is given.

    Raises:
        FileExistsError: the folder's VAE is in use (`load_vae`), so training would change nothing.
    """
    if (folder / "vae").is_dir():
        raise FileExistsError(f"{folder / 'vae'} is in use: shards contain its latents; train another in a new folder")
    torch.manual_seed(0)
    vae = AutoencoderKL.from_pretrained(start, torch_dtype=torch.float32) if start else make_vae()
    _train(vae, folder / "vae", steps, device, crops=CROPS, workers=workers, learning_rate=LEARNING_RATE)


def train_decoder(folder: Path, steps: int, device: torch.device, workers: int) -> None:
    """Train the decoder alone, as `train_vae` does, and replace the one in the folder ``vae``.

    The encoder stays unchanged, because shards contain its latents. Pictures are whole. Latents have no
    outliers, as in shards, and half of them get noise.
    """
    vae = load_vae(folder, device)
    for part in (vae.encoder, vae.quant_conv):
        part.requires_grad_(requires_grad=False)
    averaged = _train(
        vae,
        folder / "decoder",
        steps,
        device,
        crops=WHOLE_PICTURES,
        workers=workers,
        learning_rate=DECODER_LEARNING_RATE,
        noise=DECODER_NOISE,
    )
    vae.load_state_dict(averaged)
    vae.save_pretrained(folder / "vae")


def _train(
    vae: AutoencoderKL,
    path: Path,
    steps: int,
    device: torch.device,
    *,
    crops: Crops,
    workers: int,
    learning_rate: float,
    noise: float = 0.0,
) -> dict[str, torch.Tensor]:
    """Train unfrozen weights; return their averages. The state is saved in ``path``.pt, the log in ``path``.tsv."""
    vae = vae.to(device, memory_format=torch.channels_last).train()
    parameters = [parameter for parameter in vae.parameters() if parameter.requires_grad]
    features = Features().to(device)
    descent = Descent(parameters, learning_rate, betas=BETAS, weight_decay=WEIGHT_DECAY)
    ema = Ema(vae, decay=0.998)
    state = TrainingState(path.with_suffix(".pt"), {"model": vae, "optimizer": descent.optimizer, "ema": ema})
    stream = PictureStream(state.step, crops.side, crops.per_picture)
    batches = iter(DataLoader(stream, crops.batch, num_workers=workers, worker_init_fn=ignore_signals))
    log = path.with_suffix(".tsv").open("a", encoding="utf-8")
    with log, state, tqdm(total=steps, initial=state.step, desc=path.name, unit="step") as bar:
        while state.step < steps and not state.is_stopping:
            images = next(batches).to(device, memory_format=torch.channels_last)
            with torch.autocast(device.type, torch.bfloat16, enabled=has_bfloat16(device)):
                looking = features if state.step % PERCEPTUAL_EVERY == 0 else None
                loss, decoded = vae_loss(vae, images, looking, noise)
            descent.step(loss, rate(state.step, state.step / steps, warm_up=WARM_UP_STEPS, decay=1.0))
            ema.update(vae)
            state.after_step()
            bar.update()
            bar.set_postfix(loss=f"{finite(loss, state.step):.3f}", psnr=f"{psnr(decoded, images):.1f} dB")
            if state.step % 20 == 0:
                print(state.step, f"{loss.item():.4f}", f"{psnr(decoded, images):.2f}", sep="\t", file=log, flush=True)
    return ema.weights


def vae_loss(
    vae: AutoencoderKL, images: torch.Tensor, features: Features | None, noise: float = 0.0
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the loss and the decoded images (batch, 3, height, width), -1 to 1.

    Args:
        vae: the VAE.
        images: (batch, 3, height, width), -1 to 1.
        features: the network of the perceptual loss; without it, this loss is left out.
        noise: the most noise that half of the latents get, as a share of their standard deviation. With noise, latents
            have no outliers.
    """
    posterior = vae.encode(images).latent_dist
    latents = posterior.sample()
    if noise:
        scaled = without_outliers(latents * vae.config.scaling_factor)
        latents = (scaled + noise * _latent_noise(scaled)) / vae.config.scaling_factor
    decoded: torch.Tensor = vae.decode(latents).sample
    loss = (
        functional.l1_loss(decoded, images)
        + SQUARED * functional.mse_loss(decoded, images)
        + GRADIENT * sum(functional.l1_loss(decoded.diff(dim=axis), images.diff(dim=axis)) for axis in (2, 3))
        + KL * posterior.kl().mean() / posterior.mean[0].numel()
    )
    if features is not None:
        loss = loss + PERCEPTUAL * features.distance(decoded, images)
    return loss, decoded


@torch.no_grad()
def encode(vae: AutoencoderKL, images: torch.Tensor) -> torch.Tensor:
    """Return the latents that the UNet learns, (batch, 16, height / 8, width / 8): of unit variance, no outliers.

    ``images`` are (batch, 3, height, width), -1 to 1.
    """
    means: torch.Tensor = vae.encode(images).latent_dist.mean.float() * vae.config.scaling_factor
    return without_outliers(means)


def without_outliers(latents: torch.Tensor) -> torch.Tensor:
    """Return latents of unit variance, (batch, 16, rows, columns), limited, and with another top right corner."""
    limited = latents.clamp(-LATENT_LIMIT, LATENT_LIMIT)
    limited[..., :MARKED_CORNER, -MARKED_CORNER:] = limited[..., :MARKED_CORNER, -MARKED_CORNER - 1, None]
    return limited


def _latent_noise(latents: torch.Tensor) -> torch.Tensor:
    """Return noise as drawn latents have it: half fine, half in blocks of 4 × 4, from none to full in each sample."""
    fine, coarse = torch.randn_like(latents), torch.randn_like(functional.avg_pool2d(latents, 4, ceil_mode=True))
    blocks = functional.interpolate(coarse, scale_factor=4.0)[..., : latents.shape[2], : latents.shape[3]]
    amount = torch.rand(len(latents), 1, 1, 1, device=latents.device)
    amount = torch.where(torch.rand_like(amount) < 0.5, 0, amount)
    return amount * (fine + blocks) / 2**0.5


def load_vae(folder: Path, device: torch.device) -> AutoencoderKL:
    """Return the trained VAE from the folder ``vae``, which the first call writes.

    From then on, its encoder and scaling factor stay fixed, because shards contain its latents.
    """
    if not (folder / "vae").is_dir():
        finish_vae(folder, device).save_pretrained(folder / "vae")
    return AutoencoderKL.from_pretrained(folder / "vae", torch_dtype=torch.float32).to(device).eval()


def finish_vae(folder: Path, device: torch.device) -> AutoencoderKL:
    """Return the VAE with averaged weights, its scaling factor set so that latents have unit variance."""
    vae = make_vae().to(device)
    vae.load_state_dict(torch.load(folder / "vae.pt", weights_only=True, map_location=device)["ema"]["weights"])
    vae.eval()
    maker = SceneMaker(seed=99)
    with torch.inference_mode():
        latents = [vae.encode(to_tensor(maker.picture())[None].to(device)).latent_dist.mean for _ in range(24)]
    vae.register_to_config(scaling_factor=1 / float(torch.cat(latents).std()))
    return vae


def judge_vae(vae: AutoencoderKL, count: int = 6) -> dict[str, float]:
    """Return the mean PSNR in dB by style: held-out characters and motifs, from latents without outliers."""
    maker = SceneMaker(seed=5, held_out=True)
    device = vae.device
    found: dict[str, float] = {}
    for style in tqdm(STYLES, desc="styles"):
        pictures = torch.stack([to_tensor(maker.picture(style)) for _ in range(count)]).to(device)
        with torch.inference_mode():
            latents = [encode(vae, one[None]) / vae.config.scaling_factor for one in pictures]
            decoded = torch.cat([vae.decode(one).sample for one in latents])
        found[style] = sum(psnr(*pair) for pair in zip(decoded.clamp(-1, 1), pictures, strict=True)) / count
    return found


def psnr(decoded: torch.Tensor, images: torch.Tensor) -> float:
    """Return the peak signal-to-noise ratio in dB of images from -1 to 1."""
    return float(10 * torch.log10(4 / functional.mse_loss(decoded.detach().float(), images)))


def has_bfloat16(device: torch.device) -> bool:
    """Return whether the device supports bfloat16; a CPU without such units computes it twenty times as slowly."""
    return device.type != "cpu" or torch.cpu._is_avx512_bf16_supported()
