"""The thread that owns the device.

Everybody else hands requests over and waits for their futures, so no lock guards the run state.
"""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from queue import Empty, SimpleQueue

from shared.errors import ModelLoadError
from shared.schemas import WorkerState
from worker.engine.loop import StepLoop
from worker.engine.model import EngineModel
from worker.engine.request import Drawing, DrawRequest, EngineJob
from worker.progress import ProgressSink

# What comes into the thread: a job, a wish to have the model loaded, or None: the end.
Message = EngineJob | Future[None] | None


class Engine:
    """Loads a model in its thread, and draws with it."""

    def __init__(self, load: Callable[[], EngineModel], bulk_every: int = 5) -> None:
        """Take what loads the model: called once, by the engine's thread, on `load` or before the first job.

        Args:
            load: returns the model, or raises `ModelLoadError`.
            bulk_every: every so-many-th job admitted is a bulk one while both wait.
        """
        self._load = load
        self._bulk_every = bulk_every
        self._loop: StepLoop | None = None
        self._inbox: SimpleQueue[Message] = SimpleQueue()
        self._is_open = True
        self.state = WorkerState.COLD
        self._thread = threading.Thread(target=self._run, name="engine", daemon=True)
        self._thread.start()

    @property
    def model(self) -> EngineModel | None:
        """The model, once it is loaded."""
        return self._loop.model if self._loop is not None else None

    @property
    def limit(self) -> int | None:
        """Pictures that may share a step at present; None before the model is loaded."""
        return self._loop.scheduler.limit if self._loop is not None else None

    @property
    def work(self) -> tuple[int, int]:
        """Steps taken so far, and pictures that took part in them."""
        return (self._loop.steps, self._loop.rows) if self._loop is not None else (0, 0)

    def load(self) -> "Future[None]":
        """Load the model, unless it is loaded; the future raises `ModelLoadError` if it cannot be."""
        answer: Future[None] = Future()
        self._inbox.put(answer)
        return answer

    def submit(self, request: DrawRequest, progress: ProgressSink) -> "Future[Drawing]":
        """Take a job; its future is the picture.

        The future raises:
            JobCancelled: `progress` said so; between two steps, or before the first.
            OutOfMemory: it does not fit, not even alone.
            ModelLoadError, DeviceLost: no picture can be drawn in this process.
            GenerationFailed, or what the libraries raise: this job alone went wrong.
        """
        job = EngineJob(request, progress)
        job.answer.set_running_or_notify_cancel()  # from here on it is `progress` that cancels
        self._inbox.put(job)
        return job.answer

    def close(self) -> None:
        """End the thread after the jobs that it has."""
        self._inbox.put(None)
        self._thread.join()

    def _run(self) -> None:
        while self._is_open or self._has_jobs:
            self._receive()
            if self._loop is not None:
                self._loop.turn()
        if self._loop is not None:
            self._loop.model.decoder.close()

    @property
    def _has_jobs(self) -> bool:
        return self._loop is not None and self._loop.has_jobs

    def _receive(self) -> None:
        """Take what has come in, waiting for it if there is nothing else to do."""
        while self._is_open:
            try:
                message = self._inbox.get(block=not self._has_jobs)
            except Empty:
                return
            self._accept(message)

    def _accept(self, message: Message) -> None:
        if message is None:
            self._is_open = False
            return
        try:
            loop = self._loaded()
        except ModelLoadError as error:
            message.set_exception(error) if isinstance(message, Future) else message.fail(error)
            return
        message.set_result(None) if isinstance(message, Future) else loop.submit(message)

    def _loaded(self) -> StepLoop:
        """Return the loop with its model; load it the first time.

        Raises:
            ModelLoadError: it cannot be loaded.
        """
        if self._loop is None:
            self.state = WorkerState.LOADING
            try:
                self._loop = StepLoop(self._load(), self._bulk_every)
            except ModelLoadError:
                self.state = WorkerState.COLD
                raise
            except Exception as error:
                self.state = WorkerState.COLD
                raise ModelLoadError(f"{type(error).__name__}: {error}") from error
            self.state = WorkerState.WARM
        return self._loop
