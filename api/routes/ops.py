"""Liveness, readiness, component health and metrics, for operators and probes."""

from http import HTTPStatus
from typing import Literal

import redis
from flask import Blueprint, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from api.problems import problem_responses
from api.responses import json_response
from api.routes.blueprints import HEALTH, make_blueprint
from api.services import Services, services
from shared import __version__
from shared.celery_app import WARMUP_COMMAND
from shared.errors import NotReady
from shared.schemas import DetailedHealth, Schema, WorkerState
from shared.schemas.service import AIStatus, ResultsStore, ServiceHealth

health_api = make_blueprint("health", __name__, HEALTH, prefix="/health")
metrics_routes = Blueprint("metrics", __name__)


class Alive(Schema):
    """The process answers."""

    status: Literal["ok"] = "ok"
    version: str = __version__


class Ready(Schema):
    """Redis answers and a worker is warm."""

    status: Literal["ready"] = "ready"
    warm_workers: int


class WarmingUp(Schema):
    """The workers that were asked to load their model."""

    workers: list[str]


@health_api.get("", responses={200: Alive})
def alive() -> Response:
    """Report that this process answers. Nothing else is checked."""
    return json_response(Alive())


@health_api.get("/ready", responses={200: Ready, **problem_responses(503)})
def ready() -> Response:
    """Report whether a job sent now would run: Redis answers and a worker is warm."""
    service = services()
    warm = sum(worker.state is WorkerState.WARM for worker in service.registry.workers())
    if not warm:
        raise NotReady("no worker is warm", retry_after_s=service.settings.queue.retry_after_s)
    return json_response(Ready(warm_workers=warm))


@health_api.get("/detailed", responses={200: DetailedHealth})
def detailed() -> Response:
    """Report the health of every component. Answers 200 even if some are unavailable, and names them."""
    service = services()
    try:
        return json_response(_detailed(service))
    except redis.RedisError as error:
        return json_response(
            DetailedHealth(status="unavailable", redis=False, gpu_status={}, service_status=None, error=str(error))
        )


@health_api.post("/warmup", responses={202: WarmingUp, **problem_responses(503)})
def warmup() -> Response:
    """Ask every worker to load its model now. Poll /health/ready to see when one has."""
    service = services()
    workers = [worker.worker_id for worker in service.registry.workers()]
    service.celery.control.broadcast(WARMUP_COMMAND)
    return json_response(WarmingUp(workers=workers), HTTPStatus.ACCEPTED)


@metrics_routes.get("/metrics")
def metrics() -> Response:
    """Serve the metrics of the whole service in Prometheus's text format."""
    services().http.flush()
    return Response(generate_latest(services().metrics), content_type=CONTENT_TYPE_LATEST)


def _detailed(service: Services) -> DetailedHealth:
    workers = service.registry.workers()
    is_warm = any(worker.state is WorkerState.WARM for worker in workers)
    return DetailedHealth(
        status="ok" if is_warm else "degraded",
        redis=True,
        gpu_status={worker.worker_id: worker.gpu_status for worker in workers},
        service_status=ServiceHealth(
            ai_status=_ai_status(service, is_warm=is_warm),
            queue_depth=service.store.depth(),
            drain_s=service.store.drain_s(),
            leases=sum(worker.running for worker in workers),
            workers=[worker.summary for worker in workers],
            results=_results(service),
            recent_failures=service.store.recent_failures(),
        ),
    )


def _ai_status(service: Services, *, is_warm: bool) -> AIStatus:
    counts = service.store.counts().model_dump()
    return AIStatus(status="ready" if is_warm else "not_ready", model=service.settings.model, **counts)


def _results(service: Services) -> ResultsStore:
    use = service.budget.use()
    return ResultsStore(
        store=service.settings.results.store.partition(":")[0],  # the location may be confidential
        kept=use.results,
        bytes=use.size,
        budget_bytes=service.budget.limit(),
        evicted=use.evicted,
    )
