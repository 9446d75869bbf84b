"""Small versions of a job's pictures."""

import base64
import io

import pytest
import redis
from flask.testing import FlaskClient
from PIL import Image

from shared.queue.leases import Leases
from shared.queue.store import JobStore
from shared.schemas import AIGenerationResult
from shared.settings import Settings
from tests.api.drawn_jobs import RESULT, draw
from tests.api.test_job_list import submit

WIDTH, HEIGHT = 600, 300


def png(colour: str) -> str:
    sink = io.BytesIO()
    Image.new("RGB", (WIDTH, HEIGHT), colour).save(sink, "PNG")
    return base64.b64encode(sink.getvalue()).decode()


@pytest.fixture
def picture(anyone: FlaskClient, client: redis.Redis, store: JobStore, settings: Settings) -> str:
    """The address of a job's picture."""
    job_id = submit(anyone, "山")
    maps = {"canny": {"opencv_canny": png("white")}}
    fields = {**RESULT.model_dump(), "generated_image_base64": png("red"), "conditioning_images_base64": maps}
    draw(Leases(client, store, settings.queue, "w"), job_id, AIGenerationResult(**fields))
    return f"/api/writing/jobs/{job_id}/image"


@pytest.mark.parametrize(
    ("accept", "media_type", "kind"),
    [
        (None, "image/jpeg", "JPEG"),
        ("*/*", "image/jpeg", "JPEG"),
        ("image/png", "image/jpeg", "JPEG"),
        ("image/webp", "image/webp", "WEBP"),
        ("image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8", "image/webp", "WEBP"),
        ("image/webp;q=0.5,image/jpeg", "image/jpeg", "JPEG"),
    ],
)
def test_a_picture_is_had_small_in_the_form_that_the_client_accepts(
    anyone: FlaskClient, picture: str, accept: str | None, media_type: str, kind: str
) -> None:
    answer = anyone.get(f"{picture}?size=128", headers={"Accept": accept} if accept else {})
    small = Image.open(io.BytesIO(answer.data))
    assert (answer.status_code, answer.mimetype, small.format, small.size) == (200, media_type, kind, (128, 64))
    assert "Accept" in answer.headers["Vary"]
    assert answer.headers["Cache-Control"] == anyone.get(picture).headers["Cache-Control"]


def test_it_is_never_enlarged(anyone: FlaskClient, picture: str) -> None:
    answer = anyone.get(f"{picture}?size=2048")
    assert Image.open(io.BytesIO(answer.data)).size == (WIDTH, HEIGHT)


def test_each_size_and_form_has_its_etag(anyone: FlaskClient, picture: str) -> None:
    asked = [
        (picture, "*/*"),
        *((f"{picture}?size={size}", f"image/{kind}") for size in (64, 65) for kind in ("jpeg", "webp")),
    ]
    etags = [anyone.get(address, headers={"Accept": accept}).headers["ETag"] for address, accept in asked]
    assert len(set(etags)) == len(asked)
    for (address, accept), etag in zip(asked, etags, strict=True):
        again = anyone.get(address, headers={"Accept": accept, "If-None-Match": etag})
        assert (again.status_code, again.data, again.headers["ETag"]) == (304, b"", etag)
    assert anyone.get(asked[0][0], headers={"If-None-Match": etags[1]}).status_code == 200


def test_maps_are_had_small_too(anyone: FlaskClient, picture: str) -> None:
    answer = anyone.get(picture.replace("/image", "/conditioning/canny/opencv_canny?size=64"))
    assert Image.open(io.BytesIO(answer.data)).size == (64, 32)


@pytest.mark.parametrize(
    ("query", "field"), [("size=63", "size"), ("size=2049", "size"), ("size=x", "size"), ("width=64", "width")]
)
def test_a_size_that_cannot_be_is_refused(anyone: FlaskClient, picture: str, query: str, field: str) -> None:
    answer = anyone.get(f"{picture}?{query}")
    assert (answer.status_code, answer.get_json()["field"]) == (422, field)


def test_without_a_picture_there_is_no_small_one(anyone: FlaskClient) -> None:
    answer = anyone.get(f"/api/writing/jobs/{submit(anyone, '水')}/image?size=128")
    assert (answer.status_code, answer.get_json()["code"]) == (409, "job_not_finished")
