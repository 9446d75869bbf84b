"""Picture work in threads and in processes: the same pictures, and crashes that affect only their own job."""

import asyncio
import os
import pickle
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest
from PIL import Image

from shared.errors import JobCancelled, Poisoned, UnsupportedCharacter
from shared.schemas import CONDITIONING_METHODS, GenerationRequest
from shared.settings import Settings, load_settings
from shared.styles import Pen
from tests import picture_deeds as deeds
from tests.conditioning_models import save_models
from tests.helpers import eventually
from worker.conditioning import Brush, make_conditionings
from worker.picture_work import Executor, PictureWork, ProcessExecutor, ThreadExecutor, condition, make_work, process
from worker.picture_work.choice import how_many
from worker.picture_work.work import ConditioningMap
from worker.progress import NullProgress

NOBODY = NullProgress()
HAND = Brush(Pen(roughness=0.01, pressure=0.5, grain=0.3), seed=7)


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Settings with tiny models for the AI methods."""
    models = save_models(tmp_path_factory.mktemp("models"))
    settings = load_settings({})
    queue = settings.queue.model_copy(update={"max_deaths": 2})
    return settings.model_copy(update={"conditioning": models, "queue": queue})


@pytest.fixture(scope="module")
def threads(folders: Settings) -> ThreadExecutor:
    place = ThreadExecutor(make_work(folders, make_conditionings(folders.conditioning)))
    asyncio.run(draw(place, "一", (256, 256), ()))  # loads the AI methods' models
    return place


@pytest.fixture(scope="module")
def processes(folders: Settings, threads: ThreadExecutor) -> Iterator[ProcessExecutor]:
    place = ProcessExecutor(2, folders, threads)
    place.start()
    yield place
    pid = do(place, deeds.sleep, 0)
    place.stop()
    assert not psutil.pid_exists(pid), "closing leaves no process"


class Meddler:
    """Computes something while it is pickled, as another thread might."""

    def __init__(self, compute: Callable[[], object]) -> None:
        self._compute = compute

    def __reduce__(self) -> tuple[type, tuple[()]]:
        self._compute()
        return str, ()


def test_a_scene_can_be_sent_while_another_thread_computes_its_properties(threads: ThreadExecutor) -> None:
    scene = do(threads, PictureWork.compose, "火", (256, 256), ("umbrella",), 7)
    glyph, placed = replace(scene.glyph), replace(scene.motifs[0])  # nothing is computed yet
    vars(glyph)["word"] = Meddler(lambda: glyph.skeleton)
    vars(placed)["motif"] = Meddler(lambda: vars(placed).setdefault("flat", scene.motifs[0].flat))
    sent = pickle.loads(pickle.dumps(replace(scene, glyph=glyph, motifs=(placed,))))  # noqa: S301  # our own
    assert {"skeleton", "flat"} <= vars(glyph).keys() | vars(placed).keys(), "computed meanwhile"
    assert (sent.glyph.skeleton == scene.glyph.skeleton).all()
    assert sent.motifs[0].box == scene.motifs[0].box


def do(place: Executor, piece: Any, *args: Any) -> Any:
    return asyncio.run(place.do(NOBODY, piece, *args))


async def draw(place: Executor, word: str, size: tuple[int, int], motifs: tuple[str, ...]) -> dict[str, Any]:
    """Return everything that a job gets from its executor."""
    request = GenerationRequest(word=word, translation="x", conditioning_methods=CONDITIONING_METHODS)
    scene = await place.do(NOBODY, PictureWork.compose, word, size, motifs, 7)
    maps = await condition(place, scene, request, HAND, NOBODY)
    control_images = maps.control_images
    picture = control_images["segmentation"]
    parameters = {
        "prompt": word, "negative_prompt": "", "num_inference_steps": 1, "scheduler": "euler", "guidance_scale": 1,
        "seed": 7, "width": size[0], "height": size[1], "model_used": "none",
    }  # fmt: skip
    return {
        "ink": scene.glyph.ink.tobytes(),
        "scene": (scene.glyph.characters, scene.motifs, scene.left_out),
        "notes": maps.notes,
        **{method: png for methods in maps.in_base64.values() for method, png in methods.items()},
        "steering": {kind: image.tobytes() for kind, image in control_images.items()},
        "reading": await place.do(NOBODY, PictureWork.judge, picture, scene.glyph),
        "png": await place.do(NOBODY, PictureWork.encode, picture, parameters),
    }


@pytest.mark.parametrize(
    ("word", "size", "motifs"),
    [
        ("学习", (320, 320), ("books", "graduation-cap")),
        ("火", (256, 384), ()),
        ("ひと", (384, 256), ("umbrella",)),
        ("سلام", (256, 256), ()),
    ],
)
def test_threads_and_processes_make_the_same(
    threads: ThreadExecutor, processes: ProcessExecutor, word: str, size: tuple[int, int], motifs: tuple[str, ...]
) -> None:
    """Scene, maps, notes, the judge's reading and PNG are bit-identical.

    The AI methods run in this process either way, since only it has their models.
    """
    here = asyncio.run(draw(threads, word, size, motifs))
    there = asyncio.run(draw(processes, word, size, motifs))
    assert set().union(*CONDITIONING_METHODS.values()) < set(here) == set(there)
    assert [name for name in here if there[name] != here[name]] == []


def test_what_runs_beside_a_map_does_not_change_it(threads: ThreadExecutor) -> None:
    """With many motifs concurrently, and sequentially."""
    scene = do(threads, PictureWork.compose, "学习", (512, 512), ("books", "graduation-cap"), 7)
    draw_canny = (PictureWork.condition, scene, "canny", "opencv_canny", HAND)

    async def beside() -> list[ConditioningMap]:
        return await asyncio.gather(*(threads.do(NOBODY, *draw_canny, encode=True) for _ in range(16)))

    alone = asyncio.run(threads.do(NOBODY, *draw_canny, encode=True))
    assert {drawn.png for drawn in asyncio.run(beside())} == {alone.png}


def test_the_work_is_done_elsewhere(threads: ThreadExecutor, processes: ProcessExecutor) -> None:
    assert do(threads, deeds.sleep, 0) == os.getpid()
    assert do(processes, deeds.sleep, 0) != os.getpid()


def test_an_error_crosses_the_border_whole(processes: ProcessExecutor) -> None:
    """It keeps its field and its traceback from there, and the process continues."""
    pid = do(processes, deeds.sleep, 0)
    with pytest.raises(UnsupportedCharacter) as refused:
        do(processes, PictureWork.compose, "\U0001f600", (256, 256), (), 1)
    assert (refused.value.code, refused.value.field) == ("unsupported_character", "word")
    with pytest.raises(ZeroDivisionError) as failed:
        do(processes, deeds.fail)
    assert "picture_deeds.py" in failed.value.__notes__[0]
    assert do(processes, deeds.sleep, 0) == pid


def test_a_crash_costs_its_own_job_alone(processes: ProcessExecutor) -> None:
    """The neighbour's call continues in its own process, and the dead process is replaced."""

    async def two() -> set[int]:
        return set(await asyncio.gather(*(processes.do(NOBODY, deeds.sleep, 0.5) for _ in range(2))))

    async def both() -> tuple[int, Poisoned | BaseException | None]:
        neighbour = asyncio.create_task(processes.do(NOBODY, deeds.sleep, 3))
        await asyncio.sleep(0.3)
        (crashed,) = await asyncio.gather(processes.do(NOBODY, deeds.crash), return_exceptions=True)
        return await neighbour, crashed

    before = asyncio.run(two())
    neighbour, crashed = asyncio.run(both())
    assert isinstance(crashed, Poisoned)
    assert "2 processes in a row died" in crashed.detail
    assert "SIGSEGV" in crashed.detail
    after = asyncio.run(two())
    assert before & after == {neighbour}
    assert len(after) == 2
    assert os.getpid() not in after


