"""A word goes in over HTTP, a picture comes back."""

import base64
import io
import json
import uuid
from typing import Any

import numpy as np
import pytest
import redis
from PIL import Image

from local.stack import Stack
from shared.celery_app import make_celery, send_job
from shared.queue.client_queues import queue_of
from shared.queue.store import JobStore
from shared.redis_client import make_redis
from shared.schemas import GenerationRequest, JobStatus, Priority
from shared.settings import load_settings
from tests.helpers import LONG, Api, decode, eventually, pixels

STUDY = {"word": "学习", "translation": "study", "style": "comic", "seed": 7, "num_inference_steps": 2}
LONG_JOB = {"word": "龍", **LONG}


@pytest.fixture(scope="module")
def study(api: Api) -> dict[str, Any]:
    """A finished job."""
    return api.finished(api.submit(**STUDY).json()["job_id"])


def test_the_response_has_exactly_the_given_fields(api: Api) -> None:
    """The contract's request, polled until it ends."""
    accepted = api.submit(**STUDY)
    assert accepted.status_code == 202
    document = accepted.json()
    assert set(document) == {"job_id", "status", "status_url"}
    assert accepted.headers["Location"] == document["status_url"]
    job = api.finished(document["job_id"])
    assert {"job_id", "status", "stage", "progress", "queue_position", "result", "error"} <= set(job)
    assert job["status"] == "succeeded"
    assert job["progress"] == {"step": 2, "total_steps": 2}
    assert job["error"] is None
    result = job["result"]
    assert set(result) == {
        "success",
        "generated_image_base64",
        "conditioning_images_base64",
        "prompt_used",
        "generation_metadata",
    }
    assert result["success"] is True
    assert result["prompt_used"].startswith("A vibrant comic book style illustration of study, inspired by 学习")
    assert set(result["conditioning_images_base64"]) == {"canny", "depth", "segmentation", "scribble"}
    assert {"generation_time_ms", "model_used", "controlnet_model", "seed", "num_inference_steps", "timings_ms"} <= set(
        result["generation_metadata"]
    )
    assert result["generation_metadata"]["seed"] == 7


@pytest.mark.slow
def test_the_prompt_names_what_depicts_the_word(api: Api) -> None:
    """By the lexicon's sense, as `/meanings` lists it, or as the request says."""
    listed = api.get("/api/writing/meanings", params={"word": "学习"}).json()["senses"][0]["imagery"]
    motifs = {motif["name"]: motif for motif in api.get("/api/writing/imagery?query=学习&limit=200").json()["motifs"]}
    assert listed
    result = api.draw(word="学习", style="comic", num_inference_steps=1)
    metadata = result["generation_metadata"]
    assert [motif["name"] for motif in metadata["imagery"]] == listed
    assert result["prompt_used"].startswith(
        "A vibrant comic book style illustration of learning, inspired by 学习, with "
    )
    assert motifs[listed[0]]["phrase"] in result["prompt_used"]
    assert metadata["draw_imagery"] is api.get("/api/writing/status").json()["draw_imagery"]
    told = json.loads(decode(result["generated_image_base64"]).text["writing-service"])
    assert told["imagery"] == metadata["imagery"]
    chosen = api.draw(word="学习", style="comic", num_inference_steps=1, imagery=["Graduation Cap"], draw_imagery=True)
    assert chosen["prompt_used"].endswith("inspired by 学习, with a graduation cap")
    (motif,) = chosen["generation_metadata"]["imagery"]
    assert motif["name"] == "graduation-cap"
    plain = api.draw(word="学习", style="comic", num_inference_steps=1, imagery="none")
    assert plain["prompt_used"].endswith("inspired by 学习")
    assert plain["generation_metadata"]["imagery"] == []


@pytest.mark.slow
def test_the_same_seed_gives_the_same_pixels_and_another_seed_others(api: Api) -> None:
    first, again, other = (api.draw(**{**STUDY, "seed": seed}) for seed in (7, 7, 8))
    assert (pixels(first["generated_image_base64"]) == pixels(again["generated_image_base64"])).all()
    assert (pixels(first["generated_image_base64"]) != pixels(other["generated_image_base64"])).any()


def test_the_png_carries_its_parameters(study: dict[str, Any]) -> None:
    image = decode(study["result"]["generated_image_base64"])
    assert "Steps: 2" in image.text["parameters"]
    assert "Seed: 7" in image.text["parameters"]
    assert json.loads(image.text["writing-service"])["word"] == "学习"


