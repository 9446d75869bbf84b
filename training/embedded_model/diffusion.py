"""Train UNet, Union ControlNet and both text encoders together on stored latents and maps."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers import AutoencoderKL, ControlNetUnionModel, DDPMScheduler, UNet2DConditionModel
from torch import nn
from torch.nn import functional
from torch.utils.data import DataLoader, IterableDataset
from tqdm import tqdm
from transformers import CLIPTextModel, CLIPTextModelWithProjection, CLIPTokenizer

from shared.characters import CharacterDatabase
from shared.schemas import CONTROL_TYPES, ControlType
from shared.settings import load_settings
from training.embedded_model.checkpoint import Ema, TrainingState, ignore_signals, parameters_of
from training.embedded_model.data import SIDE, SampleMaker, Shard, map_to_tensor, save_shard, to_tensor
from training.embedded_model.meanings import MEANINGS, NEUTRAL
from training.embedded_model.models import (
    TOKENS,
    make_controlnet,
    make_scheduler,
    make_text_encoders,
    make_tokenizer,
    make_unet,
)
from training.embedded_model.text import load_text
from worker.conditioning import CONTROL_TYPE_INDEX

BATCH = 16
LEARNING_RATE = 1e-3
# A trained start is changed more gently.
CONTINUED_LEARNING_RATE = 6e-4
# Timesteps are 1,000 · u^this, u even in 0 to 1: more of them noisy, where colours and layout are decided.
TIMESTEP_EXPONENT = 0.65
WARM_UP_STEPS = 300
SHARD_SIZE = 500
NO_TEXT_SHARE = 0.1
# Weights are drawn from here; below WEAK a map is moved, the further the weaker, so that a weak control may be ignored.
LEAST_WEIGHT, MOST_WEIGHT, WEAK, FARTHEST_SHIFT_PX = 0.1, 1.2, 0.5, 40


@dataclass(frozen=True)
class Batch:
    """What one step learns from."""

    latents: torch.Tensor  # (batch, 8, 32, 32)
    maps: list[torch.Tensor]  # one (batch, 3, 256, 256) for each control
    controls: list[ControlType]
    weights: list[float]
    prompts: list[str]

    def to(self, device: torch.device) -> "Batch":
        """Return the batch on a device."""
        return replace(self, latents=self.latents.to(device), maps=[one.to(device) for one in self.maps])


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
            noisy: (batch, 8, 32, 32).
            timesteps: (batch,).
            tokens: (batch, 77).
            has_text: (batch,); without text the embeddings are zeros, as in guidance without a negative prompt.
            batch: the rest.
        """
        first = self.encoder(tokens, output_hidden_states=True).hidden_states[-2]
        second = self.encoder_2(tokens, output_hidden_states=True)
        keep = has_text.to(first.dtype)
        text = torch.cat([first, second.hidden_states[-2]], dim=-1) * keep[:, None, None]
        sizes = torch.tensor([[SIDE, SIDE, 0, 0, SIDE, SIDE]], dtype=text.dtype, device=text.device).expand(
            len(text), 6
        )
        added = {"text_embeds": second.text_embeds * keep[:, None], "time_ids": sizes}
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


class ShardStream(IterableDataset[Batch]):
    """Endless batches from stored shards; all samples of a batch share their controls and weights."""

    def __init__(self, folder: Path, seed: int) -> None:
        self._paths = sorted(folder.glob("shard-*.npz"))
        self._seed = seed

    def __iter__(self) -> Iterator[Batch]:
        """Go through the shards in a random order, again and again."""
        random = np.random.default_rng(self._seed)
        while True:
            for path in random.permutation(np.array(self._paths, dtype=object)):
                shard = Shard(path)
                order = random.permutation(len(shard))
                for start in range(0, len(order) - BATCH + 1, BATCH):
                    yield self._batch(shard, order[start : start + BATCH].tolist(), random)

    def _batch(self, shard: Shard, indices: list[int], random: np.random.Generator) -> Batch:
        controls = [CONTROL_TYPES[i] for i in sorted(random.permutation(4)[: random.integers(1, 5)].tolist())]
        weights = random.uniform(LEAST_WEIGHT, MOST_WEIGHT, len(controls)).tolist()
        maps = []
        for control, weight in zip(controls, weights, strict=True):
            reach = int(FARTHEST_SHIFT_PX * max(0.0, 1 - weight / WEAK))
            shifts = random.integers(-reach, reach + 1, (len(indices), 2)).tolist()
            maps.append(
                torch.stack(
                    [
                        map_to_tensor(shard.map(index, control), (down, right))
                        for index, (down, right) in zip(indices, shifts, strict=True)
                    ]
                )
            )
        latents = torch.stack([shard.latents(index) for index in indices])
        return Batch(latents, maps, controls, weights, [shard.prompt(index) for index in indices])


def folder_tokenizer(folder: Path, start: Path | None = None) -> CLIPTokenizer:
    """Return the tokenizer that all stages share.

    It is that of the checkpoint ``start``, or learned once: pairs that are equally common have no fixed order.
    """
    stored = folder / "tokenizer"
    if not stored.is_dir():
        tokenizer = CLIPTokenizer.from_pretrained(start / "tokenizer") if start else _learn_tokenizer()
        tokenizer.save_pretrained(stored)
    return CLIPTokenizer.from_pretrained(stored)


def _learn_tokenizer() -> CLIPTokenizer:
    """Learn the prompts' words, with common English glosses for all others."""
    database = CharacterDatabase()
    glosses = [gloss for character in database.characters()[::7] for gloss in database.glosses(character)]
    words = [word for meaning in (*MEANINGS.values(), NEUTRAL) for word in meaning.words]
    templates = [style.fill(word, "") for style in load_settings({}).styles.values() for word in words]
    return make_tokenizer(templates * 3 + glosses)


