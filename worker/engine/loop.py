"""The step loop: admit, step, retire.

An error inside the loop ends only the job that caused it: a batch that fails is split until the faulty job is alone. A
batch that does not fit into memory is also split, and the limit is lowered, so no job is lost. An error that affects
every job is raised, and the engine's thread then ends all jobs.
"""

import logging
from functools import partial

from shared.errors import JobCancelled
from worker.engine.deadline import Deadline
from worker.engine.faults import Failure, Fault, attempt, free_memory
from worker.engine.job import EngineJob, JobState
from worker.engine.model_runner import ModelRunner
from worker.engine.preview import Preview
from worker.engine.request_state import RequestState
from worker.engine.scheduler import Scheduler
from worker.engine.steps_in_flight import StepsInFlight, record_event

logger = logging.getLogger("engine")

PREVIEW_EVERY_STEPS = 4


class StepLoop:
    """Draws many jobs at a time. All calls come from the thread that owns the device."""

    def __init__(self, model: ModelRunner, bulk_every: int) -> None:
        self.model = model
        self.scheduler: Scheduler[EngineJob] = Scheduler(model.batch_limit, bulk_every)
        self.deadline = Deadline()
        self._in_flight = StepsInFlight(partial(record_event, model.placement.device))
        self.steps = self.rows = 0  # totals: steps taken, and their batch sizes in pictures
        self._rows: dict[EngineJob, RequestState] = {}
        self._previews: dict[EngineJob, Preview] = {}

    @property
    def has_jobs(self) -> bool:
        """Whether there is any job to step."""
        return bool(self.scheduler.jobs)

    def submit(self, job: EngineJob) -> None:
        """Add a job.

        Raises:
            ValueError: no networks are loaded for its quality.
        """
        if job.request.quality not in self.model.networks:
            raise ValueError(f"there are no networks for quality {job.request.quality}")
        job.cost, job.group = self.model.cost(job.request), self.model.group(job.request)
        self.scheduler.submit(job)

    def run_step(self) -> None:
        """Admit and retire jobs, and take one step with one batch.

        Raises:
            DeviceLost: no job can be drawn on this device any more.
        """
        self._drop_cancelled()
        self._admit()
        batch = self.scheduler.next_batch()
        if batch:
            with self.deadline.watch(f"a step at {batch[0].request.size}"):
                self._step(batch)
                self._retire(batch)
                self._in_flight.add()

    def _drop_cancelled(self) -> None:
        for job in self.scheduler.jobs:
            if job.progress.is_cancelled:
                self._fail(job, JobCancelled("the job was cancelled"))

    def _admit(self) -> None:
        for job in self.scheduler.admit():
            job.state = JobState.RUNNING
            if job not in self._rows:
                with self.deadline.watch(f"text and controls at {job.request.size}"):
                    self._prepare(job)

    def _prepare(self, job: EngineJob) -> None:
        """Make a job's row. A job that does not fit waits until others have ended."""
        start = partial(self._start, job)
        failure = attempt(start)
        if failure is not None and failure.fault is Fault.OUT_OF_MEMORY:
            if len(self.scheduler.running) > 1:
                self._postpone(job)
                return
            failure = self._try_alone(start)
        if failure is not None:
            self._fail_with(job, failure)

    def _start(self, job: EngineJob) -> None:
        job.progress.stage("diffusion")
        job.progress.step(0, job.request.num_inference_steps)
        shared = job.shared
        shared.conditions = shared.conditions or self.model.conditions(job.request)
        self._rows[job] = self.model.row(job.request, shared.conditions, job.variation)
        job.prompt, job.negative_prompt = shared.conditions.prompt, shared.conditions.negative_prompt

    def _postpone(self, job: EngineJob) -> None:
        self.scheduler.put_back(job)
        job.state = JobState.WAITING
        self.scheduler.lower_limit(sum(other.cost for other in self.scheduler.running))
        free_memory()

    def _step(self, batch: list[EngineJob]) -> None:
        """Take one step with the batch. A batch that does not fit or fails is retried in halves."""
        denoise = partial(self._denoise, batch)
        failure = attempt(denoise)
        if failure is not None and failure.fault is Fault.OUT_OF_MEMORY:
            if len(batch) == 1:
                failure = self._try_alone(denoise)
            else:
                self._lower_limit(batch)
        if failure is None:
            self._count(batch)
        elif len(batch) == 1 or failure.fault is Fault.DEVICE_LOST:
            self._fail_with(batch[0], failure)
        else:
            self._step_halves(batch)

    def _denoise(self, batch: list[EngineJob]) -> None:
        self.model.networks[batch[0].request.quality].denoiser.step([self._rows[job] for job in batch])

    def _try_alone(self, call: partial[None]) -> Failure | None:
        """Retry a single job that did not fit, after the decoder has finished and released its memory."""
        self.model.decoder.wait()
        free_memory()
        return attempt(call)

    def _lower_limit(self, batch: list[EngineJob]) -> None:
        free_memory()
        self.scheduler.lower_limit(sum(job.cost for job in batch) // 2)
        logger.warning("out of memory with %d jobs: the limit is now %d", len(batch), self.scheduler.limit)

    def _count(self, batch: list[EngineJob]) -> None:
        self.scheduler.stepped()
        self.steps += 1
        self.rows += len(batch)
        for job in batch:
            job.batch_size_max = max(job.batch_size_max, len(batch))

    def _step_halves(self, batch: list[EngineJob]) -> None:
        middle = len(batch) // 2
        self._step(batch[:middle])
        self._step(batch[middle:])

    def _retire(self, batch: list[EngineJob]) -> None:
        """Report each job's step, and hand finished jobs to the decoder."""
        for job in batch:
            if job.state is not JobState.RUNNING:
                continue
            if (failure := attempt(partial(self._report, job, self._rows[job]))) is not None:
                self._fail_with(job, failure)
            elif self._rows[job].is_done:
                self._decode(job)
            else:
                job.group = self.model.group(job.request, self._rows[job].step)

    def _report(self, job: EngineJob, row: RequestState) -> None:
        job.progress.step(row.step, job.request.num_inference_steps)
        if row.step % PREVIEW_EVERY_STEPS == 0 and not row.is_done and row.predicted is not None:
            self._previews[job] = self.model.previewer.preview(row.predicted)
        self._show(job)

    def _show(self, job: EngineJob) -> None:
        """Show a job's pending preview if the device has sent it."""
        preview = self._previews.get(job)
        if preview is not None and preview.is_here:
            del self._previews[job]
            job.progress.preview(preview.picture)

    def _decode(self, job: EngineJob) -> None:
        """Hand a job over to the decoder. If that fails, the engine still ends the job."""
        job.state = JobState.DECODING
        self.model.decoder.submit(job, self._rows[job].latents)
        self._forget(job)

    def _fail_with(self, job: EngineJob, failure: Failure) -> None:
        """End the faulty job.

        Raises:
            DeviceLost: the device is at fault, not the job.
        """
        if failure.fault is Fault.DEVICE_LOST:
            raise failure.answer
        self._fail(job, failure.answer)

    def _fail(self, job: EngineJob, error: Exception) -> None:
        self._forget(job)
        job.fail(error)

    def _forget(self, job: EngineJob) -> None:
        self.scheduler.remove(job)
        self._rows.pop(job, None)
        self._previews.pop(job, None)
