"""SDXL + Union ControlNet at full size on a GPU: diffusers' stock pipeline against the engine's steps.

    python -m bench.gpu_speed              # on a GPU; under nine minutes; writes bench/results/gpu_speed.md
    python -m bench.gpu_speed --small      # the same on tiny networks, also on a CPU: shows that it runs

Needs torch, diffusers and transformers, no checkpoint: networks of SDXL's configuration are made on the device with
random weights, since speed does not depend on them. 1024², 30 steps, guidance, four controls, bf16.
"""

import argparse
import platform
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from diffusers import (
    AutoencoderKL,
    ControlNetUnionModel,
    EulerDiscreteScheduler,
    StableDiffusionXLControlNetUnionPipeline,
    UNet2DConditionModel,
)

from shared.settings import PROJECT
from worker.engine import compiler
from worker.engine.denoiser import Denoiser, Row
from worker.engine.float8 import narrowed
from worker.engine.prompt_fit import FittedPrompt
from worker.engine.solvers import SOLVERS
from worker.engine.text import TextEmbedding
from worker.engine.union_controlnet import fuse

RESULTS = Path(__file__).parent / "results" / "gpu_speed.md"

# Work of one image, and what the hardware can do with it: docs/performance.md.
TFLOP_AN_IMAGE = 594.0
DENSE_BF16_TFLOPS = {"H200": 790.0, "H100": 790.0, "A100": 312.0}

CONTROLS = {1: 0.5, 2: 0.3, 3: 0.9, 5: 0.7}  # index of the control type to weight

SDXL: dict[str, Any] = {
    "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
    "block_out_channels": (320, 640, 1280),
    "layers_per_block": 2,
    "transformer_layers_per_block": (1, 2, 10),
    "attention_head_dim": (5, 10, 20),
    "cross_attention_dim": 2048,
    "use_linear_projection": True,
    "addition_embed_type": "text_time",
    "addition_time_embed_dim": 256,
    "projection_class_embeddings_input_dim": 2816,
}
SMALL = SDXL | {
    "block_out_channels": (32, 64, 64),
    "layers_per_block": 1,
    "transformer_layers_per_block": (1, 1, 1),
    "attention_head_dim": (2, 4, 4),
    "cross_attention_dim": 64,
    "addition_time_embed_dim": 16,
    "projection_class_embeddings_input_dim": 6 * 16 + 64,
}


@dataclass(frozen=True)
class Scale:
    """How large everything is."""

    networks: Mapping[str, Any]
    vae_channels: tuple[int, ...]
    side: int
    steps: int
    batches: tuple[int, ...]
    dtype: torch.dtype
    norm_groups: int

    @property
    def text_widths(self) -> tuple[int, int]:
        """Width of a token, and of the pooled text."""
        pooled = self.networks["projection_class_embeddings_input_dim"] - 6 * self.networks["addition_time_embed_dim"]
        return self.networks["cross_attention_dim"], pooled


FULL_SCALE = Scale(SDXL, (128, 256, 512, 512), 1024, 30, (1, 2, 4, 8), torch.bfloat16, 32)
SMALL_SCALE = Scale(SMALL, (16, 32, 32, 32), 128, 3, (1, 2), torch.float32, 16)


@dataclass(frozen=True)
class Wishes:
    """A request, as far as steps go."""

    size: tuple[int, int]
    guidance_scale: float = 6.0

    def is_guided(self, _step: int) -> bool:
        """Guidance works throughout."""
        return True

    def is_controlled(self, _step: int) -> bool:
        """The controls work throughout."""
        return True


