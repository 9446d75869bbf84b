"""A worker process: settings, model, engine and Celery. Started by ``writing-service worker``.

Exit codes: 0 after an orderly stop; 78 (EX_CONFIG) if settings or the model are wrong, so that a restart would not
help; 70 (EX_SOFTWARE) if the device failed or a step hung, so that a restart may help.
"""

import logging
import os
import secrets
import signal
import socket
import sys
import threading
import time
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import Any

import celery.worker.state
import redis
from celery import Celery
from celery.signals import task_revoked, worker_shutting_down
from celery.worker.control import control_command

from shared.celery_app import WARMUP_COMMAND, make_celery, send_job
from shared.errors import DeviceLost, ModelLoadError, ServiceError, SettingsError
from shared.locations import locate
from shared.logs import configure_logging
from shared.queue.client_queues import QUEUES
from shared.queue.decks import DeckStore
from shared.queue.leases import Leases
from shared.queue.metrics import JobMetrics
from shared.queue.object_store import open_store, refuse_closed_folder
from shared.queue.result_budget import Budget, ResultSizes
from shared.queue.store import JobStore
from shared.queue.webhook_outbox import WebhookOutbox
from shared.queue.workers import WorkerRegistry
from shared.redis_client import check_server, make_redis
from shared.schemas import WorkerInfo, WorkerState
from shared.settings import Settings
from shared.tls import check_tls
from shared.writing.blocklist import Blocklist
from shared.writing.dictionaries import Dictionaries
from shared.writing.english import vocabulary
from shared.writing.imagery import Imagery
from worker.ai_image_generator import AIImageGenerator
from worker.background.heartbeat import Heartbeat
from worker.background.job_monitor import JobMonitor
from worker.background.notifications import Notifications
from worker.background.reaper import Reaper, Send
from worker.background.sweeper import Sweeper
from worker.background.watchdog import Watchdog
from worker.background.webhooks import WebhookSender
from worker.conditioning import Conditioning, make_conditionings
from worker.gpu_manager import GPUManager
from worker.model_assembly import load_model
from worker.multi_controlnet_pipeline import MultiControlNetPipeline
from worker.picture_work import Executor, choose_executor, make_work
from worker.plan import ModelIdentity
from worker.prompt_builder import PromptBuilder
from worker.tasks import GenerateTask, cancel_revoked

logger = logging.getLogger("ai_models")

# How long a thread may hold the GIL while others wait. The engine's thread acquires it after each operation. With
# Python's 5 ms one busy thread makes small steps 160 times as long; with this value, 4 (bench/busy_threads.py).
SWITCH_INTERVAL_S = 0.00005


