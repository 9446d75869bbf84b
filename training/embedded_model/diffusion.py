"""Train UNet, Union ControlNet and both text encoders together on stored latents and maps.

Training starts on crops, with SDXL's own crop conditioning (Podell et al. 2023), and ends on whole pictures.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from diffusers import DDPMScheduler
from safetensors.torch import load_file
from torch import nn
from torch.utils.data import DataLoader
from tqdm import tqdm
from transformers import CLIPTokenizer

from training.embedded_model.batches import Batch, ShardStream
from training.embedded_model.checkpoint import Ema, TrainingState, ignore_signals, parameters_of
from training.embedded_model.data import SIDE
from training.embedded_model.descent import Descent, finite, rate
from training.embedded_model.models import carry_colours, make_controlnet, make_scheduler, make_text_encoders, make_unet
from training.embedded_model.shards import Crop
from training.embedded_model.text import folder_tokenizer, load_text, tokenize
from training.embedded_model.vae import has_bfloat16
from worker.conditioning import CONTROL_TYPE_INDEX

# The maps' encoder is trained in this first share of the steps: it starts with the maps' colours, learns edges early,
# and takes a third of a step's time.
MAP_ENCODER_SHARE = 0.07
# The last share of the steps, which uses whole pictures, if the command line does not set it.
WHOLE_SHARE = 0.3
LEARNING_RATE = 1e-3
# Timesteps are 1,000 · u^this, u uniform in 0 to 1. This favours noisy steps, where colours and layout are decided.
TIMESTEP_EXPONENT = 0.65
WARM_UP_STEPS = 300
# The last share of the steps, in which the learning rate falls. The loss of the fifth run hardly fell before it did.
DECAY_SHARE = 2 / 3
# The averaged weights reach back some 500 steps, a part of the slow phase even of short runs.
EMA_DECAY = 0.998
NO_TEXT_SHARE = 0.1
# The loss of a latent that a motif covers counts this much more: motifs cover a small part of most pictures.
MOTIF_EMPHASIS = 3.0


class Networks(nn.Module):
    """Everything that is trained together."""

    def __init__(self, vocabulary: int) -> None:
        super().__init__()
        self.unet = make_unet()
        self.controlnet = make_controlnet(self.unet)
        self.encoder, self.encoder_2 = make_text_encoders(vocabulary)

    def forward(
        self, noisy: torch.Tensor, timesteps: torch.Tensor, tokens: torch.Tensor, has_text: torch.Tensor, batch: Batch
    ) -> torch.Tensor:
        """Return the predicted velocity.

        Args:
            noisy: (batch, 16, side / 8, side / 8).
            timesteps: (batch,).
            tokens: (batch, 77).
            has_text: (batch,); without text, the embeddings are zeros, as in guidance without a negative prompt.
            batch: maps, controls, weights and crop.
        """
        first = self.encoder(tokens, output_hidden_states=True).hidden_states[-2]
        second = self.encoder_2(tokens, output_hidden_states=True)
        keep = has_text.to(first.dtype)
        text = torch.cat([first, second.hidden_states[-2]], dim=-1) * keep[:, None, None]
        added = {"text_embeds": second.text_embeds * keep[:, None], "time_ids": _time_ids(batch.crop, text)}
        indices = [CONTROL_TYPE_INDEX[control] for control in batch.controls]
        kinds = torch.zeros(len(text), 6, device=text.device)
        kinds[:, indices] = 1
        down, middle = self.controlnet(
            noisy,
            timesteps,
            encoder_hidden_states=text,
            controlnet_cond=batch.maps,
            control_type=kinds,
            control_type_idx=indices,
            conditioning_scale=batch.weights,
            added_cond_kwargs=added,
            return_dict=False,
        )
        predicted: torch.Tensor = self.unet(
            noisy,
            timesteps,
            encoder_hidden_states=text,
            down_block_additional_residuals=down,
            mid_block_additional_residual=middle,
            added_cond_kwargs=added,
            return_dict=False,
        )[0]
        return predicted


def _time_ids(crop: Crop, text: torch.Tensor) -> torch.Tensor:
    """Return SDXL's micro-conditioning, equal for all samples: original size, crop's top and left, target size."""
    numbers = [SIDE, SIDE, crop.top, crop.left, crop.side, crop.side]
    return torch.tensor([numbers], dtype=text.dtype, device=text.device).expand(len(text), 6)


class DiffusionTrainer:
    """Trains the diffusion networks.

    Attributes:
        generator: of noise and timesteps.
        ema: the averaged weights.
    """

    def __init__(self, networks: Networks, tokenizer: CLIPTokenizer) -> None:
        self.networks = networks.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._tokenizer, self._device = tokenizer, next(networks.parameters()).device
        self._descent = Descent(parameters_of([networks]), LEARNING_RATE, betas=(0.9, 0.99), weight_decay=1e-2)
        self._noise_schedule = DDPMScheduler.from_config(make_scheduler().config)
        self.generator = torch.Generator(self._device)
        self.ema = Ema(networks, EMA_DECAY)

    @property
    def parts(self) -> dict[str, Any]:
        """What is to be saved."""
        return {"model": self.networks, "optimizer": self._descent.optimizer, "ema": self.ema}

    def step(self, batch: Batch, factor: float, *, trains_maps: bool) -> torch.Tensor:
        """Take a step, which also trains the maps' encoder if ``trains_maps``; return the loss."""
        map_encoder = self.networks.controlnet.controlnet_cond_embedding
        map_encoder.requires_grad_(trains_maps)
        tokens = tokenize(self._tokenizer, batch.prompts).to(self._device)
        with torch.autocast(self._device.type, torch.bfloat16, enabled=has_bfloat16(self._device)):
            loss = step_loss(self.networks, batch, tokens, self._noise_schedule, self.generator)
        self._descent.step(loss, factor)
        if trains_maps:
            carry_colours(map_encoder)
        self.ema.update(self.networks)
        return loss.detach()