class Bench:
    """The networks, and ways to draw with them."""

    def __init__(self, scale: Scale, device: torch.device) -> None:
        self.scale, self.device = scale, device
        torch.manual_seed(0)
        with torch.device(device), _default_dtype(scale.dtype):
            up = ("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D")
            self.unet = UNet2DConditionModel(
                sample_size=scale.side // 8, up_block_types=up, norm_num_groups=scale.norm_groups, **scale.networks
            ).eval()
            first = scale.networks["block_out_channels"][0]
            self.controlnet = ControlNetUnionModel(
                conditioning_embedding_out_channels=(16, 32, 96, 256),
                num_control_type=6,
                num_trans_channel=first,
                num_proj_channel=first,
                norm_num_groups=scale.norm_groups,
                **scale.networks,
            ).eval()
            self.vae = AutoencoderKL(
                down_block_types=("DownEncoderBlock2D",) * 4,
                up_block_types=("UpDecoderBlock2D",) * 4,
                block_out_channels=scale.vae_channels,
                layers_per_block=2,
                latent_channels=4,
                norm_num_groups=scale.norm_groups,
                scaling_factor=0.13025,
                force_upcast=False,
            ).eval()
        for network in (self.unet, self.controlnet):
            network.to(memory_format=torch.channels_last)
        self.config = EulerDiscreteScheduler(
            beta_start=0.00085,
            beta_end=0.012,
            beta_schedule="scaled_linear",
            timestep_spacing="leading",
            steps_offset=1,
        ).config
        tokens, pooled = scale.text_widths
        self.text = TextEmbedding(self._noise(1, 77, tokens), self._noise(1, pooled))
        self.images = {index: torch.rand(1, 3, scale.side, scale.side).to(device) for index in CONTROLS}

    def stock(self, count: int) -> None:
        """Draw a batch with diffusers' pipeline."""
        pipeline = StableDiffusionXLControlNetUnionPipeline(
            vae=self.vae,
            text_encoder=None,
            text_encoder_2=None,
            tokenizer=None,
            tokenizer_2=None,
            unet=self.unet,
            controlnet=self.controlnet,
            scheduler=EulerDiscreteScheduler.from_config(self.config),
            add_watermarker=False,
        )
        pipeline.set_progress_bar_config(disable=True)
        embeddings = {
            "prompt_embeds": self.text.tokens.repeat(count, 1, 1),
            "pooled_prompt_embeds": self.text.pooled.repeat(count, 1),
            "negative_prompt_embeds": torch.zeros_like(self.text.tokens).repeat(count, 1, 1),
            "negative_pooled_prompt_embeds": torch.zeros_like(self.text.pooled).repeat(count, 1),
        }
        pipeline(
            **embeddings,
            control_image=[image.repeat(count, 1, 1, 1) for image in self.images.values()],
            control_mode=list(CONTROLS),
            controlnet_conditioning_scale=list(CONTROLS.values()),
            num_inference_steps=self.scale.steps,
            guidance_scale=6.0,
            width=self.scale.side,
            height=self.scale.side,
            output_type="pt",
        )

    def ours(self, denoiser: Denoiser, count: int) -> None:
        """Draw a batch with the engine's parts: fuse once a job, step together, decode one by one."""
        rows = [self.row() for _ in range(count)]
        for _ in range(self.scale.steps):
            denoiser.step(rows)
        for row in rows:
            self.decode(row.latents)

    def row(self) -> Row:
        """Return a new job's tensors."""
        schedule = SOLVERS["euler"].schedule(self.config, self.scale.steps)
        side = self.scale.side // 8
        return Row(
            request=Wishes((self.scale.side, self.scale.side)),
            prompt=FittedPrompt(),
            negative_prompt=FittedPrompt(),
            schedule=schedule,
            text=self.text,
            negative=TextEmbedding(torch.zeros_like(self.text.tokens), torch.zeros_like(self.text.pooled)),
            control=self.fuse(),
            generator=torch.Generator(),
            latents=torch.randn(1, 4, side, side, device=self.device) * schedule.initial_scale,
        )

    def fuse(self) -> Any:
        """Return the fused condition of the four controls."""
        return fuse(self.controlnet, self.images, list(CONTROLS.values()))

    @torch.inference_mode()
    def decode(self, latents: torch.Tensor) -> None:
        """Decode one picture."""
        self.vae.decode(latents.to(self.scale.dtype) / 0.13025, return_dict=False)

    def seconds(self, call: Callable[[], object], repeats: int = 1) -> float:
        """Return the mean time of a call, after one call to warm up."""
        call()
        self._wait()
        started = time.perf_counter()
        for _ in range(repeats):
            call()
        self._wait()
        return (time.perf_counter() - started) / repeats

    def peak_gib(self) -> float:
        """Return the peak of the memory since the last call, and start anew."""
        if self.device.type != "cuda":
            return float("nan")
        peak = torch.cuda.max_memory_allocated(self.device) / 1024**3
        torch.cuda.reset_peak_memory_stats(self.device)
        return peak

    def _wait(self) -> None:
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)

    def _noise(self, *shape: int) -> torch.Tensor:
        return torch.randn(*shape).to(self.device, self.scale.dtype)