@dataclass(frozen=True)
class WorkerProcess:
    """The assembled parts of a worker."""

    settings: Settings
    celery: Celery
    gpu: GPUManager
    conditionings: tuple[Conditioning, ...]
    pipeline: MultiControlNetPipeline
    executor: Executor
    picture_processes: str
    monitor: JobMonitor
    leases: Leases
    reaper: Reaper
    webhooks: WebhookSender
    sweeper: Sweeper | None
    registry: WorkerRegistry
    concurrency: int
    started_at: float

    def describe(self) -> WorkerInfo:
        """Return this worker's current state."""
        steps, rows = self.pipeline.engine.work
        model = self.pipeline.engine.model
        return WorkerInfo(
            worker_id=self.leases.worker,
            state=self.pipeline.state,
            model=self.settings.model,
            device=str(self.gpu.device),
            concurrency=self.concurrency,
            batch_limit=self.pipeline.engine.limit or self.settings.worker.batch_limit or self.gpu.batch_limit,
            engine_steps=steps,
            engine_rows=rows,
            methods={kind.control_type: kind.available_methods for kind in self.conditionings},
            unavailable_methods={
                name: reason for kind in self.conditionings for name, reason in kind.unavailable_methods.items()
            },
            running=self.monitor.running,
            gpu_status=self.gpu.get_gpu_status(),
            setup={**(model.setup.texts() if model is not None else {}), "picture_processes": self.picture_processes},
            started_at=self.started_at,
        )

    def run(self) -> int:
        """Load the model, then take jobs until asked to stop; return the exit code.

        Raises:
            ModelLoadError, DeviceLost: the model cannot be loaded at start.
        """
        heartbeat = Heartbeat(self.registry, self.leases, self.describe, self.settings.worker.heartbeat_s)
        watchdog = Watchdog(self.pipeline.engine.overdue)
        with ExitStack() as running:
            # A signal raises an exception anywhere in here. What has just started must then be stopped, too.
            for part in (watchdog, self.executor, heartbeat, self.reaper, self.webhooks, self.sweeper):
                if part is not None:
                    running.callback(part.stop)
                    part.start()
            if self.settings.worker.load_at_start:
                self.pipeline.load()
            self.monitor.start()
            worker = self.celery.Worker(
                hostname=self.leases.worker,
                pool="threads",
                concurrency=self.concurrency,
                queues=QUEUES,
                # Workers do not know of each other: they share only Redis and the registry in it.
                without_gossip=True,
                without_mingle=True,
                loglevel=self.settings.logging.level,
                quiet=True,  # no banner, which is not in the log's format
            )
            worker_shutting_down.connect(self._drain)
            worker.start()
            self.monitor.stop()
            # Celery forgets the exit code that `stop_process` passed to it.
            return int(celery.worker.state.should_terminate or worker.exitcode or 0)

    def _drain(self, **_signal: Any) -> None:
        self.monitor.drain(self.settings.worker.drain_s)


def build(settings: Settings) -> WorkerProcess:
    """Assemble a worker. Nothing is loaded yet.

    Raises:
        SettingsError: the device, a font, the strokes or the imagery is missing, or Redis cannot be used as it is.
    """
    gpu = find_device(settings)
    # A restarted container has the same process id and host name, but none of its predecessor's leases.
    worker_id = f"{os.getpid()}-{secrets.token_hex(3)}@{socket.gethostname()}"
    conditionings = make_conditionings(settings.conditioning)
    pipeline = MultiControlNetPipeline(lambda: load_model(settings, gpu), stop_process, settings.queue.bulk_every)
    client = make_redis(settings.redis)
    check_server(client)
    store = JobStore(client, settings.queue)
    leases = Leases(client, store, settings.queue, worker_id)
    monitor = JobMonitor(leases, settings.worker.poll_s)
    app = make_celery(settings)
    send = partial(send_job, app)
    work = make_work(settings, conditionings)
    executor, picture_processes = choose_executor(settings, work, has_gpu=gpu.is_gpu)
    app.register_task(
        GenerateTask(
            leases=leases,
            monitor=monitor,
            generator=make_generator(settings, executor, pipeline),
            send=partial(send, goes_first=True),
            cancel=store.cancel,
            stop_process=stop_process,
            metrics=JobMetrics(client),
            budget=Budget(client, settings.results),
            sizes=ResultSizes(client),
        )
    )
    task_revoked.connect(cancel_revoked)
    register_warmup(pipeline)
    return WorkerProcess(
        settings=settings,
        celery=app,
        gpu=gpu,
        conditionings=conditionings,
        pipeline=pipeline,
        executor=executor,
        picture_processes=picture_processes,
        monitor=monitor,
        leases=leases,
        reaper=make_reaper(client, leases, send, monitor, settings),
        webhooks=make_webhooks(client, store, settings),
        sweeper=make_sweeper(client, worker_id, settings),
        registry=WorkerRegistry(client, settings.worker.stale_after_s),
        concurrency=settings.worker.concurrency or 2 * (settings.worker.batch_limit or gpu.batch_limit),
        started_at=time.time(),
    )


def find_device(settings: Settings) -> GPUManager:
    """Return the compute device.

    Raises:
        SettingsError: it does not exist, or cannot be claimed.
    """
    locks = settings.worker.gpu_locks
    try:
        return GPUManager(settings.device, settings.gpu_profiles, locks and locate(locks))
    except RuntimeError as error:
        raise SettingsError(f"device: {error}") from error
    except OSError as error:
        raise SettingsError(f"worker.gpu_locks: {error}") from error


