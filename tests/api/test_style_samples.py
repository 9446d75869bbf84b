"""Samples of the styles."""

import base64

import pytest
import redis
from flask.testing import FlaskClient

from api.app import create_app
from api.jobs import SAMPLE_ATTEMPTS
from api.style_samples import shipped_sample
from shared.celery_app import make_celery
from shared.queue.leases import Leases
from shared.queue.results import pack
from shared.queue.store import JobStore
from shared.schemas import AIGenerationResult
from shared.settings import Settings
from shared.styles import StyleDefinition

OWN = StyleDefinition(base_template="A mosaic of {meaning}", controlnet_weights={"canny": 0.8})
PNG = base64.b64encode(b"a picture").decode()


def client_with_own_style(settings: Settings, style: StyleDefinition = OWN) -> FlaskClient:
    return create_app(settings.model_copy(update={"styles": {**settings.styles, "mosaic": style}})).test_client()


def test_every_shipped_style_has_its_sample_in_the_repository(settings: Settings) -> None:
    """`make samples` draws the missing ones, also after a style has changed."""
    missing = [name for name, style in settings.styles.items() if not shipped_sample(name, style).is_file()]
    assert missing == []
    client = create_app(settings).test_client()
    for name in settings.styles:
        answer = client.get(f"/api/writing/styles/{name}/sample")
        assert (answer.status_code, answer.mimetype) == (200, "image/jpeg")
        assert len(answer.data) < 12_000
        answer.close()


def test_an_own_style_s_sample_is_drawn_by_one_job(settings: Settings, store: JobStore, client: redis.Redis) -> None:
    page = client_with_own_style(settings)
    for _ in range(2):
        answer = page.get("/api/writing/styles/mosaic/sample")
        assert (answer.status_code, answer.get_json()["code"]) == (404, "sample_not_ready")
        assert int(answer.headers["Retry-After"]) > 0
    (job_id,) = client.zrange("writing:waiting:bulk", 0, -1)
    leases = Leases(client, store, settings.queue, "w")
    lease = leases.take(str(job_id))
    assert lease is not None
    assert lease.record.request.style == "mosaic"
    backend = make_celery(settings).backend
    result = {
        "success": True, "generated_image_base64": PNG, "conditioning_images_base64": {}, "prompt_used": "",
        "generation_metadata": {},
    }  # fmt: skip
    new = pack(str(job_id), lease.token, AIGenerationResult(**result))
    leases.publish(lease, backend.get_key_for_task(job_id).decode(), new.document, 900, pictures=new.pictures)
    answer = page.get("/api/writing/styles/mosaic/sample")
    assert (answer.status_code, answer.mimetype, answer.data) == (200, "image/png", b"a picture")


@pytest.mark.parametrize(("model", "template"), [("sdxl", OWN.base_template), ("embedded", "Tiles of {meaning}")])
def test_another_model_or_template_has_another_sample(
    settings: Settings, client: redis.Redis, model: str, template: str
) -> None:
    changed = OWN.model_copy(update={"base_template": template})
    for page in (
        client_with_own_style(settings),
        client_with_own_style(settings.model_copy(update={"model": model}), changed),
    ):
        page.get("/api/writing/styles/mosaic/sample")
    assert client.zcard("writing:waiting:bulk") == 2


def test_a_sample_that_cannot_be_had_is_drawn_again_and_not_for_ever(
    settings: Settings, store: JobStore, client: redis.Redis
) -> None:
    """Anyone may cancel a job without an owner, and a busy service evicts results."""
    page = client_with_own_style(settings)
    seen = set()
    for _ in range(SAMPLE_ATTEMPTS):
        page.get("/api/writing/styles/mosaic/sample")
        (job_id,) = client.zrange("writing:waiting:bulk", 0, -1)
        seen.add(job_id)
        store.cancel(str(job_id))
    assert len(seen) == SAMPLE_ATTEMPTS
    assert page.get("/api/writing/styles/mosaic/sample").get_json()["code"] == "sample_not_ready"
    assert client.zcard("writing:waiting:bulk") == 0


def test_there_is_no_sample_of_no_style(settings: Settings) -> None:
    answer = create_app(settings).test_client().get("/api/writing/styles/nope/sample")
    assert answer.get_json()["code"] == "unknown_style"
