"""Health, readiness, status, documentation, the worker's log."""

import re
import subprocess
import sys

import requests

from local.stack import Stack
from shared.schemas import DetailedHealth, ServiceStatus
from tests.helpers import Api


def test_health_and_readiness(api: Api) -> None:
    assert api.get("/health").json()["status"] == "ok"
    ready = api.get("/health/ready")
    assert (ready.status_code, ready.json()["warm_workers"]) == (200, 1)


def test_detailed_health_describes_every_part(api: Api) -> None:
    api.draw(word="火", num_inference_steps=1)
    health = DetailedHealth.model_validate(api.get("/health/detailed").json())
    assert health.status == "ok"
    (gpu,) = health.gpu_status.values()
    assert (gpu.available, gpu.name, gpu.profile) == (False, "CPU", "cpu")
    assert health.service_status
    ai_status = health.service_status.ai_status
    assert ai_status.status == "ready"
    assert ai_status.succeeded >= 1
    assert (ai_status.average_generation_time_ms or 0) > 0
    assert ai_status.average_wait_ms is not None
    assert [worker.worker_id for worker in health.service_status.workers] == list(health.gpu_status)


def test_status_lists_what_is_on_offer(api: Api) -> None:
    status = ServiceStatus.model_validate(api.get("/api/writing/status").json())
    assert status.model == "embedded"
    assert status.methods["canny"][0] == "opencv_canny"
    assert {"comic", "watercolor"} <= set(status.styles)
    assert status.workers[0].state == "warm"
    assert status.workers[0].setup["picture_processes"].startswith("0: no GPU")
    assert status.profiles == ["cpu"]
    metadata = api.draw(word="火")["generation_metadata"]
    assert status.default_style == metadata["style"]
    assert status.default_num_inference_steps == metadata["num_inference_steps"]
    assert status.default_guidance_scale == metadata["guidance_scale"]
    assert status.default_size == metadata["width"] == metadata["height"]


def test_warming_up_a_warm_worker_is_harmless(api: Api) -> None:
    answer = requests.post(api.url + "/health/warmup", timeout=10)
    assert answer.status_code == 202
    assert len(answer.json()["workers"]) == 1
    assert api.get("/health/ready").status_code == 200


def test_the_api_is_documented_from_the_schemas(api: Api) -> None:
    spec = api.get("/openapi/openapi.json").json()
    assert set(spec["paths"]) == {
        "/api/writing/generate-writing-image",
        "/api/writing/jobs",
        "/api/writing/batches",
        "/api/writing/word-lists",
        "/api/writing/anki-packages",
        "/api/writing/jobs/{job_id}/variations/{variation}/image",
        "/api/writing/decks",
        "/api/writing/decks/{deck_id}",
        "/api/writing/decks/{deck_id}/words/{index}",
        "/api/writing/decks/{deck_id}.zip",
        "/api/writing/decks/{deck_id}.apkg",
        "/api/writing/jobs/{job_id}",
        "/api/writing/jobs/{job_id}/events",
        "/api/writing/jobs/{job_id}/image",
        "/api/writing/jobs/{job_id}/conditioning/{control_type}/{method}",
        "/api/writing/status",
        "/api/writing/meaning",
        "/api/writing/meanings",
        "/api/writing/imagery",
        "/api/writing/imagery/{name}.svg",
        "/api/writing/styles/{style}/sample",
        "/health",
        "/health/ready",
        "/health/detailed",
        "/health/warmup",
    }
    submit = spec["paths"]["/api/writing/generate-writing-image"]["post"]
    assert set(submit["responses"]) >= {"200", "202", "400", "401", "409", "413", "415", "422", "429", "503"}
    assert "application/problem+json" in submit["responses"]["422"]["content"]
    assert "word" in spec["components"]["schemas"]["GenerationRequest"]["properties"]
    page = api.get("/openapi/swagger")
    assert page.status_code == 200
    assert "swagger" in page.text.lower()


def test_the_api_imports_no_torch() -> None:
    """It imports nothing else of the worker either, since the API's image lacks it."""
    code = """
import sys
from api.app import create_app
from shared.settings import load_settings
create_app(load_settings({}))
heavy = {"torch", "diffusers", "transformers", "cv2", "numpy", "skimage", "worker"} & set(sys.modules)
assert not heavy, heavy
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_worker_starts_with_nothing_but_log_lines(stack: Stack) -> None:
    folder = stack.supervisor._log_folder
    assert folder is not None
    start, ready, _ = (folder / "worker-1.log").read_text().partition(" ready.\n")
    assert ready
    assert [line for line in start.splitlines() if not re.match(r"\d{4}-\d\d-\d\d ", line)] == []


def test_the_worker_reports_to_the_registry_only_while_it_lives(stack: Stack) -> None:
    workers = requests.get(f"{stack.url}/api/writing/status", timeout=5).json()["workers"]
    assert [worker["worker_id"].split("-")[0] for worker in workers] == [
        str(child.process.pid) for child in stack.supervisor.children if child.program.name.startswith("worker")
    ]
