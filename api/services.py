"""The services used by the routes. `create_app` creates them once per process and stores them on the app."""

from dataclasses import dataclass
from typing import cast

from celery import Celery
from flask import current_app
from prometheus_client import CollectorRegistry

from api.decks import Decks
from api.event_hub import EventHub
from api.http_metrics import HttpMetrics
from api.jobs import Jobs
from api.lexicon import Lexicon
from shared.queue.deck_index import DeckIndex
from shared.queue.job_index import JobIndex
from shared.queue.result_budget import Budget
from shared.queue.store import JobStore
from shared.queue.workers import WorkerRegistry
from shared.settings import Settings
from shared.writing.dictionaries import Dictionaries
from shared.writing.imagery import Imagery


@dataclass(frozen=True)
class Services:
    """The components of the API process."""

    settings: Settings
    store: JobStore
    index: JobIndex
    deck_index: DeckIndex
    registry: WorkerRegistry
    celery: Celery
    jobs: Jobs
    decks: Decks
    dictionaries: Dictionaries
    lexicon: Lexicon
    imagery: Imagery
    hub: EventHub
    budget: Budget
    http: HttpMetrics
    metrics: CollectorRegistry

    def close(self) -> None:
        """Answer all waiting and listening clients, as the process ends."""
        self.jobs.close()
        self.hub.close()


def services() -> Services:
    """Return the services of the app that handles the current request."""
    return cast(Services, current_app.extensions["writing"])