def test_images_can_be_fetched_by_themselves(api: Api, study: dict[str, Any]) -> None:
    job_id, result = study["job_id"], study["result"]
    picture = api.get(f"/api/writing/jobs/{job_id}/image")
    assert picture.headers["Content-Type"] == "image/png"
    fetched = np.asarray(Image.open(io.BytesIO(picture.content)))
    assert (fetched == pixels(result["generated_image_base64"])).all()
    unchanged = api.get(f"/api/writing/jobs/{job_id}/image", headers={"If-None-Match": picture.headers["ETag"]})
    assert unchanged.status_code == 304
    canny = api.get(f"/api/writing/jobs/{job_id}/conditioning/canny/opencv_canny")
    assert canny.headers["Content-Type"] == "image/png"
    missing = api.get(f"/api/writing/jobs/{job_id}/conditioning/canny/nope")
    assert (missing.status_code, missing.json()["code"]) == (404, "conditioning_not_found")
    assert "canny/opencv_canny" in missing.json()["detail"]


def test_variations_are_one_job_with_a_picture_for_each_seed(api: Api) -> None:
    """From POST to PNG: each is the picture of its seed in the same scene, and a later job reproduces it."""
    asked = {**STUDY, "imagery": ["owl"], "draw_imagery": True, "scene_seed": 3}
    job_id = api.submit(**asked, variations=2).json()["job_id"]
    result = api.finished(job_id)["result"]
    assert [variation["seed"] for variation in result["variations"]] == [7, 8]
    (kept,) = [variation for variation in result["variations"] if variation["kept"]]
    assert kept["generated_image_base64"] == result["generated_image_base64"]
    assert kept["legibility"] == result["generation_metadata"]["legibility"]
    assert (result["generation_metadata"]["seed"], result["generation_metadata"]["scene_seed"]) == (kept["seed"], 3)
    links = api.get(f"/api/writing/jobs/{job_id}?result=links").json()["result"]["variations"]
    for link, variation in zip(links, result["variations"], strict=True):
        assert api.get(link["image"]).content == base64.b64decode(variation["generated_image_base64"])
    alone = api.draw(**{**asked, "seed": 8})
    again = pixels(alone["generated_image_base64"]).astype(int)
    assert abs(again - pixels(result["variations"][1]["generated_image_base64"])).max() <= 1
    assert alone["conditioning_images_base64"] == result["conditioning_images_base64"]


def test_a_job_of_variations_is_cancelled_as_a_whole(api: Api) -> None:
    job_id = api.submit(word="龍", variations=4, num_inference_steps=100).json()["job_id"]
    eventually(lambda: api.job(job_id)["progress"]["step"] > 0)
    api.cancel(job_id)
    job = api.finished(job_id)
    assert job["status"] == "cancelled"
    assert job["progress"]["total_steps"] == 400
    assert job["progress"]["step"] < 400


def test_waiting_gives_the_finished_response(api: Api) -> None:
    answer = api.submit(**STUDY, headers={"Prefer": "wait=60"})
    assert answer.status_code == 200
    assert answer.headers["Preference-Applied"] == "wait=60"
    assert answer.json()["success"] is True
    assert answer.headers["Location"].startswith("/api/writing/jobs/")


def test_waiting_too_short_gives_the_job(api: Api) -> None:
    answer = api.submit(**LONG_JOB, headers={"Prefer": "respond-async, wait=0"})
    assert answer.status_code == 202
    short = api.submit(**LONG_JOB, headers={"Prefer": "wait=1"})
    assert short.status_code == 202
    for document in (answer.json(), short.json()):
        api.cancel(document["job_id"])
        api.finished(document["job_id"])


@pytest.mark.parametrize("preference", ["wait=30.5", "wait=soon", "wait=-1", "wait="])
def test_a_wait_that_is_no_whole_number_is_ignored(api: Api, preference: str) -> None:
    answer = api.submit(**STUDY, headers={"Prefer": preference})
    assert answer.status_code == 202
    assert "Preference-Applied" not in answer.headers
    api.cancel(answer.json()["job_id"])


@pytest.mark.slow
def test_a_long_wait_is_cut_to_sixty_seconds(api: Api) -> None:
    answer = api.submit(**STUDY, headers={"Prefer": "wait=61"})
    assert (answer.status_code, answer.headers["Preference-Applied"]) == (200, "wait=60")


@pytest.mark.slow
def test_progress_is_seen_while_it_is_made(api: Api) -> None:
    """The stage and step of a running job advance."""
    job_id = api.submit(**LONG_JOB).json()["job_id"]
    steps: list[int] = []

    def advances() -> bool:
        job = api.job(job_id)
        assert job["status"] in {"queued", "running"}
        if job["stage"] == "diffusion":
            assert job["status"] == "running"
            assert job["progress"]["total_steps"] == LONG_JOB["num_inference_steps"]
            assert job["queue_position"] is None
            steps.append(job["progress"]["step"])
        return len(set(steps)) >= 3

    eventually(advances)
    assert steps == sorted(steps)
    api.cancel(job_id)
    assert api.finished(job_id)["status"] == "cancelled"


