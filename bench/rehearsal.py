"""The whole service with a full-size SDXL, on any machine: shows without a GPU that everything works together.

    python -m bench.rehearsal             # minutes; 12 GiB of memory, or 21 on a CPU without bfloat16 units
    python -m bench.rehearsal --small     # the same with tiny networks, in half a minute

It writes SDXL, the Union ControlNet and the VAE with random weights in the hub's layout, starts Redis, the API and a
worker with `WRITING_MODEL=sdxl`, and draws two words at a time. Then diffusers' stock pipeline draws one of them alone,
from the same files. The weights are removed afterwards, even after an error.
"""

import argparse
import shutil
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import requests
import torch
from diffusers import AutoencoderKL, ControlNetUnionModel, StableDiffusionXLControlNetUnionPipeline
from PIL import Image

from bench.pictures import decoded, psnr
from bench.report import table, write
from bench.sdxl import FULL, SMALL, Scale, write_hub
from local.signals import interrupted_by_signals
from local.stack import Stack
from local.supervisor import ChildFailed
from shared.gpu_profiles import GIB
from shared.locations import PROJECT
from shared.settings import load_settings
from tests.helpers import child
from worker.conditioning import CONTROL_TYPE_INDEX
from writing_client.session import request as call

FOLDER = PROJECT / "var/rehearsal"
NEEDED_MEMORY_GIB, NEEDED_DISK_GIB = 12.0, 10.0
# What float32 needs, which is several times as fast as bfloat16 on a CPU without units for it.
FLOAT32_MEMORY_GIB = 21.0
# The variant of the files that the service loads for a type. All files are in 16 bits, to save space.
VARIANTS: Mapping[str, str | None] = {"bfloat16": "fp16", "float32": None}
WORDS = {"学习": "study", "火": "fire"}
SIDE, STEPS = 256, 3
START_S, JOB_S = 900.0, 3600.0
# Pictures of two words differ by 10 to 20 dB; with 8 bits of mantissa, rounded at every layer, the PSNR exceeds this.
LEAST_PSNR_DB = 25.0


class RehearsalFailed(Exception):
    """The machine is too small, or the service did not draw the expected picture."""


@dataclass(frozen=True)
class Served:
    """The service's run.

    Attributes:
        results: the API's results by word.
        start_s: from the programs' start to a warm worker.
        memory: the worker's own memory, and the peak of its resident memory including mapped files, in GiB.
        setup: what the worker enabled, and why.
    """

    results: Mapping[str, Mapping[str, Any]]
    start_s: float
    memory: tuple[float, float]
    setup: Mapping[str, str]

    @property
    def seconds(self) -> float:
        """The time for both pictures together, from the maps to the decoded pictures."""
        times_ms = [result["generation_metadata"]["timings_ms"]["diffusion"] for result in self.results.values()]
        return float(max(times_ms)) / 1000


@dataclass(frozen=True)
class Stock:
    """A picture drawn by diffusers' own pipeline."""

    picture: Image.Image
    load_s: float
    draw_s: float


def check_room() -> None:
    """Check whether the machine can hold the networks.

    Raises:
        RehearsalFailed: it cannot.
    """
    free_gib = {
        "memory": (psutil.virtual_memory().available / GIB, NEEDED_MEMORY_GIB),
        "disk": (shutil.disk_usage(PROJECT).free / GIB, NEEDED_DISK_GIB),
    }
    for what, (free, needed) in free_gib.items():
        if free < needed:
            raise RehearsalFailed(f"{needed:.0f} GiB of {what} are needed, {free:.1f} are free")


def has_bfloat16_units() -> bool:
    """Return whether this CPU has native bfloat16."""
    return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


def choose_dtype() -> str:
    """Return the fastest type that this machine has room for."""
    if has_bfloat16_units():
        return "bfloat16"
    if psutil.virtual_memory().available / GIB >= FLOAT32_MEMORY_GIB:
        return "float32"
    print(f"no bfloat16 units and less than {FLOAT32_MEMORY_GIB:.0f} GiB free: this takes half an hour", flush=True)
    return "bfloat16"


