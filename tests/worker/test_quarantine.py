"""Quarantined jobs: their queue, and the process that rehearses them."""

import signal
from collections.abc import Iterator

import pytest

from shared.schemas import GenerationRequest
from tests.chaos.deadly_word import DEADLY
from worker.quarantine import rehearsal
from worker.quarantine.queue import QuarantineQueue
from worker.quarantine.rehearsal import RehearsalProcess
from worker.rehearsal_server import without_models

HARMLESS = GenerationRequest(word="学")


def test_who_finds_nobody_at_work_works_the_line_off() -> None:
    line = QuarantineQueue()
    assert line.join("a")
    assert not line.join("b")
    done = []
    for job_id in line:
        done.append(job_id)
        if len(done) == 1:
            assert [line.join(other) for other in ("c", "b", "a")] == [False] * 3, "each job waits once"
    assert done == ["a", "b", "c", "a"]
    assert line.join("d")


def test_a_line_that_broke_off_goes_on_with_the_next_who_joins() -> None:
    line = QuarantineQueue()
    line.join("a")
    line.join("b")
    waiting = iter(line)
    assert next(waiting) == "a"
    waiting.close()  # type: ignore[attr-defined]
    assert line.join("c")
    assert list(line) == ["b", "c"]


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Iterator[RehearsalProcess]:
    monkeypatch.setattr(rehearsal, "MODULE", "tests.chaos.small_rehearsal")
    with RehearsalProcess() as stage:
        yield stage


@pytest.mark.parametrize(
    ("word", "signal"), [("学", None), ("死", "SIGSEGV"), ("亡", "SIGABRT"), ("终", None), ("杀", None)]
)
def test_only_what_crashes_is_charged(stage: RehearsalProcess, word: str, signal: str | None) -> None:
    """A SIGKILL may come from the kernel when memory is short, so it is not charged. The next job has a new process."""
    for _ in range(2):
        assert stage.rehearse(HARMLESS) is None
        assert stage.rehearse(GenerationRequest(word=word)) == signal


def test_a_process_serves_many_and_ends_with_the_block(stage: RehearsalProcess) -> None:
    assert stage.rehearse(HARMLESS) is None
    process = stage._process
    assert process is not None
    assert stage.rehearse(HARMLESS) is None
    assert stage._process is process
    stage.__exit__(None, None, None)
    assert process.returncode == -signal.SIGKILL


def test_a_process_that_died_between_two_rehearsals_proves_nothing(stage: RehearsalProcess) -> None:
    assert stage.rehearse(HARMLESS) is None
    assert stage._process is not None
    stage._process.kill()
    assert stage.rehearse(HARMLESS) is None
    assert stage.rehearse(GenerationRequest(word="死")) == "SIGSEGV"


def test_a_rehearsal_without_end_proves_nothing(stage: RehearsalProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    assert stage.rehearse(HARMLESS) is None
    monkeypatch.setattr(rehearsal, "TIMEOUT_S", 0.1)
    assert stage.rehearse(GenerationRequest(word="等")) is None


def test_what_dies_before_it_has_a_request_proves_nothing(
    stage: RehearsalProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rehearsal, "MODULE", "no.such.module")
    assert stage.rehearse(HARMLESS) is None


@pytest.mark.slow
def test_a_real_rehearsal(monkeypatch: pytest.MonkeyPatch) -> None:
    """An error that is not a crash is left for the worker to report."""
    monkeypatch.setattr(rehearsal, "MODULE", "tests.chaos.fragile_rehearsal")
    with RehearsalProcess() as stage:
        assert stage.rehearse(HARMLESS) is None
        assert stage.rehearse(GenerationRequest(word="学", style="no such style")) is None
        assert stage.rehearse(GenerationRequest(word=DEADLY, translation="death")) == "SIGSEGV"


def test_no_rehearsal_needs_a_model() -> None:
    request = GenerationRequest(
        word="学",
        conditioning_methods={
            "depth": ["ai_depth_estimation"],
            "segmentation": ["ai_segmentation", "radical_segmentation"],
        },
    )
    assert without_models(request).conditioning_methods == {
        "depth": ("distance_transform_depth",), "segmentation": ("radical_segmentation",)
    }  # fmt: skip
