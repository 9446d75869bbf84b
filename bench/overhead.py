"""The service's overhead over the engine: from POST to the worker's start, and from the picture to the client.

python -m bench.overhead            # a private Redis, API and worker; about two minutes on two cores
"""

import argparse
import statistics
import time
from typing import Any

from PIL import Image
from tqdm import tqdm

from bench.report import table, write
from local.stack import temporary_stack
from shared.queue.store import JobStore
from shared.redis_client import make_redis
from shared.settings import load_settings
from worker.engine.denoiser import Denoiser
from worker.engine.request import DrawRequest
from worker.engine.request_state import RequestState
from worker.gpu_manager import GPUManager
from worker.model_assembly import load_model
from writing_client.session import request as call

GENERATE = "/api/writing/generate-writing-image"


def post(url: str, **request: Any) -> dict[str, Any]:
    """Submit a job and wait for its end."""
    answer = call("POST", url + GENERATE, json=request, headers={"Prefer": "wait=60"}, timeout=90)
    answer.raise_for_status()
    body: dict[str, Any] = answer.json()
    return body


def measure_start(url: str, store: JobStore, count: int) -> list[float]:
    """Return the milliseconds from sending a POST until the worker takes the job, one job at a time."""
    found = []
    for _ in tqdm(range(count), desc="POST to start"):
        sent = time.time()
        answer = call("POST", url + GENERATE, json={"word": "火", "num_inference_steps": 1}, timeout=10)
        job_id = answer.json()["job_id"]
        while not store.get(job_id).status.is_terminal:
            time.sleep(0.02)
        started = store.get(job_id).started_at
        if started is None:
            raise RuntimeError(f"job {job_id} never started")
        found.append(1000 * (started - sent))
    return found


def measure_end_to_end(url: str, side: int, count: int) -> list[float]:
    """Return the milliseconds of a whole call minus those in the engine; maps are omitted from both."""
    found = []
    for number in tqdm(range(count), desc=f"end to end, {side}²"):
        began = time.perf_counter()
        options = {"width": side, "height": side, "num_inference_steps": 1, "include_conditioning": False}
        result = post(url, word="火", seed=number, **options)
        elapsed_ms = 1000 * (time.perf_counter() - began)
        timings = result["generation_metadata"]["timings_ms"]
        maps_ms = timings["prompt"] + timings["glyph"] + timings["conditioning"]
        found.append(elapsed_ms - timings["diffusion"] - timings["legibility"] - maps_ms)
    return found


def measure_bookkeeping(count: int) -> float:
    """Return the milliseconds that a step of four jobs takes apart from the networks, which do nothing here."""
    settings = load_settings({"WRITING_DEVICE": "cpu", "WRITING_WORKER__BATCH_LIMIT": "4"})
    model = load_model(settings, GPUManager("cpu", settings.gpu_profiles))
    request = _request(count)
    rows: list[RequestState] = [model.row(request) for _ in range(4)]
    denoiser = model.networks[request.quality].denoiser
    idle = Denoiser(denoiser.unet, denoiser.controlnet)
    idle.call_through(lambda _networks, inputs, *_control: inputs.latents)
    for _ in range(3):
        idle.step(rows)
    began = time.perf_counter()
    for _ in range(count - 3):
        idle.step(rows)
    return 1000 * (time.perf_counter() - began) / (count - 3)


def _request(steps: int) -> DrawRequest:
    image = Image.new("RGB", (256, 256))
    return DrawRequest(prompt="idle", control_images={"canny": image, "depth": image}, num_inference_steps=steps)


def main(count: int) -> None:
    """Measure and write the report."""
    with temporary_stack() as stack:
        url = stack.url
        stack.wait_until_ready(120)
        settings = load_settings()
        store = JobStore(make_redis(settings.redis.model_copy(update={"url": stack.redis_url})), settings.queue)
        post(url, word="火", num_inference_steps=1)
        starts = measure_start(url, store, count)
        ends = measure_end_to_end(url, 1024, max(5, count // 10))
    slowest = sorted(starts)[int(0.99 * len(starts))]
    rows: list[list[object]] = [
        ["POST sent → worker has the job, ms", f"{statistics.median(starts):.1f}", f"{slowest:.1f}"],
        ["whole call minus engine, judge and maps, 1024², ms", f"{statistics.median(ends):.0f}", f"{max(ends):.0f}"],
        ["a step apart from its networks, 4 jobs at 256², ms", f"{measure_bookkeeping(100):.2f}", ""],
    ]
    write("overhead", f"python -m bench.overhead --count {count}", table(["what", "median", "p99 (or largest)"], rows))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=60)
    main(parser.parse_args().count)