@pytest.mark.slow
def test_a_call_whose_process_was_killed_is_done_by_another(processes: ProcessExecutor, tmp_path: Path) -> None:
    """As by the kernel when memory is short, which is not the job's fault."""
    assert do(processes, deeds.die_once, tmp_path / "mark") != os.getpid()


def test_a_piece_that_never_ends_is_given_up(
    folders: Settings, threads: ThreadExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "TIMEOUT_S", 30.0)
    once = folders.model_copy(update={"queue": folders.queue.model_copy(update={"max_deaths": 1})})
    place = ProcessExecutor(1, once, threads)
    place.start()
    do(place, deeds.sleep, 0)
    monkeypatch.setattr(process, "TIMEOUT_S", 0.3)
    with pytest.raises(Poisoned, match="no response"):
        do(place, deeds.sleep, 60)
    place.stop()


def test_a_cancelled_job_s_calls_are_not_begun(processes: ProcessExecutor, tmp_path: Path) -> None:
    """Neither if they wait for a process nor if they have yet to request one."""

    class Cancelled(NullProgress):
        is_cancelled = False

    job = Cancelled()

    async def run() -> list[Any]:
        busy = [asyncio.create_task(processes.do(NOBODY, deeds.sleep, 2)) for _ in range(2)]
        await asyncio.sleep(0.3)
        waiting = asyncio.create_task(processes.do(job, deeds.leave, tmp_path / "mark"))
        await asyncio.sleep(0.3)
        job.is_cancelled = True
        (cancelled,) = await asyncio.gather(waiting, return_exceptions=True)
        assert not any(task.done() for task in busy), "it did not wait for the others"
        await asyncio.gather(*busy)
        return [cancelled, *await asyncio.gather(processes.do(job, deeds.leave, tmp_path), return_exceptions=True)]

    assert [type(ended) for ended in asyncio.run(run())] == [JobCancelled, JobCancelled]
    assert not (tmp_path / "mark").exists()