def train_diffusion(
    folder: Path,
    steps: int,
    device: torch.device,
    workers: int,
    *,
    start: Path | None = None,
    whole_share: float = WHOLE_SHARE,
) -> None:
    """Train for ``steps`` steps in total; resume from the saved state.

    Args:
        folder: has the shards and the tokenizer; receives ``diffusion.pt`` and the log ``diffusion.tsv``.
        steps: the total number of steps.
        device: where to train.
        workers: processes that read shards.
        start: a checkpoint to start from.
        whole_share: the last share of the steps, which uses whole pictures.

    Raises:
        FileNotFoundError: there are no shards.
        FloatingPointError: the loss is no longer finite.
    """
    torch.manual_seed(0)
    tokenizer = folder_tokenizer(folder)
    trainer = DiffusionTrainer(initial_networks(folder, len(tokenizer), start).train().to(device), tokenizer)
    state = TrainingState(folder / "diffusion.pt", trainer.parts)
    trainer.generator.manual_seed(state.step)
    log = (folder / "diffusion.tsv").open("a", encoding="utf-8")
    with log, state, tqdm(total=steps, initial=state.step, desc="diffusion", unit="step") as bar:
        for end, whole in ((round(steps * (1 - whole_share)), False), (steps, True)):
            batches = _batches(ShardStream(folder, seed=state.step, whole=whole), workers)
            while state.step < end and not state.is_stopping:
                factor = rate(state.step, state.step / steps, warm_up=WARM_UP_STEPS, decay=DECAY_SHARE)
                trains_maps = state.step < MAP_ENCODER_SHARE * steps
                loss = trainer.step(next(batches).to(device), factor, trains_maps=trains_maps)
                state.after_step()
                bar.update()
                bar.set_postfix(loss=f"{finite(loss, state.step):.4f}")
                print(state.step, f"{loss.item():.5f}", sep="\t", file=log, flush=True)


def _batches(stream: ShardStream, workers: int) -> Iterator[Batch]:
    """Yield a stream's batches, which processes read. They start when the first batch is taken."""
    yield from DataLoader(stream, None, num_workers=workers, worker_init_fn=ignore_signals)


def initial_networks(folder: Path, vocabulary: int, start: Path | None) -> Networks:
    """Return the networks to train, on the CPU.

    They have the weights of the checkpoint ``start``, as far as these fit. Without one, they have the encoders of the
    folder's text stage, if there are any.
    """
    networks = Networks(vocabulary)
    if start is None:
        load_text(folder, (networks.encoder, networks.encoder_2))
    else:
        copy_matching_weights(networks, start)
        carry_colours(networks.controlnet.controlnet_cond_embedding)
    return networks


def copy_matching_weights(networks: Networks, checkpoint: Path) -> int:
    """Copy a checkpoint's weights by name; return the number of copied tensors.

    A layer that is wider here takes them as its first channels.
    """
    parts = {
        "unet": networks.unet,
        "controlnet": networks.controlnet,
        "text_encoder": networks.encoder,
        "text_encoder_2": networks.encoder_2,
    }
    count = 0
    for name, network in parts.items():
        (file,) = (checkpoint / name).glob("*.safetensors")
        theirs, ours = load_file(file), network.state_dict()
        for key in ours.keys() & theirs.keys():
            count += _copy_first_channels(theirs[key], ours[key])
    return count


def _copy_first_channels(source: torch.Tensor, target: torch.Tensor) -> bool:
    """Copy a tensor to the start of one that is as large or larger; return whether it fitted."""
    fits = source.ndim == target.ndim and all(a <= b for a, b in zip(source.shape, target.shape, strict=True))
    if fits:
        target[tuple(slice(size) for size in source.shape)].copy_(source)
    return fits


def load_networks(folder: Path) -> tuple[Networks, CLIPTokenizer]:
    """Return the trained networks with averaged weights, on the CPU, and their tokenizer."""
    tokenizer = folder_tokenizer(folder)
    networks = Networks(len(tokenizer))
    stored = torch.load(folder / "diffusion.pt", weights_only=True, map_location="cpu")
    networks.load_state_dict(stored["ema"]["weights"])
    return networks.eval(), tokenizer


def step_loss(
    networks: Networks,
    batch: Batch,
    tokens: torch.Tensor,
    noise_schedule: DDPMScheduler,
    generator: torch.Generator,
) -> torch.Tensor:
    """Return the mean squared error of the predicted velocity (Salimans and Ho 2022), which counts more in motifs."""
    latents, count = batch.latents, len(batch.latents)
    noise = torch.randn(latents.shape, generator=generator, device=generator.device).to(latents.device)
    even = torch.rand(count, generator=generator, device=generator.device)
    last = noise_schedule.config.num_train_timesteps - 1
    timesteps = ((last + 1) * even**TIMESTEP_EXPONENT).long().clamp(max=last)
    has_text = torch.rand(count, generator=generator, device=generator.device) >= NO_TEXT_SHARE
    timesteps = timesteps.to(latents.device)
    noisy = noise_schedule.add_noise(latents, noise, timesteps)
    velocity = noise_schedule.get_velocity(latents, noise, timesteps)
    predicted = networks(noisy, timesteps, tokens, has_text.to(latents.device), batch)
    emphasis = 1 + MOTIF_EMPHASIS * batch.motifs
    loss: torch.Tensor = (emphasis / emphasis.mean() * (predicted.float() - velocity) ** 2).mean()
    return loss
