"""Suspects: their line, and the process in which they are rehearsed."""

import os
import signal
from collections.abc import Iterator

import pytest

from shared.schemas import GenerationRequest
from tests.chaos.fragile_worker import DEADLY
from worker import rehearsal
from worker.rehearsal import Stage, without_models
from worker.suspects import Line

HARMLESS = GenerationRequest(word="学")
CRASHING = GenerationRequest(word=DEADLY, translation="death")


def test_who_finds_nobody_at_work_works_the_line_off() -> None:
    line = Line()
    assert line.join("a")
    assert not line.join("b")
    done = []
    for job_id in line:
        done.append(job_id)
        if job_id == "a":
            assert [line.join(other) for other in ("c", "b", "a")] == [False] * 3, "each waits once"
    assert done == ["a", "b", "c", "a"]
    assert line.join("d")


def test_a_line_that_broke_off_goes_on_with_the_next_who_joins() -> None:
    line = Line()
    line.join("a")
    line.join("b")
    waiting = iter(line)
    assert next(waiting) == "a"
    waiting.close()  # type: ignore[attr-defined]
    assert line.join("c")
    assert list(line) == ["b", "c"]


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    with pytest.MonkeyPatch.context() as patched, Stage() as stage:
        patched.setattr(rehearsal, "MODULE", "tests.chaos.fragile_rehearsal")
        yield stage


def test_only_what_crashes_is_blamed(stage: Stage) -> None:
    """And the next rehearsal has a new process."""
    assert stage.rehearse(HARMLESS) is None
    assert stage.rehearse(CRASHING) == "SIGSEGV"
    assert stage.rehearse(HARMLESS) is None


def test_an_error_that_is_no_crash_is_for_the_worker_to_tell(stage: Stage) -> None:
    assert stage.rehearse(GenerationRequest(word="学", style="no such style")) is None
    assert stage.rehearse(CRASHING) == "SIGSEGV"


def test_a_process_that_was_killed_proves_nothing(stage: Stage) -> None:
    """As by the kernel for want of memory."""
    assert stage.rehearse(HARMLESS) is None
    assert stage._process is not None
    os.kill(stage._process.pid, signal.SIGKILL)
    assert stage.rehearse(HARMLESS) is None
    assert stage.rehearse(CRASHING) == "SIGSEGV"


def test_a_rehearsal_without_end_proves_nothing(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    assert stage.rehearse(HARMLESS) is None
    monkeypatch.setattr(rehearsal, "TIMEOUT_S", 0.1)  # the crash comes after a second
    assert stage.rehearse(CRASHING) is None


def test_what_dies_before_it_has_a_request_proves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    with Stage() as stage:
        for module in ("no.such.module", "tests.unit.crashing"):
            monkeypatch.setattr(rehearsal, "MODULE", module)
            assert stage.rehearse(HARMLESS) is None


def test_no_rehearsal_needs_a_model() -> None:
    request = GenerationRequest(
        word="学", conditioning_methods={"depth": ["ai_depth_estimation"], "segmentation": ["ai_segmentation", "radical_segmentation"]}
    )
    assert without_models(request).conditioning_methods == {
        "depth": ("distance_transform_depth",), "segmentation": ("radical_segmentation",)
    }  # fmt: skip