@contextmanager
def _default_dtype(dtype: torch.dtype) -> Iterator[None]:
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


def compiled(bench: Bench, unet: Any, controlnet: Any) -> Denoiser:
    """Return networks as the service compiles them."""
    denoiser = Denoiser(unet, controlnet)
    denoiser.compile(compiler.compiled, (bench.scale.side, bench.scale.side))
    return denoiser


def measure(bench: Bench, deadline_s: float) -> Iterator[tuple[str, int, float, float]]:
    """Yield way, batch size, seconds a batch and peak GiB; stop beginning new ways at the deadline."""
    started = time.monotonic()
    compiler.set_up(PROJECT / "var" / "compile_cache")
    ways: dict[str, Callable[[], Callable[[int], None]]] = {
        "stock diffusers": lambda: bench.stock,
        "engine, eager": lambda: partial(bench.ours, Denoiser(bench.unet, bench.controlnet)),
        "engine, compiled": lambda: partial(bench.ours, compiled(bench, bench.unet, bench.controlnet)),
    }
    if bench.device.type == "cuda":
        ways["engine, compiled, fp8"] = lambda: partial(
            bench.ours, compiled(bench, narrowed(bench.unet), narrowed(bench.controlnet))
        )
    for name, make in ways.items():
        draw = make()
        for count in bench.scale.batches:
            if time.monotonic() - started > deadline_s:
                return
            bench.peak_gib()
            yield name, count, bench.seconds(partial(draw, count)), bench.peak_gib()


def stages(bench: Bench) -> dict[str, float]:
    """Return the seconds of each stage of one image, eager."""
    denoiser = Denoiser(bench.unet, bench.controlnet)
    row = bench.row()

    def step() -> None:
        row.step = 0
        denoiser.step([row])

    return {
        "fusing the controls, once": bench.seconds(bench.fuse, 3),
        "all steps": bench.scale.steps * bench.seconds(step, 3),
        "VAE decode": bench.seconds(partial(bench.decode, row.latents), 3),
    }


def main(*, is_small: bool, deadline_s: float) -> None:
    """Measure, print as it goes, and write the report."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if device.type == "cpu" and not is_small:
        raise SystemExit("this machine has no usable CUDA GPU; --small shows that the benchmark runs")
    scale = SMALL_SCALE if is_small else FULL_SCALE
    card = torch.cuda.get_device_name(device) if device.type == "cuda" else platform.processor() or "CPU"
    bench = Bench(scale, device)
    floor = next((TFLOP_AN_IMAGE / tflops for name, tflops in DENSE_BF16_TFLOPS.items() if name in card), None)
    lines = [
        f"`python -m bench.gpu_speed{' --small' if is_small else ''}` · {card} · torch {torch.__version__} · "
        f"{scale.side}², {scale.steps} steps, guidance, four controls, {scale.dtype} · {time.strftime('%Y-%m-%d')}",
        "",
        "| way | batch | seconds a batch | images/s | against stock | of the floor | peak GiB |",
        "|---|---|---|---|---|---|---|",
    ]
    stock: dict[int, float] = {}
    for name, count, seconds, peak in measure(bench, deadline_s):
        stock.setdefault(count, seconds)
        share = f"{floor * count / seconds:.0%}" if floor and not is_small else "–"
        lines.append(
            f"| {name} | {count} | {seconds:.2f} | {count / seconds:.2f} | {stock[count] / seconds:.2f}× | {share} "
            f"| {peak:.1f} |"
        )
        print(lines[-1], flush=True)
    lines += ["", "| stage of one image, eager | seconds |", "|---|---|"]
    lines += [f"| {stage} | {seconds:.3f} |" for stage, seconds in stages(bench).items()]
    print("\n".join(lines))
    if not is_small:
        RESULTS.write_text("# gpu_speed\n\n" + "\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--small", action="store_true", help="tiny networks, to show that it runs")
    parser.add_argument(
        "--deadline", type=float, default=420, help="begin no further measurement after so many seconds"
    )
    arguments = parser.parse_args()
    main(is_small=arguments.small, deadline_s=arguments.deadline)