@contextmanager
def weights(scale: Scale, dtype: str) -> Iterator[dict[str, Path]]:
    """Provide the model's files in the hub's layout, for loading in this type, for the block; yield their folders."""
    shutil.rmtree(FOLDER, ignore_errors=True)  # left by a rehearsal that was killed
    try:
        yield write_hub(scale, FOLDER / "hub", load_settings({}).models["sdxl"], variant=VARIANTS[dtype])
    finally:
        shutil.rmtree(FOLDER, ignore_errors=True)


def serve(steps: int, dtype: str) -> Served:
    """Start the service with the files in this type, draw all words at once with this number of steps, and stop it.

    Raises:
        RehearsalFailed: a job failed, or took too long.
        ChildFailed, TimeoutError: the service does not start.
    """
    environment = {
        "HF_HOME": str(FOLDER),
        "HF_HUB_OFFLINE": "1",
        "WRITING_MODEL": "sdxl",
        "WRITING_MODELS__SDXL__DTYPE": dtype,
        "WRITING_DEVICE": "cpu",
        # A step takes minutes, and on a busy machine the worker's heartbeat may wait for the CPU.
        "WRITING_QUEUE__LEASE_S": "300",
        "WRITING_WORKER__STALE_AFTER_S": "300",
    }
    started = time.perf_counter()
    with Stack(data_folder=FOLDER / "redis", log_folder=FOLDER / "logs", environment=environment) as stack:
        stack.wait_until_ready(START_S)
        start_s = time.perf_counter() - started
        jobs = {word: _submit(stack, word, steps) for word in WORDS}
        results = {word: _result(stack, job) for word, job in jobs.items()}
        (worker,) = call("GET", f"{stack.url}/api/writing/status", timeout=10).json()["workers"]
        return Served(results, start_s, _memory_gib(stack), worker["setup"])


def draw_stock(folders: Mapping[str, Path], result: Mapping[str, Any], dtype: str) -> Stock:
    """Draw a job's picture with diffusers alone, from the metadata that the service returned."""
    started = time.perf_counter()
    options = {"dtype": getattr(torch, dtype), "use_safetensors": True}
    pipeline = StableDiffusionXLControlNetUnionPipeline.from_pretrained(
        folders["base"],
        variant=VARIANTS[dtype],
        controlnet=ControlNetUnionModel.from_pretrained(folders["controlnet"], **options),
        vae=AutoencoderKL.from_pretrained(folders["vae"], **options),
        add_watermarker=False,
        **options,
    )
    pipeline.set_progress_bar_config(disable=True)
    # As the service does: PyTorch's other bfloat16 convolutions take 15 times as long on a CPU without AVX-512.
    for part in (pipeline.unet, pipeline.controlnet, pipeline.vae):
        part.to(memory_format=torch.channels_last)
    loaded = time.perf_counter()
    made = result["generation_metadata"]
    strengths = {kind: weight for kind, weight in made["controlnet_weights"].items() if weight > 0}
    maps = {kind: next(iter(result["conditioning_images_base64"][kind].values())) for kind in strengths}
    picture = pipeline(
        result["prompt_used"],
        negative_prompt=made["negative_prompt"],
        control_image=[decoded(encoded) for encoded in maps.values()],
        control_mode=[CONTROL_TYPE_INDEX[kind] for kind in maps],
        controlnet_conditioning_scale=list(strengths.values()),
        num_inference_steps=made["num_inference_steps"],
        guidance_scale=made["guidance_scale"],
        width=made["width"],
        height=made["height"],
        generator=torch.Generator().manual_seed(made["seed"]),
    ).images[0]
    return Stock(picture, loaded - started, time.perf_counter() - loaded)


def compare(served: Served, stock: Stock) -> float:
    """Return the PSNR of the service's picture relative to the stock pipeline's, in dB.

    Raises:
        RehearsalFailed: it is too low for the same weights.
    """
    ours, another = (decoded(result["generated_image_base64"]) for result in served.results.values())
    near, foreign = psnr(ours, stock.picture), psnr(ours, another)
    if near < LEAST_PSNR_DB:
        raise RehearsalFailed(
            f"PSNR relative to stock diffusers is {near:.1f} dB, that of two different words {foreign:.1f} dB"
        )
    return near


