"""The step loop: admit, step, retire.

Whatever goes wrong inside ends the job that it went wrong with: a batch that fails is split until the job at fault is
alone. A batch that does not fit into memory is split too, and the limit lowered; nobody is lost.
"""

import logging

import torch

from shared.errors import DeviceLost, JobCancelled, OutOfMemory
from worker.engine.denoiser import Row
from worker.engine.model import EngineModel
from worker.engine.placement import DEVICE_ERRORS
from worker.engine.request import EngineJob, JobState
from worker.engine.scheduler import Scheduler

logger = logging.getLogger("engine")

PREVIEW_EVERY_STEPS = 4


class StepLoop:
    """Draws jobs, many at a time. All calls come from the thread that owns the device."""

    def __init__(self, model: EngineModel, bulk_every: int) -> None:
        self.model = model
        self.scheduler: Scheduler[EngineJob] = Scheduler(model.batch_limit, bulk_every)
        self.lost: DeviceLost | None = None
        self.steps = self.rows = 0  # steps taken, and pictures that took part in them: they only grow
        self._rows: dict[EngineJob, Row] = {}

    @property
    def has_jobs(self) -> bool:
        """Whether there is anything to step."""
        return bool(self.scheduler.jobs)

    def submit(self, job: EngineJob) -> None:
        """Take a job."""
        if self.lost is not None:
            job.fail(self.lost)
            return
        if job.request.quality not in self.model.networks:
            job.fail(ValueError(f"there are no networks for quality {job.request.quality}"))
            return
        job.cost, job.group = self.model.cost(job.request), self.model.group(job.request)
        self.scheduler.submit(job)

    def turn(self) -> None:
        """Let jobs in and out, and take one step with one batch."""
        self._drop_cancelled()
        self._admit()
        batch = self.scheduler.next_batch()
        if batch:
            self._step(batch)
            self._retire(batch)

    def _drop_cancelled(self) -> None:
        for job in self.scheduler.jobs:
            if job.progress.is_cancelled:
                self._fail(job, JobCancelled("the job was cancelled"))

    def _admit(self) -> None:
        for job in self.scheduler.admit():
            job.state = JobState.RUNNING
            if job not in self._rows:
                self._prepare(job)

    def _prepare(self, job: EngineJob) -> None:
        try:
            job.progress.stage("diffusion")
            job.progress.step(0, job.request.num_inference_steps)
            row = self._rows[job] = self.model.row(job.request)
            job.prompt, job.negative_prompt = row.prompt, row.negative_prompt
        except torch.OutOfMemoryError as error:
            torch.cuda.empty_cache()
            self._wait_or_fail(job, error)
        except Exception as error:  # noqa: BLE001  # the job's boundary: it fails alone
            self._fail_with(job, error)

    def _wait_or_fail(self, job: EngineJob, error: torch.OutOfMemoryError) -> None:
        """Let a job that does not fit wait until others have ended; alone it never will fit."""
        others = len(self.scheduler.running) - 1
        if others:
            self.scheduler.put_back(job)
            self.scheduler.lower_limit(others)
            job.state = JobState.WAITING
        else:
            self._fail(job, _does_not_fit(error))

    def _step(self, batch: list[EngineJob]) -> None:
        """Take one step with the batch; what does not fit or fails is tried in halves."""
        denoiser = self.model.networks[batch[0].request.quality].denoiser
        try:
            denoiser.step([self._rows[job] for job in batch])
        except torch.OutOfMemoryError as error:
            torch.cuda.empty_cache()
            if len(batch) == 1:
                self._fail(batch[0], _does_not_fit(error))
                return
            self.scheduler.lower_limit(sum(job.cost for job in batch) // 2)
            logger.warning("out of memory with %d jobs: the limit is now %d", len(batch), self.scheduler.limit)
            self._step_halves(batch)
        except DEVICE_ERRORS as error:
            self._lose_device(error)
        except Exception as error:  # noqa: BLE001  # the jobs' boundary: the one at fault fails alone
            if len(batch) == 1:
                self._fail_with(batch[0], error)
            else:
                self._step_halves(batch)
        else:
            self.scheduler.stepped()
            self.steps += 1
            self.rows += len(batch)
            for job in batch:
                job.batch_size_max = max(job.batch_size_max, len(batch))

    def _step_halves(self, batch: list[EngineJob]) -> None:
        middle = len(batch) // 2
        for half in (batch[:middle], batch[middle:]):
            if alive := [job for job in half if job.state is JobState.RUNNING]:
                self._step(alive)

    def _retire(self, batch: list[EngineJob]) -> None:
        """Report each job's step, and hand over those that are done."""
        for job in batch:
            if job.state is not JobState.RUNNING:
                continue
            try:
                self._report(job, self._rows[job])
            except Exception as error:  # noqa: BLE001  # the job's boundary
                self._fail_with(job, error)
                continue
            if self._rows[job].is_done:
                self._decode(job)

    def _report(self, job: EngineJob, row: Row) -> None:
        job.progress.step(row.step, job.request.num_inference_steps)
        if row.step % PREVIEW_EVERY_STEPS == 0 and not row.is_done and row.predicted is not None:
            job.progress.preview(self.model.previewer.preview(row.predicted))

    def _decode(self, job: EngineJob) -> None:
        self.scheduler.remove(job)
        job.state = JobState.DECODING
        self.model.decoder.submit(job, self._rows.pop(job).latents)

    def _fail_with(self, job: EngineJob, error: Exception) -> None:
        if isinstance(error, DEVICE_ERRORS):
            self._lose_device(error)
        else:
            self._fail(job, error)

    def _fail(self, job: EngineJob, error: Exception) -> None:
        self.scheduler.remove(job)
        self._rows.pop(job, None)
        job.fail(error)

    def _lose_device(self, error: Exception) -> None:
        """End every job: none can be drawn here any more, though elsewhere they can."""
        logger.critical("the device computes no more: %s", error)
        self.lost = DeviceLost(f"the device computes no more: {error}")
        for job in self.scheduler.jobs:
            self._fail(job, self.lost)


def _does_not_fit(error: Exception) -> OutOfMemory:
    return OutOfMemory(f"the picture does not fit into the GPU's memory: {error}")
