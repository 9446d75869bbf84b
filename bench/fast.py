"""What `quality: fast` saves and costs on the embedded model, and its arithmetic also on SDXL's configuration.

    python -m bench.fast [--characters 64] [--guidance-scale 2]     # bench/results/fast.md, fast_with_guidance.md

Each variant draws the same words, styles and seeds. "Read" is defined in bench/embedded_model.py. PSNR is relative to
the exact picture. Arithmetic is counted (bench/arithmetic.py). Variants that end guidance early are only drawn if the
exact pictures have guidance.
"""

import argparse
import math
import statistics
import time
from collections.abc import Sequence
from dataclasses import replace

import torch
from diffusers import ControlNetUnionModel, UNet2DConditionModel
from PIL import Image
from tqdm import tqdm

from bench.arithmetic import count_steps, sdxl_networks
from bench.embedded_model import SEED, Bench, Case, share
from bench.pictures import decoded, psnr
from bench.report import table, write
from shared.schemas import AIGenerationResult, Quality
from shared.settings import FastSettings, ModelSettings, Settings, load_settings
from worker.engine.request import DrawRequest
from worker.model_assembly import load_pipeline
from worker.model_loader import ModelLoader

# Share of the steps with guidance, and the interval between full steps.
VARIANTS = {
    "exact": (1.0, 1),
    "guidance in half of the steps": (0.5, 1),
    **{f"one step in {interval} in full": (1.0, interval) for interval in (2, 3, 4)},
    **{f"both, {interval}": (0.5, interval) for interval in (2, 3)},
}


def main(count: int, guidance_scale: float | None) -> None:
    """Draw, judge, count and write the report.

    Args:
        count: number of pictures of each variant.
        guidance_scale: of the embedded model's pictures; None: its default.
    """
    settings = load_settings({"WRITING_MODEL": "embedded", "WRITING_DEVICE": "cpu"})
    if guidance_scale is not None:
        settings = _with(settings, guidance_scale=guidance_scale)
    bench = Bench(settings, SEED)
    cases = [_with_seed(case, bench) for case in bench.cases(count)]
    arithmetic = _arithmetic(settings)
    rows: list[list[object]] = []
    exact: Sequence[Image.Image] = ()
    for name, (guidance_end, interval) in VARIANTS.items():
        counted = [name, *(f"{share[name]:.0%}" for share in arithmetic.values())]
        if guidance_end < 1 and settings.active_model.guidance_scale == 1:
            rows.append([*counted, "not drawn", "–", "–"])
            continue
        variant = Bench(_with_fast(settings, guidance_end, interval), SEED)
        started = time.perf_counter()
        results = [variant.result(case) for case in tqdm(cases, desc=name)]
        seconds = (time.perf_counter() - started) / count
        pictures = [decoded(result.generated_image_base64) for result in results]
        exact = exact or pictures
        rows.append([*counted, f"{seconds:.2f} s", share(map(_is_read, results)), _psnr(pictures, exact)])
    kinds = (f"arithmetic, {name}" for name in arithmetic)
    header = ["variant", *kinds, "a picture", "read", "PSNR: median, worst tenth"]
    asked, suffix = ("", "") if guidance_scale is None else (f" --guidance-scale {guidance_scale:g}", "_with_guidance")
    write(f"fast{suffix}", f"python -m bench.fast --characters {count}{asked}", table(header, rows))


def _is_read(result: AIGenerationResult) -> bool:
    return all(character["is_top"] for character in result.generation_metadata["legibility"]["characters"])


def _with_seed(case: Case, bench: Bench) -> Case:
    return replace(case, options={"seed": int(bench.random.integers(2**32)), "quality": Quality.FAST})


def _with_fast(settings: Settings, guidance_end: float, interval: int) -> Settings:
    fast = FastSettings(guidance_end=guidance_end, cache_interval=interval, float8=False)
    return _with(settings, fast=fast)


def _with(settings: Settings, **update: object) -> Settings:
    """Return the settings with others for the active model."""
    model = settings.active_model.model_copy(update=update)
    return settings.model_copy(update={"models": {**settings.models, settings.model: model}})


def _arithmetic(settings: Settings) -> dict[str, dict[str, float]]:
    """Return each variant's operations as a share of the exact one's, by model."""
    pipeline = load_pipeline(settings, ModelLoader("float32", torch.device("cpu")))
    networks = {"embedded": (pipeline.unet, pipeline.controlnet), "sdxl": sdxl_networks()}
    return {name: _shares(settings.models[name], *pair) for name, pair in networks.items()}


def _shares(model: ModelSettings, unet: UNet2DConditionModel, controlnet: ControlNetUnionModel) -> dict[str, float]:
    counted = {
        name: count_steps(unet, controlnet, _request(model, guidance_end, interval), model.default_size)
        for name, (guidance_end, interval) in VARIANTS.items()
    }
    return {name: operations / counted["exact"] for name, operations in counted.items()}


def _request(model: ModelSettings, guidance_end: float, interval: int) -> DrawRequest:
    return DrawRequest(
        prompt="",
        control_images={"canny": Image.new("RGB", (8, 8))},
        num_inference_steps=model.num_inference_steps,
        guidance_scale=model.guidance_scale,
        guidance_end=guidance_end,
        cache_interval=interval,
    )


def _psnr(pictures: Sequence[Image.Image], exact: Sequence[Image.Image]) -> str:
    found = sorted(map(psnr, pictures, exact))
    if math.isinf(found[0]):
        return "–"
    return f"{statistics.median(found):.1f}, {found[len(found) // 10]:.1f} dB"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--characters", type=int, default=64)
    parser.add_argument("--guidance-scale", type=float)
    arguments = parser.parse_args()
    main(arguments.characters, arguments.guidance_scale)