def main(steps: int, dtype: str | None, *, is_small: bool) -> None:
    """Rehearse in this type, or in the fastest one that there is room for, and write the report.

    Raises:
        RehearsalFailed, ChildFailed, TimeoutError: the rehearsal failed.
    """
    FOLDER.parent.mkdir(exist_ok=True)
    if not is_small:
        check_room()
    dtype = dtype or ("bfloat16" if is_small else choose_dtype())
    began = time.perf_counter()
    with weights(SMALL if is_small else FULL, dtype) as folders:
        written_s = time.perf_counter() - began
        served = serve(steps, dtype)
        stock = draw_stock(folders, next(iter(served.results.values())), dtype)
    rows: list[list[object]] = [
        ["writing the files, s", f"{written_s:.0f}", ""],
        *report(served, stock),
        ["total, s", f"{time.perf_counter() - began:.0f}", ""],
    ]
    switched = ", ".join(f"{name} {answer}" for name, answer in served.setup.items())
    body = (
        f"Two words, {SIDE}², {steps} steps, {dtype}.\n\n"
        f"{table(['what', 'service', 'stock diffusers'], rows)}\n\nThe worker's setup: {switched}."
    )
    if is_small:
        print(body)
    else:
        write("rehearsal", f"python -m bench.rehearsal --steps {steps}", body)


def report(served: Served, stock: Stock) -> list[list[object]]:
    """Return the rows of the report.

    Raises:
        RehearsalFailed: the pictures differ by more than rounding.
    """
    near = compare(served, stock)
    a_picture = served.seconds / len(served.results)
    own_gib, resident_gib = served.memory
    batch = max(result["generation_metadata"]["batch_size_max"] for result in served.results.values())
    return [
        ["start to a warm worker; stock: loading, s", f"{served.start_s:.0f}", f"{stock.load_s:.0f}"],
        ["the worker's memory; with the files it read, at most, GiB", f"{own_gib:.1f}; {resident_gib:.1f}", ""],
        ["pictures that shared a step", batch, 1],
        ["a picture, s", f"{a_picture:.1f}", f"{stock.draw_s:.1f}"],
        ["stock's time against ours", "", f"{stock.draw_s / a_picture:.2f}×"],
        ["one picture against stock, PSNR, dB", f"{near:.1f}", ""],
    ]


def _submit(stack: Stack, word: str, steps: int) -> str:
    request = {
        "word": word,
        "translation": WORDS[word],
        "seed": 7,
        "width": SIDE,
        "height": SIDE,
        "num_inference_steps": steps,
    }
    answer = call("POST", f"{stack.url}/api/writing/generate-writing-image", json=request, timeout=10)
    if not answer.ok:
        raise RehearsalFailed(f"the API refused {word}: {answer.text}")
    return str(answer.json()["job_id"])


def _result(stack: Stack, job_id: str) -> dict[str, Any]:
    deadline = time.monotonic() + JOB_S
    while time.monotonic() < deadline:
        job = call("GET", f"{stack.url}/api/writing/jobs/{job_id}", timeout=10).json()
        if job["status"] == "succeeded":
            result: dict[str, Any] = job["result"]
            return result
        if job["status"] in {"failed", "cancelled"}:
            raise RehearsalFailed(f"a job {job['status']}: {job['error']}")
        stack.supervisor.check()
        time.sleep(0.2)
    raise RehearsalFailed(f"a job did not end within {JOB_S:.0f} s")


def _memory_gib(stack: Stack) -> tuple[float, float]:
    """Return the worker's own memory, and its peak resident memory including mapped files."""
    lines = Path(f"/proc/{child(stack, 'worker-1').process.pid}/status").read_text().splitlines()
    kib = {line.split(":")[0]: int(line.split()[1]) for line in lines if line.endswith("kB")}
    return kib["RssAnon"] * 1024 / GIB, kib["VmHWM"] * 1024 / GIB


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--small", action="store_true", help="tiny networks, to show that it runs")
    parser.add_argument("--steps", type=int, default=STEPS, help=f"denoising steps (default {STEPS})")
    parser.add_argument("--dtype", choices=VARIANTS, help="type to compute in (default: the fastest that fits)")
    arguments = parser.parse_args()
    try:
        with interrupted_by_signals():
            main(arguments.steps, arguments.dtype, is_small=arguments.small)
    except (RehearsalFailed, ChildFailed, TimeoutError, requests.RequestException) as error:
        sys.exit(f"rehearsal failed: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