def test_waiting_jobs_know_their_place(api: Api) -> None:
    """With more jobs than task threads, the last ones wait, and bulk jobs wait behind interactive jobs."""
    small = {**LONG_JOB, "width": 256, "height": 256}
    jobs = [api.submit(**small).json()["job_id"] for _ in range(10)]
    bulk = api.submit(**small, priority="bulk").json()["job_id"]
    try:
        job = api.job(jobs[-1])
        assert job["status"] == "queued"
        assert job["queue_position"] >= 1
        assert api.job(bulk)["queue_position"] > job["queue_position"]
        assert api.get("/api/writing/status").json()["queue_depth"]["interactive"] >= 2
    finally:
        for job_id in [*jobs, bulk]:
            api.cancel(job_id)
        for job_id in [*jobs, bulk]:
            assert api.finished(job_id)["status"] == "cancelled"


def test_a_running_job_is_cancelled_between_steps_and_the_worker_goes_on(api: Api) -> None:
    worker = api.get("/api/writing/status").json()["workers"][0]["worker_id"]
    job_id = api.submit(**LONG_JOB).json()["job_id"]
    eventually(lambda: api.job(job_id)["progress"]["step"] >= 2)
    assert api.cancel(job_id).status_code == 200
    job = api.finished(job_id)
    assert job["status"] == "cancelled"
    assert job["progress"]["step"] < 100
    assert job["result"] is None
    assert api.cancel(job_id).json()["status"] == "cancelled"
    answer = api.get(f"/api/writing/jobs/{job_id}/image")
    assert (answer.status_code, answer.json()["code"]) == (409, "job_without_picture")
    assert api.draw(**STUDY)["success"]
    assert [info["worker_id"] for info in api.get("/api/writing/status").json()["workers"]] == [worker]


def test_cancelling_a_finished_job_changes_nothing(api: Api, study: dict[str, Any]) -> None:
    job_id = study["job_id"]
    assert api.cancel(job_id).json() == {**study, "result": None}
    assert api.job(job_id) == study


def test_a_repeated_post_returns_the_first_job(api: Api) -> None:
    key = {"Idempotency-Key": str(uuid.uuid4())}
    first = api.submit(**STUDY, headers=key).json()["job_id"]
    assert api.submit(**STUDY, headers=key).json()["job_id"] == first
    api.finished(first)
    assert api.submit(**STUDY, headers=key).json()["job_id"] == first
    other = api.submit(**{**STUDY, "seed": 8}, headers=key)
    assert (other.status_code, other.json()["code"]) == (409, "idempotency_conflict")


@pytest.mark.slow
def test_bulk_jobs_are_done_too(api: Api) -> None:
    assert api.draw(**STUDY, priority="bulk")["success"]


def test_a_client_with_few_words_does_not_wait_for_all_of_another(stack: Stack) -> None:
    settings = load_settings({"WRITING_REDIS__URL": stack.redis_url})
    store, app = JobStore(make_redis(settings.redis), settings.queue), make_celery(settings)
    request = GenerationRequest(word="山", priority=Priority.BULK, num_inference_steps=1, include_conditioning=False)
    many, few = [str(uuid.uuid4()) for _ in range(20)], str(uuid.uuid4())
    for job_id, client in (*((job_id, "alice") for job_id in many), (few, "carol")):
        store.create(job_id, request, client=client)
        send_job(app, job_id, queue_of(Priority.BULK, client))
    eventually(lambda: store.get(few).started_at)
    waiting = [job_id for job_id in many if store.get(job_id).status is JobStatus.QUEUED]
    for job_id in many:
        store.cancel(job_id)
    assert waiting, "jobs that were sent before, by the client with many"
    eventually(lambda: store.get(few).status is JobStatus.SUCCEEDED)


def test_sizes_weights_and_methods_are_used_and_reported(api: Api) -> None:
    result = api.draw(
        word="山水",
        width=384,
        height=256,
        seed=1,
        num_inference_steps=2,
        guidance_scale=1.5,
        controlnet_weights={"canny": 1.2, "depth": 0},
        conditioning_methods={"canny": ["opencv_canny"]},
        negative_prompt="",
    )
    assert decode(result["generated_image_base64"]).size == (384, 256)
    metadata = result["generation_metadata"]
    assert metadata["controlnet_weights"] == {"canny": 1.2, "segmentation": 0.7, "scribble": 0.3}
    assert (metadata["width"], metadata["height"], metadata["guidance_scale"]) == (384, 256, 1.5)