def test_a_job_that_is_cancelled_does_not_wait_for_a_call_that_never_ends(
    processes: ProcessExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor for a process that has stopped and does not read a picture. Both processes are replaced."""

    class Cancelled(NullProgress):
        is_cancelled = False

    job = Cancelled()

    async def run() -> None:
        pids = [await processes.do(NOBODY, deeds.sleep, 0)]
        hanging = asyncio.create_task(processes.do(job, deeds.sleep, 3600))
        await asyncio.sleep(0.3)
        pids.append(await processes.do(NOBODY, deeds.sleep, 0))
        os.kill(pids[-1], signal.SIGSTOP)
        stopped = asyncio.create_task(processes.do(job, PictureWork.encode, Image.new("RGB", (1024, 1024)), {}))
        await asyncio.sleep(0.3)
        job.is_cancelled = True
        ended = await asyncio.gather(hanging, stopped, return_exceptions=True)
        assert [type(one) for one in ended] == [JobCancelled, JobCancelled]
        assert not any(map(psutil.pid_exists, pids))
        assert await processes.do(NOBODY, deeds.sleep, 0) not in pids

    monkeypatch.setattr(process, "USUAL_S", 0.1)
    asyncio.run(run())


def test_a_signal_to_all_processes_of_a_service_ends_no_picture_process(processes: ProcessExecutor) -> None:
    """The worker finishes its jobs with them, then ends them."""
    pid = do(processes, deeds.sleep, 0)
    os.kill(pid, signal.SIGTERM)
    assert do(processes, deeds.sleep, 0) == pid


def test_where_none_begins_the_work_is_done_here(
    folders: Settings, threads: ThreadExecutor, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(process, "MODULE", "tests.no_such_module")
    place = ProcessExecutor(1, folders, threads)
    place.start()
    assert do(place, deeds.sleep, 0) == os.getpid()
    assert "a picture process died while starting: exit code 1" in caplog.text
    place.stop()


@pytest.mark.slow
def test_closing_leaves_no_process(folders: Settings, threads: ThreadExecutor) -> None:
    place = ProcessExecutor(1, folders, threads)
    place.start()
    pid = do(place, deeds.sleep, 0)
    place.stop()
    assert not psutil.pid_exists(pid)


@pytest.mark.parametrize("end", [signal.SIGKILL, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)])
def test_picture_processes_end_with_theirs(end: signal.Signals, project: Path) -> None:
    """However it ends, and whatever they are doing at that moment."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.picture_host"], cwd=project, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as host:
        assert host.stdout is not None
        pids = [int(pid) for pid in host.stdout.readline().split()]
        assert len({host.pid, *pids}) == 3
        time.sleep(0.3)
        host.send_signal(end)
        eventually(lambda: not any(map(psutil.pid_exists, pids)))


@pytest.mark.parametrize(
    ("wanted", "cores", "has_gpu", "count"),
    [
        (None, 16, True, 4),
        (None, 5, True, 3),
        (None, 2, True, 1),
        (None, 16, False, 0),
        (0, 16, True, 0),
        (3, 2, False, 3),
    ],
)
def test_their_number(wanted: int | None, cores: int, has_gpu: bool, count: int) -> None:
    assert how_many(wanted, cores, has_gpu=has_gpu)[0] == count