def store_shards(folder: Path, vae: AutoencoderKL, count: int, device: torch.device, *, first_seed: int = 0) -> None:
    """Draw samples, encode them, and store them until there are ``count`` shards; goes on where it stopped."""
    for number in tqdm(range(count), desc="shards"):
        path = folder / f"shard-{first_seed + number:05}.npz"
        if path.is_file():
            continue
        maker = SampleMaker(seed=1_000_003 * (first_seed + number) + 17)
        samples = [maker.sample() for _ in range(SHARD_SIZE)]
        with torch.inference_mode(), torch.autocast(device.type, torch.bfloat16):
            encoded = [
                vae.encode(torch.stack([to_tensor(sample.picture) for sample in samples[i : i + 16]]).to(device))
                for i in range(0, SHARD_SIZE, 16)
            ]
        means = torch.cat([part.latent_dist.mean for part in encoded]).float() * vae.config.scaling_factor
        save_shard(path, samples, means.cpu().numpy().astype(np.float16))


def train_diffusion(folder: Path, steps: int, device: torch.device, workers: int, *, start: Path | None = None) -> None:
    """Train until ``steps`` steps are done in all; goes on from the last saved state.

    The first steps start from the networks of the checkpoint folder ``start``, if it is given, and from the encoders of
    the text stage, if there are any.
    """
    torch.manual_seed(0)
    tokenizer = folder_tokenizer(folder, start)
    networks = Networks(len(tokenizer))
    if start:
        load_checkpoint(networks, start)
    load_text(folder, (networks.encoder, networks.encoder_2))
    networks = networks.train().to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    parameters = parameters_of([networks])
    rate = CONTINUED_LEARNING_RATE if start else LEARNING_RATE
    optimizer = torch.optim.AdamW(parameters, rate, weight_decay=1e-2, betas=(0.9, 0.99))
    ema = Ema(networks)
    state = TrainingState(folder / "diffusion.pt", {"model": networks, "optimizer": optimizer, "ema": ema})
    noise_schedule = DDPMScheduler.from_config(make_scheduler().config)
    batches = iter(
        DataLoader(
            ShardStream(folder, seed=state.step), batch_size=None, num_workers=workers, worker_init_fn=ignore_signals
        )
    )
    generator = torch.Generator().manual_seed(state.step)
    average = 0.0
    with state, tqdm(total=steps, initial=state.step, desc="diffusion", unit="step") as bar:
        while state.step < steps and not state.is_stopping:
            for group in optimizer.param_groups:
                group["lr"] = rate * _rate(state.step, steps)
            batch = next(batches).to(device)
            tokens = tokenizer(
                batch.prompts, padding="max_length", max_length=TOKENS, truncation=True, return_tensors="pt"
            )
            with torch.autocast(device.type, torch.bfloat16):  # with channels last, twice as fast on a CPU
                loss = _step_loss(networks, batch, tokens.input_ids.to(device), noise_schedule, generator)
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(parameters, 1.0)
            optimizer.step()
            ema.update(networks)
            state.after_step()
            average = loss.item() if not average else 0.99 * average + 0.01 * loss.item()
            bar.update()
            bar.set_postfix(loss=f"{average:.4f}")


def load_checkpoint(networks: Networks, folder: Path) -> None:
    """Put the weights of a checkpoint that the service could load into the networks."""
    parts: tuple[tuple[nn.Module, Any, str], ...] = (
        (networks.unet, UNet2DConditionModel, "unet"),
        (networks.controlnet, ControlNetUnionModel, "controlnet"),
        (networks.encoder, CLIPTextModel, "text_encoder"),
        (networks.encoder_2, CLIPTextModelWithProjection, "text_encoder_2"),
    )
    for network, cls, name in parts:
        network.load_state_dict(cls.from_pretrained(folder / name, torch_dtype=torch.float32).state_dict())


def load_networks(folder: Path) -> tuple[Networks, CLIPTokenizer]:
    """Return the trained networks with averaged weights, on the CPU, and their tokenizer."""
    tokenizer = folder_tokenizer(folder)
    networks = Networks(len(tokenizer))
    stored = torch.load(folder / "diffusion.pt", weights_only=True, map_location="cpu")
    networks.load_state_dict(stored["ema"]["weights"])
    return networks.eval(), tokenizer


def _step_loss(
    networks: Networks,
    batch: Batch,
    tokens: torch.Tensor,
    noise_schedule: DDPMScheduler,
    generator: torch.Generator,
) -> torch.Tensor:
    """Return the mean squared error of the predicted velocity (Salimans and Ho 2022)."""
    latents, count = batch.latents, len(batch.latents)
    noise = torch.randn(latents.shape, generator=generator).to(latents.device)
    even = torch.rand(count, generator=generator)
    last = noise_schedule.config.num_train_timesteps - 1
    timesteps = ((last + 1) * even**TIMESTEP_EXPONENT).long().clamp(max=last)
    has_text = torch.rand(count, generator=generator) >= NO_TEXT_SHARE
    timesteps = timesteps.to(latents.device)
    noisy = noise_schedule.add_noise(latents, noise, timesteps)
    velocity = noise_schedule.get_velocity(latents, noise, timesteps)
    predicted = networks(noisy, timesteps, tokens, has_text.to(latents.device), batch)
    return functional.mse_loss(predicted.float(), velocity)


def _rate(step: int, steps: int) -> float:
    """Return the learning rate's factor: a short warm-up, full, then down to a fiftieth in the last third."""
    return min((step + 1) / WARM_UP_STEPS, 1.0) * max(0.02, min(1.0, 3 * (1 - step / steps)))