def test_all_methods_that_were_asked_for_are_returned_and_the_first_steers(api: Api) -> None:
    """Adding methods after the first one changes nothing; putting another one first changes the picture."""
    request = {"word": "永", "seed": 3, "num_inference_steps": 1, "controlnet_weights": {"canny": 2, "depth": 0}}
    methods = {
        "canny": ["opencv_canny", "structured_edge_detection", "adaptive_canny"],
        "depth": ["stroke_thickness_depth", "distance_transform_depth"],
        "segmentation": ["radical_segmentation", "stroke_type_segmentation"],
        "scribble": ["skeletonization_scribble", "hand_drawn_simulation", "style_aware_scribble"],
    }
    alone = api.draw(**request)
    many = api.draw(**request, conditioning_methods=methods)
    returned = {kind: list(images) for kind, images in many["conditioning_images_base64"].items()}
    assert returned == methods
    # On plain ink, adaptive and fixed thresholds may give the same map; all other maps differ.
    assert len({image for images in many["conditioning_images_base64"].values() for image in images.values()}) >= 9
    assert (pixels(alone["generated_image_base64"]) == pixels(many["generated_image_base64"])).all()
    turned = api.draw(**request, conditioning_methods={"scribble": methods["scribble"][::-1]})
    assert (pixels(alone["generated_image_base64"]) != pixels(turned["generated_image_base64"])).any()
    notes = many["generation_metadata"]["conditioning_notes"]
    assert notes["radical_segmentation"]["radicals"][0]["meaning"] == "water"
    assert notes["stroke_type_segmentation"]["stroke_types"]["永"] == ["dian", "zhe", "zhe", "pie", "na"]


@pytest.mark.parametrize(
    ("control_type", "method"), [("depth", "ai_depth_estimation"), ("segmentation", "ai_segmentation")]
)
def test_a_method_without_its_model_is_refused_before_it_is_queued(api: Api, control_type: str, method: str) -> None:
    status = api.get("/api/writing/status").json()
    assert method not in status["methods"][control_type]
    answer = api.submit(word="学", conditioning_methods={control_type: [method]})
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (422, "method_unavailable")
    assert problem["field"] == f"conditioning_methods.{control_type}"
    assert status["unavailable_methods"][method] in problem["detail"]


@pytest.mark.slow
def test_a_foreign_translation_is_kept_for_display(api: Api) -> None:
    metadata = api.draw(word="学习", translation="учёба", num_inference_steps=1)["generation_metadata"]
    assert metadata["translation"] == "учёба"
    assert (metadata["prompt_meaning"], metadata["prompt_meaning_source"]) == ("learning", "lexicon")


@pytest.mark.parametrize(
    ("word", "translation"),
    [
        ("ひらがな", "letters"),
        pytest.param("사랑", "love", marks=pytest.mark.slow),
        pytest.param("sun", "sun", marks=pytest.mark.slow),
    ],
)
def test_other_scripts_are_drawn_from_fonts(api: Api, word: str, translation: str) -> None:
    result = api.draw(word=word, translation=translation, num_inference_steps=1)
    scribble = pixels(result["conditioning_images_base64"]["scribble"]["skeletonization_scribble"])
    assert (scribble > 0).any()


@pytest.mark.slow
def test_every_style_draws(api: Api) -> None:
    styles = api.get("/api/writing/status").json()["styles"]
    assert len(styles) >= 8
    prompts = {api.draw(word="火", style=style, num_inference_steps=1)["prompt_used"] for style in styles}
    assert len(prompts) == len(styles)


def test_an_expired_result_is_said_to_be_expired(api: Api, stack: Stack) -> None:
    """The record is kept longer than the pictures."""
    job_id = api.submit(**STUDY).json()["job_id"]
    api.finished(job_id)
    redis.Redis.from_url(stack.redis_url).delete(f"celery-task-meta-{job_id}")
    for path in ("", "/image"):
        answer = api.get(f"/api/writing/jobs/{job_id}{path}")
        assert (answer.status_code, answer.json()["code"]) == (410, "result_expired")


def test_jobs_at_the_same_time_share_steps(api: Api) -> None:
    """Each picture is the same as when its job runs alone."""
    job = {"word": "火", "num_inference_steps": 6, "include_conditioning": False}
    alone = api.draw(**job, seed=1)
    ids = [api.submit(**job, seed=seed).json()["job_id"] for seed in (1, 2, 3)]
    results = [api.finished(job_id)["result"] for job_id in ids]
    assert max(result["generation_metadata"]["batch_size_max"] for result in results) == 2, "the CPU profile's limit"
    difference = pixels(results[0]["generated_image_base64"]).astype(int) - pixels(alone["generated_image_base64"])
    assert np.abs(difference).max() <= 1


def test_the_quality_is_named_in_the_result(api: Api) -> None:
    result = api.finished(api.submit(word="火", quality="fast", num_inference_steps=2).json()["job_id"])["result"]
    metadata = result["generation_metadata"]
    assert (metadata["quality"], metadata["guidance_end"], metadata["cache_interval"]) == ("fast", 0.5, 4)
    assert metadata["networks"] == "as trained", "a CPU has no 8-bit units"
