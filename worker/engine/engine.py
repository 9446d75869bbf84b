"""The thread that owns the device.

Other threads submit requests and wait on futures, so the run state needs no lock.
"""

import logging
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from functools import partial
from queue import Empty, SimpleQueue
from typing import Any

from shared.errors import DeviceLost, ModelLoadError
from shared.schemas import WorkerState
from worker.engine.faults import Fault, attempt, classify
from worker.engine.job import EngineJob, SharedConditions
from worker.engine.loop import StepLoop
from worker.engine.model_runner import ModelRunner
from worker.engine.request import Drawing, DrawRequest
from worker.engine.scheduler import BULK_EVERY
from worker.progress import ProgressSink

# Messages to the thread: a job, a request to load the model, notice that the device is lost, or None to end.
Message = EngineJob | Future[None] | DeviceLost | None

logger = logging.getLogger("engine")


class Engine:
    """Loads a model in its thread and draws with it.

    Every job ends, whatever happens in that thread. Once the thread can no longer compute, all current and future jobs
    fail with `DeviceLost`, so that another worker draws them.

    Args:
        load: returns the model, or raises `ModelLoadError`. The engine's thread calls it once, on `load` or before the
            first job.
        bulk_every: while both kinds wait, every bulk_every-th job admitted is a bulk one.
        on_lost: called once by the engine's thread when this process can no longer compute.
    """

    def __init__(
        self,
        load: Callable[[], ModelRunner],
        bulk_every: int = BULK_EVERY,
        on_lost: Callable[[DeviceLost], None] = lambda _lost: None,
    ) -> None:
        self._load = load
        self._on_lost = on_lost
        self._bulk_every = bulk_every
        self._loop: StepLoop | None = None
        self._inbox: SimpleQueue[Message] = SimpleQueue()
        self._is_open = True
        self.state = WorkerState.COLD
        self._thread = threading.Thread(target=self._run, name="engine", daemon=True)
        self._thread.start()

    @property
    def model(self) -> ModelRunner | None:
        """The model once it is loaded, else None."""
        return self._loop.model if self._loop is not None else None

    @property
    def limit(self) -> int | None:
        """The number of pictures that may currently share a step; None before the model is loaded."""
        return self._loop.scheduler.limit if self._loop is not None else None

    @property
    def work(self) -> tuple[int, int]:
        """The number of steps taken so far, and the sum of their batch sizes in pictures."""
        return (self._loop.steps, self._loop.rows) if self._loop is not None else (0, 0)

    def overdue(self) -> str | None:
        """Return a description of work that should have ended long ago, or None. Loading is never overdue."""
        if self._loop is None:
            return None
        return self._loop.deadline.overdue() or self._loop.model.decoder.deadline.overdue()

    def load(self) -> "Future[None]":
        """Load the model if needed. The future raises `ModelLoadError` or `DeviceLost` if it cannot be loaded."""
        answer: Future[None] = Future()
        answer.add_done_callback(self._on_answer)
        self._inbox.put(answer)
        return answer

    def submit(self, request: DrawRequest, progress: ProgressSink) -> "Future[Drawing]":
        """Submit a request and return the future of its picture, which raises as in `submit_variations`."""
        return self.submit_variations(request, [progress])[0]

    def submit_variations(self, request: DrawRequest, progress: Sequence[ProgressSink]) -> "list[Future[Drawing]]":
        """Submit a request for several pictures, with noise from its seed, its seed + 1, and so on.

        What steers them is computed once. Each picture steps separately, so they may be spread over batches.

        Args:
            request: what to draw.
            progress: one sink per picture; their number is the number of pictures.

        Each future raises:
            JobCancelled: `progress` reported a cancellation, between two steps or before the first.
            OutOfMemory: it does not fit into memory, even alone.
            ModelLoadError, DeviceLost: this process cannot draw pictures.
            GenerationFailed, or an error of the libraries: only this job failed.
        """
        _ = request.control_tensors  # computed here, in the job's thread
        shared = SharedConditions()
        jobs = [EngineJob(request, sink, number, shared) for number, sink in enumerate(progress)]
        for job in jobs:
            job.answer.set_running_or_notify_cancel()  # from here on, only `progress` cancels
            job.answer.add_done_callback(self._on_answer)
            self._inbox.put(job)
        return [job.answer for job in jobs]

    def close(self) -> None:
        """End the thread after its current jobs."""
        self._inbox.put(None)
        self._thread.join()

    def _run(self) -> None:
        try:
            self._serve()
        except BaseException as error:  # the thread's boundary: without it every job would wait forever
            lost = error if isinstance(error, DeviceLost) else DeviceLost(f"{type(error).__name__}: {error}")
            logger.critical("the engine has stopped", exc_info=error)
            self._lose(lost)

    def _serve(self) -> None:
        while self._is_open or self.has_jobs:
            self._receive()
            if self._loop is not None:
                self._loop.run_step()
        if self._loop is not None:
            self._loop.model.decoder.close()

    def _lose(self, lost: DeviceLost) -> None:
        """Fail every job except those in the decoder, which end there; then fail all new ones."""
        self.state = WorkerState.COLD
        for job in self._loop.scheduler.jobs if self._loop is not None else ():
            attempt(partial(job.fail, lost))
        self._on_lost(lost)
        while self._is_open:
            message = self._inbox.get()
            if isinstance(message, EngineJob):
                message.fail(lost)
            elif isinstance(message, Future):
                message.set_exception(lost)
            self._is_open = message is not None

    def _on_answer(self, answer: "Future[Any]") -> None:
        """Handle a device lost in the decoder's thread or while loading the model."""
        if isinstance(lost := answer.exception(), DeviceLost):
            self._inbox.put(lost)

    @property
    def has_jobs(self) -> bool:
        """Whether there is any job to step."""
        return self._loop is not None and self._loop.has_jobs

    def _receive(self) -> None:
        """Receive new messages; wait for one if there is nothing else to do."""
        while self._is_open:
            try:
                message = self._inbox.get(block=not self.has_jobs)
            except Empty:
                return
            self._accept(message)

    def _accept(self, message: Message) -> None:
        if isinstance(message, DeviceLost):
            raise message
        if isinstance(message, EngineJob):
            self._take(message)
        elif isinstance(message, Future):
            self._answer(message)
        else:
            self._is_open = False

    def _take(self, job: EngineJob) -> None:
        failure = attempt(lambda: self._loaded().submit(job))
        if failure is not None:
            job.fail(failure.answer)

    def _answer(self, loading: "Future[None]") -> None:
        failure = attempt(self._loaded)
        if failure is None:
            loading.set_result(None)
        else:
            loading.set_exception(failure.answer)

    def _loaded(self) -> StepLoop:
        """Return the loop with its model, loading the model the first time.

        Raises:
            ModelLoadError: it cannot be loaded.
            DeviceLost: the device has failed.
        """
        if self._loop is None:
            self.state = WorkerState.LOADING
            try:
                self._loop = StepLoop(self._load(), self._bulk_every)
            except Exception as error:
                self.state = WorkerState.COLD
                if isinstance(error, ModelLoadError) or classify(error) is Fault.DEVICE_LOST:
                    raise
                raise ModelLoadError(f"{type(error).__name__}: {error}") from error
            self.state = WorkerState.WARM
        return self._loop