def make_reaper(client: redis.Redis, leases: Leases, send: Send, monitor: JobMonitor, settings: Settings) -> Reaper:
    """Return the reaper of abandoned jobs."""
    return Reaper(
        client,
        leases,
        send,
        working_on=monitor.working_on,
        lease_s=settings.queue.lease_s,
        every_s=settings.worker.heartbeat_s,
        reconcile_s=settings.queue.reconcile_s,
    )


def make_webhooks(client: redis.Redis, store: JobStore, settings: Settings) -> WebhookSender:
    """Return the sender of webhooks."""
    outbox = WebhookOutbox(client, claim_s=settings.webhooks.claim_s)
    notifications = Notifications(store, DeckStore(client, store, settings.queue))
    return WebhookSender(outbox, notifications, settings.webhooks, every_s=settings.worker.heartbeat_s)


def make_sweeper(client: redis.Redis, worker_id: str, settings: Settings) -> Sweeper | None:
    """Return the sweeper of expired pictures; None if Redis holds the pictures and expires them.

    Raises:
        SettingsError: the store cannot be opened, or is a folder that cannot be written.
    """
    objects = open_store(settings.results.store)
    if objects is None:
        return None
    refuse_closed_folder(settings.results.store, objects)  # before jobs wait for it, with their pictures drawn
    return Sweeper(client, objects, worker_id, settings.queue.result_ttl_s)


def make_generator(settings: Settings, executor: Executor, pipeline: MultiControlNetPipeline) -> AIImageGenerator:
    """Return the picture generator.

    Raises:
        SettingsError: the strokes, the imagery or the English words cannot be read.
    """
    vocabulary()  # read now, so that no job fails because of it
    blocklist = Blocklist(settings.api.blocked_words)
    return AIImageGenerator(
        prompts=PromptBuilder(settings.styles, Dictionaries(), Imagery(), blocklist),
        executor=executor,
        pipeline=pipeline,
        model=ModelIdentity(settings.model, settings.active_model, settings.default_style),
    )


def register_warmup(pipeline: MultiControlNetPipeline) -> None:
    """Handle Celery's warm-up command by loading the model in a thread, so that the control loop is not blocked."""

    @control_command(name=WARMUP_COMMAND)  # type: ignore[untyped-decorator]
    def warmup(_state: Any) -> dict[str, str]:
        threading.Thread(target=load_or_stop, name="warmup", daemon=True).start()
        return {"ok": "loading"}

    def load_or_stop() -> None:
        try:
            pipeline.load()
        except (ModelLoadError, DeviceLost) as error:
            stop_process(error)


def stop_process(reason: ServiceError) -> None:
    """End this process from any thread: Celery stops taking jobs, returns its messages and exits."""
    logger.critical("worker exits: %s", reason)
    celery.worker.state.should_terminate = exit_code(reason)


def exit_code(reason: Exception) -> int:
    """Return the exit code of a worker that cannot continue."""
    return os.EX_SOFTWARE if isinstance(reason, DeviceLost) else os.EX_CONFIG


def run(worker: WorkerProcess) -> int:
    """Run a worker until it is stopped; return the exit code."""
    try:
        return worker.run()
    except SystemExit as stop:  # SIGTERM while the model is being loaded; later Celery handles signals
        return int(stop.code or os.EX_OK)
    except KeyboardInterrupt:
        return 128 + signal.SIGINT


def main(settings: Settings) -> int:
    """Run a worker; return the exit code."""
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    try:
        configure_logging(settings.logging)
        check_tls(settings.redis)
        worker = build(settings)
        code = run(worker)
    except (SettingsError, ModelLoadError, DeviceLost) as error:
        print(f"worker cannot start: {error}", file=sys.stderr)
        return exit_code(error)
    if worker.pipeline.state is WorkerState.LOADING:
        # Python would wait for the threads of pools, and a compiler that runs in one takes minutes.
        logger.info("worker exits while its model is being loaded")
        logging.shutdown()
        os._exit(code)
    return code
