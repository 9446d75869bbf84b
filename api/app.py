"""The Flask application. ``writing-service api`` serves it."""

from typing import Any

from flask_openapi3 import Info

from api.access_log import log_requests
from api.blocking import in_thread
from api.bodies import check_body
from api.decks import Decks
from api.description import DescribedApi
from api.event_hub import EventHub
from api.http_metrics import HttpMetrics
from api.jobs import Jobs
from api.lexicon import Lexicon
from api.metrics import ServiceCollector, make_registry
from api.offered_imagery import OfferedImagery
from api.problems import register_error_handlers, validation_problem
from api.query import check_query
from api.routes.anki_packages import anki_packages_api
from api.routes.batches import batches_api
from api.routes.deck_list import deck_list_api
from api.routes.decks import decks_api
from api.routes.events import events_api
from api.routes.imagery import imagery_api
from api.routes.job_list import job_list_api
from api.routes.jobs import jobs_api
from api.routes.lexicon import lexicon_api
from api.routes.ops import health_api, metrics_routes
from api.routes.pages import pages
from api.routes.status import status_api
from api.routes.word_lists import word_lists_api
from api.security import protect
from api.services import Services
from api.validation import RequestValidator
from shared import __version__
from shared.celery_app import make_celery
from shared.queue.admission import Admission
from shared.queue.deck_index import DeckIndex
from shared.queue.decks import DeckStore
from shared.queue.events import JobEvents
from shared.queue.job_index import JobIndex
from shared.queue.metrics import JobMetrics
from shared.queue.object_store import open_store
from shared.queue.result_budget import Budget, ResultSizes
from shared.queue.results import Results
from shared.queue.store import JobStore
from shared.queue.workers import WorkerRegistry
from shared.redis_client import make_redis
from shared.schemas import Problem
from shared.settings import Settings
from shared.writing.blocklist import Blocklist
from shared.writing.dictionaries import Dictionaries
from shared.writing.english import vocabulary
from shared.writing.fonts import read_fonts

# In the order in which OpenAPI lists them.
ROUTES = (
    jobs_api,
    job_list_api,
    deck_list_api,
    batches_api,
    decks_api,
    word_lists_api,
    anki_packages_api,
    events_api,
    status_api,
    lexicon_api,
    imagery_api,
    health_api,
)


def create_app(settings: Settings) -> DescribedApi:
    """Return the application.

    It connects to Redis at the first request, so it starts without Redis and answers 503 until Redis is available.

    Raises:
        SettingsError: a font, the strokes, the imagery or the English words cannot be read, or the API would be
            reachable from other machines without keys.
    """
    app = DescribedApi(
        __name__,
        info=Info(title="Writing service", version=__version__, description=DESCRIPTION),
        validation_error_callback=validation_problem,
        validation_error_model=Problem,
        security_schemes=SECURITY_SCHEMES,
        doc_prefix="/openapi",
        static_folder=None,  # `pages` serves the page's files
    )
    # One byte more than is accepted: Flask truncates a body without a length here, and `check_body` sees the excess.
    limits = settings.api.max_body_bytes, settings.api.max_list_bytes, settings.api.max_package_bytes
    app.config["MAX_CONTENT_LENGTH"] = max(limits) + 1
    app.extensions["writing"] = parts = _services(settings)
    register_error_handlers(app, settings.queue.retry_after_s)
    log_requests(app)
    parts.http.apply(app)
    protect(app, settings)
    app.before_request(check_query)
    app.before_request(check_body)
    for routes in ROUTES:
        app.register_api(routes)
    app.register_blueprint(metrics_routes)
    app.register_blueprint(pages)
    return app


SECURITY_SCHEMES: dict[str, Any] = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "an API key, if the deployment requires one"},
    "header": {"type": "apiKey", "in": "header", "name": "X-API-Key", "description": "the same key"},
}

DESCRIPTION = (
    "Turns a written word and its meaning into a picture in the shape of the word. "
    "POST a word, then poll the job's `status_url`."
)


def _services(settings: Settings) -> Services:
    client = make_redis(settings.redis)
    store = JobStore(client, settings.queue, is_shared=settings.api.has_several_clients)
    registry = WorkerRegistry(client, settings.worker.stale_after_s)
    celery = make_celery(settings)
    budget = Budget(client, settings.results)
    metrics = JobMetrics(client)
    objects = open_store(settings.results.store, in_thread, metrics.note_store_call)
    results = Results(make_redis(settings.redis, decodes=False), objects)
    dictionaries = Dictionaries()
    vocabulary()  # read now, so that no request fails because of it, and shared by the server's processes
    imagery = OfferedImagery(Blocklist(settings.api.blocked_words))
    fonts = read_fonts(settings.fonts)
    hub = EventHub(store, JobEvents(client), settings.api.listeners_per_client)
    validator = RequestValidator(
        settings=settings, registry=registry, dictionaries=dictionaries, fonts=fonts, imagery=imagery
    )
    jobs = Jobs(
        settings=settings,
        store=store,
        admission=Admission(client, store),
        validator=validator,
        hub=hub,
        celery=celery,
        results=results,
        budget=budget,
        sizes=ResultSizes(client),
    )
    decks = Decks(
        settings=settings,
        store=DeckStore(client, store, settings.queue),
        job_store=store,
        jobs=jobs,
        validator=validator,
        results=results,
        budget=budget,
        dictionaries=dictionaries,
    )
    return Services(
        settings=settings,
        store=store,
        index=JobIndex(client),
        deck_index=DeckIndex(client),
        registry=registry,
        celery=celery,
        jobs=jobs,
        decks=decks,
        dictionaries=dictionaries,
        lexicon=Lexicon(dictionaries, fonts, imagery),
        imagery=imagery,
        hub=hub,
        budget=budget,
        http=HttpMetrics(metrics),
        metrics=make_registry(ServiceCollector(store, registry, metrics, budget)),
    )
