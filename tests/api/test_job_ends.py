"""What a client is told about a job that has ended: by polling, by waiting again, and by cancelling it."""

import pytest
import redis
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from shared.queue.keys import Key
from shared.queue.leases import Leases
from shared.schemas import JobError
from tests.api.drawn_jobs import draw
from tests.helpers import taken

SUBMIT, JOBS = "/api/writing/generate-writing-image", "/api/writing/jobs"
KEY = {"Idempotency-Key": "k"}
WAIT = {**KEY, "Prefer": "wait=30"}


def submit(anyone: FlaskClient, headers: dict[str, str]) -> TestResponse:
    return anyone.post(SUBMIT, json={"word": "山"}, headers=headers)


@pytest.fixture
def waiting(anyone: FlaskClient) -> str:
    """The address of a job that waits."""
    return str(submit(anyone, KEY).headers["Location"])


@pytest.fixture
def drawn(waiting: str, leases: Leases) -> str:
    """The address of a job that has succeeded."""
    draw(leases, job_of(waiting))
    return waiting


def job_of(address: str) -> str:
    return address.rpartition("/")[2]


def code_of(answer: TestResponse) -> tuple[int, str]:
    return answer.status_code, answer.get_json()["code"]


def expire(client: redis.Redis, address: str) -> None:
    client.delete(Key.DOCUMENT + job_of(address), *client.keys(f"{Key.PICTURE}{job_of(address)}:*"))


def test_cancelling_a_drawn_job_answers_without_its_pictures(anyone: FlaskClient, drawn: str) -> None:
    before = anyone.get(drawn).get_json()
    assert before["result"]["success"]
    assert anyone.delete(drawn).get_json() == {**before, "result": None}
    assert anyone.get(drawn).get_json() == before


def test_a_job_whose_pictures_are_gone_is_cancelled_like_any_other(
    anyone: FlaskClient, client: redis.Redis, drawn: str
) -> None:
    expire(client, drawn)
    for _ in range(2):
        answer = anyone.delete(drawn)
        assert (answer.status_code, answer.get_json()["status"]) == (200, "succeeded")


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("out_of_memory", 500), ("device_lost", 500), ("model_unavailable", 500), ("generation_failed", 500),
        ("poisoned", 500), ("unreadable_record", 500), ("of_a_newer_worker", 500), ("prompt_too_long", 422),
    ],
)  # fmt: skip
def test_a_failed_job_is_a_problem_that_nothing_retries(
    anyone: FlaskClient, leases: Leases, waiting: str, code: str, status: int
) -> None:
    assert leases.fail(taken(leases, job_of(waiting)), JobError(code=code, title="t", detail="d"))
    answer = submit(anyone, WAIT)
    assert code_of(answer) == (status, code)
    assert answer.headers["Location"] == waiting
    assert "Retry-After" not in answer.headers
    assert submit(anyone, KEY).get_json()["status"] == "failed", "without waiting, the job is named"


def test_a_cancelled_job_is_a_conflict(anyone: FlaskClient, waiting: str) -> None:
    anyone.delete(waiting)
    answer = submit(anyone, WAIT)
    assert code_of(answer) == (409, "cancelled")
    assert answer.headers["Location"] == waiting


def test_a_repeated_request_whose_pictures_are_gone_says_so_and_names_the_job(
    anyone: FlaskClient, client: redis.Redis, drawn: str
) -> None:
    assert submit(anyone, WAIT).status_code == 200
    expire(client, drawn)
    answer = submit(anyone, WAIT)
    assert code_of(answer) == (410, "result_expired")
    assert answer.headers["Location"] == drawn
    assert submit(anyone, KEY).status_code == 202


@pytest.mark.parametrize("suffix", ["", "/image"])
def test_a_result_without_its_pictures_is_gone(
    anyone: FlaskClient, client: redis.Redis, drawn: str, suffix: str
) -> None:
    """A Redis that evicts keys by itself may keep the document alone."""
    client.delete(*client.keys(f"{Key.PICTURE}{job_of(drawn)}:*"))
    assert code_of(anyone.get(drawn + suffix)) == (410, "result_expired")


def test_no_list_leads_to_a_picture_that_is_gone(
    anyone: FlaskClient, client: redis.Redis, leases: Leases, drawn: str
) -> None:
    deck = anyone.post("/api/writing/decks", json={"words": ["水"]}).get_json()["status_url"]

    def images() -> list[str | None]:
        listed = anyone.get(JOBS).get_json()["jobs"] + anyone.get(deck).get_json()["words"]
        return [job["image_url"] for job in listed if job["status"] == "succeeded"]

    assert images() == [f"{drawn}/image"]
    (word,) = anyone.get(deck).get_json()["words"]
    draw(leases, word["job_id"])
    assert len(images()) == 3
    assert None not in images()
    expire(client, drawn)
    expire(client, word["status_url"])
    assert images() == [None] * 3


