"""Store 2,000 results in a Redis of 64 MB, and measure the cost of a poll. ``python -m bench.results_store``

The jobs are submitted to the API, and published by the worker's own leases and result backend. Only the model is
omitted: each picture is noise of a PNG's usual size.
"""

import argparse
import base64
import random
import time
from concurrent.futures import ThreadPoolExecutor

import psutil
from flask.testing import FlaskClient
from tqdm import tqdm

from api.app import create_app
from local.stack import Stack, temporary_stack
from shared.queue.keys import Key
from shared.queue.leases import Leases
from shared.queue.result_budget import Budget
from shared.queue.results import pack
from shared.queue.store import JobStore
from shared.redis_client import make_redis
from shared.schemas import AIGenerationResult
from shared.settings import Settings, load_settings
from tests.helpers import answers, child
from writing_client.session import request

MEMORY = "64mb"
PICTURE_BYTES, MAP_BYTES, MAPS = 300_000, 20_000, 4
LARGE_BYTES, LARGE_MAPS = 11_000_000, 12
POLLERS = 50


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--results", type=int, default=2000)
    count = parser.parse_args().results
    with temporary_stack(workers=0) as stack:
        stack.wait_for(lambda: answers(stack.url), 60, "the API")
        settings = load_settings({"WRITING_REDIS__URL": stack.redis_url})
        fill(settings, count)
        measure_polls(settings, stack)


def fill(settings: Settings, count: int) -> None:
    """Publish results and print the state of Redis."""
    client, page = make_redis(settings.redis), create_app(settings).test_client()
    client.config_set("maxmemory", MEMORY)
    budget, refused, published = Budget(client, settings.results), 0, 0
    leases = Leases(client, JobStore(client, settings.queue), settings.queue, "bench")
    print("| results | refused | evicted | used memory, MB |\n|---|---|---|---|")
    for number in tqdm(range(1, count + 1), disable=None):
        answer = page.post("/api/writing/generate-writing-image", json={"word": "学", "seed": number})
        client.delete("interactive")  # no Celery worker takes the message here
        if answer.status_code == 202:
            published += 1
            publish(leases, answer.get_json()["job_id"], budget.limit(), noise(number, PICTURE_BYTES, MAPS))
        else:
            refused += 1
            tqdm.write(f"refused: {answer.get_json()['detail']}")
        if number % max(1, count // 4) == 0:
            used = client.info("memory")["used_memory"] / 1e6
            tqdm.write(f"| {number} | {refused} | {published - client.zcard(Key.RESULTS)} | {used:.1f} |")
    client.config_set("maxmemory", 0)


def measure_polls(settings: Settings, stack: Stack) -> None:
    """Print the cost of polling a large result, and the effect of many polls on the API's memory."""
    client, page = make_redis(settings.redis), create_app(settings).test_client()
    leases = Leases(client, JobStore(client, settings.queue), settings.queue, "bench")
    large = {"word": "学", "width": 2048, "height": 2048}
    job_id = page.post("/api/writing/generate-writing-image", json=large).get_json()["job_id"]
    publish(leases, job_id, 0, noise(0, LARGE_BYTES, LARGE_MAPS))
    address = f"/api/writing/jobs/{job_id}"
    tag = page.get(address).headers["ETag"]
    calls: dict[str, tuple[str, dict[str, str]]] = {
        "whole": (address, {}),
        "links": (f"{address}?result=links", {}),
        "whole, not modified": (address, {"If-None-Match": tag}),
        "one map of 20 KB": (f"{address}/conditioning/canny/method_0", {}),
        "the picture": (f"{address}/image", {}),
    }
    print("| poll of 2048², 12 maps | CPU, ms | answer, KB |\n|---|---|---|")
    for name, (path, headers) in calls.items():
        cpu_ms, size = cost(page, path, headers)
        print(f"| {name} | {cpu_ms:.2f} | {size / 1000:.1f} |")
    print(f"| {POLLERS} pollers at once | API's memory before, MiB | after |\n|---|---|---|")
    for name in ("links", "whole"):
        before = memory_mib(stack)
        with ThreadPoolExecutor(POLLERS) as pool:
            list(pool.map(lambda _, path=calls[name][0]: request("GET", stack.url + path, timeout=60), range(POLLERS)))
        print(f"| {name} | {before} | {memory_mib(stack)} |")


def cost(page: FlaskClient, path: str, headers: dict[str, str], calls: int = 20) -> tuple[float, int]:
    """Return a call's CPU time in milliseconds and its response's size in bytes."""
    started = time.process_time()
    for _ in range(calls):
        answer = page.get(path, headers=headers)
    return (time.process_time() - started) / calls * 1000, len(answer.data)


def publish(leases: Leases, job_id: str, budget: int, result: AIGenerationResult) -> None:
    """Take a job and publish its result, as a worker does."""
    lease = leases.take(job_id)
    if lease is None:
        raise SystemExit(f"job {job_id} cannot be taken")
    new = pack(job_id, lease.token, result)
    if not leases.publish(lease, Key.DOCUMENT + job_id, new.document, 1000, pictures=new.pictures, budget=budget):
        raise SystemExit(f"job {job_id} was not published")


def noise(seed: int, size: int, maps: int) -> AIGenerationResult:
    """Return a result whose pictures are incompressible, like PNGs."""
    source = random.Random(seed)  # noqa: S311  # noise, no secret

    def encoded(length: int) -> str:
        return base64.b64encode(source.randbytes(length)).decode()

    return AIGenerationResult(
        success=True,
        generated_image_base64=encoded(size),
        conditioning_images_base64={"canny": {f"method_{number}": encoded(MAP_BYTES) for number in range(maps)}},
        prompt_used="a comic illustration of study",
        generation_metadata={"seed": seed, "generation_time_ms": 1000},
    )


def memory_mib(stack: Stack) -> int:
    """Return the API processes' resident memory."""
    parent = psutil.Process(child(stack, "api").process.pid)
    return int(sum(process.memory_info().rss for process in (parent, *parent.children(recursive=True))) // 2**20)


if __name__ == "__main__":
    main()
