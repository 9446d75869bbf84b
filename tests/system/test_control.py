"""Celery's own control commands, as an operator uses them, also in Flower."""

import pytest
from celery import Celery

from local.stack import Stack
from shared.celery_app import make_celery
from shared.settings import load_settings
from tests.helpers import LONG, Api, eventually

ASKED = (
    "active",
    "scheduled",
    "reserved",
    "revoked",
    "registered",
    "stats",
    "conf",
    "report",
    "clock",
    "ping",
    "active_queues",
)


@pytest.fixture
def celery(stack: Stack) -> Celery:
    return make_celery(load_settings({"WRITING_REDIS__URL": stack.redis_url}))


@pytest.mark.parametrize("command", ASKED)
def test_a_worker_answers_what_it_is_asked(celery: Celery, command: str) -> None:
    answers = getattr(celery.control.inspect(timeout=5, limit=1), command)()
    assert answers
    assert all("error" not in answer for answer in answers.values() if isinstance(answer, dict))


@pytest.mark.parametrize("terminate", [pytest.param(False, marks=pytest.mark.slow), True])
def test_a_revoked_job_that_waits_is_cancelled(api: Api, celery: Celery, terminate: bool) -> None:
    busy = [api.submit(word="山", num_inference_steps=60).json()["job_id"] for _ in range(9)]
    waiting = api.submit(word="水", priority="bulk").json()["job_id"]
    celery.control.revoke(waiting, terminate=terminate, reply=True, limit=1)
    for job_id in busy:
        api.cancel(job_id)
    assert api.finished(waiting)["status"] == "cancelled"


@pytest.mark.slow
def test_a_running_job_that_is_terminated_is_cancelled(api: Api, celery: Celery) -> None:
    job_id = api.submit(word="山", **LONG).json()["job_id"]
    eventually(lambda: api.job(job_id)["progress"]["step"] > 0)
    celery.control.revoke(job_id, terminate=True, reply=True, limit=1)
    assert api.finished(job_id)["status"] == "cancelled"
    assert api.draw(word="水", num_inference_steps=1)["success"]


@pytest.mark.slow
def test_purged_messages_are_sent_again(api: Api, celery: Celery) -> None:
    """According to their records the jobs wait, and the reconciler finds that they have no message."""
    busy = [api.submit(word="山", num_inference_steps=60).json()["job_id"] for _ in range(9)]
    waiting = [api.submit(word="水", num_inference_steps=1).json()["job_id"] for _ in range(3)]
    celery.control.purge()
    for job_id in busy:
        api.cancel(job_id)
    assert {api.finished(job_id, 90)["status"] for job_id in waiting} == {"succeeded"}
    assert {api.finished(job_id)["status"] for job_id in busy} <= {"cancelled", "succeeded"}