def test_a_refused_request_has_no_location(anyone: FlaskClient) -> None:
    assert "Location" not in anyone.post(SUBMIT, json={"word": "😀"}, headers=WAIT).headers


@pytest.mark.parametrize("suffix", ["", "?result=links", "/image", "/conditioning/canny/opencv_canny"])
def test_a_weakened_etag_still_matches(anyone: FlaskClient, drawn: str, suffix: str) -> None:
    """A proxy that compresses an answer weakens its ETag."""
    etag = anyone.get(drawn + suffix).headers["ETag"]
    for sent in (etag, f"W/{etag}"):
        answer = anyone.get(drawn + suffix, headers={"If-None-Match": sent})
        assert (answer.status_code, answer.data) == (304, b""), sent
    assert anyone.get(drawn + suffix, headers={"If-None-Match": 'W/"other"'}).status_code == 200


def test_a_job_that_waits_as_before_is_not_sent_again(anyone: FlaskClient, waiting: str) -> None:
    known = {"If-None-Match": anyone.get(waiting).headers["ETag"]}
    assert anyone.get(waiting, headers=known).status_code == 304
    anyone.delete(waiting)
    assert anyone.get(waiting, headers=known).get_json()["status"] == "cancelled"


def test_a_picture_that_will_never_be_has_its_own_code(anyone: FlaskClient, leases: Leases, waiting: str) -> None:
    assert code_of(anyone.get(f"{waiting}/image")) == (409, "job_not_finished")
    lease = taken(leases, job_of(waiting))
    assert code_of(anyone.get(f"{waiting}/image")) == (409, "job_not_finished")
    leases.confirm_cancelled(lease)
    for part in ("image", "variations/0/image", "conditioning/canny/opencv_canny"):
        assert code_of(anyone.get(f"{waiting}/{part}")) == (409, "job_without_picture")


def test_a_running_job_says_that_it_will_be_cancelled(anyone: FlaskClient, leases: Leases, waiting: str) -> None:
    taken(leases, job_of(waiting))
    assert anyone.get(waiting).get_json()["cancel_requested"] is False
    told = anyone.delete(waiting).get_json()
    assert (told["status"], told["cancel_requested"]) == ("running", True)
    assert anyone.get(waiting).get_json()["cancel_requested"] is True


def test_a_job_says_whose_picture_it_is_and_when_it_ran(anyone: FlaskClient, leases: Leases) -> None:
    deck = anyone.post("/api/writing/decks", json={"words": ["水"]}).get_json()
    (word,) = anyone.get(deck["status_url"]).get_json()["words"]
    job = anyone.get(word["status_url"]).get_json()
    assert (job["word"], job["priority"], job["deck_id"]) == ("水", "bulk", deck["deck_id"])
    assert (job["stage"], job["started_at"], job["finished_at"]) == (None, None, None)
    draw(leases, word["job_id"])
    ended = anyone.get(word["status_url"]).get_json()
    assert ended["created_at"] == job["created_at"] <= ended["started_at"] <= ended["finished_at"]
    assert ended["stage"] == "succeeded"


def test_a_job_that_was_just_taken_is_starting(anyone: FlaskClient, leases: Leases, waiting: str) -> None:
    """As its first event says."""
    lease = taken(leases, job_of(waiting))
    assert anyone.get(waiting).get_json()["stage"] == "starting"
    leases.release(lease)
    assert anyone.get(waiting).get_json()["stage"] is None


@pytest.mark.parametrize("request_text", ["{", "[]", '{"word": 7}', '{"word": null}', "null"])
def test_a_job_whose_record_is_damaged_can_be_polled_listed_and_cancelled(
    anyone: FlaskClient, client: redis.Redis, waiting: str, request_text: str
) -> None:
    client.hset(f"writing:job:{job_of(waiting)}", "request", request_text)
    polled, listed = anyone.get(waiting), anyone.get(JOBS)
    assert (polled.status_code, polled.get_json()["status"]) == (200, "queued")
    assert [job["job_id"] for job in listed.get_json()["jobs"]] == [job_of(waiting)]
    assert anyone.delete(waiting).get_json()["status"] == "cancelled"


def test_what_a_browsers_event_source_adds_is_no_unknown_parameter(anyone: FlaskClient, drawn: str) -> None:
    assert anyone.get(f"{drawn}/events?lastEventId=1-0").status_code in {200, 204}
    assert anyone.get(f"{drawn}/events?lastEvent=1-0").status_code == 422
