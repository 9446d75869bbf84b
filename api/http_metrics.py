"""How many requests the API answers, how, and how fast: added up in Redis, so that each process answers for all."""

import logging
import threading
import time

import redis
from flask import Flask, Response, g, request

from shared.queue.metrics import JobMetrics, Sample

logger = logging.getLogger(__name__)

HISTOGRAM = "http_request_seconds"
FLUSH_S = 1.0
MOST_KEPT = 10_000  # while Redis is away; what comes beyond is not counted


class HttpMetrics:
    """Counts answers by method, route and status. They reach Redis together, a second later at most."""

    def __init__(self, metrics: JobMetrics) -> None:
        self._metrics = metrics
        self._samples: list[Sample] = []
        self._timer: threading.Timer | None = None
        self._lock = threading.Lock()

    def apply(self, app: Flask) -> None:
        """Count from now on. Call it after `log_requests`, which notes when a request came."""
        app.after_request(self._count)

    def _count(self, response: Response) -> Response:
        """Count an answer by the time to its first byte: a stream of events goes on as long as its job."""
        # Addresses and methods that there are not would be counted without end.
        call = f"{request.method} {request.url_rule.rule}" if request.url_rule else "- -"
        sample = Sample(HISTOGRAM, time.monotonic() - g.started, f"{call} {response.status_code}")
        with self._lock:
            if len(self._samples) < MOST_KEPT:
                self._samples.append(sample)
            if self._timer is None:
                self._timer = threading.Timer(FLUSH_S, self.flush)
                self._timer.daemon = True
                self._timer.start()
        return response

    def flush(self) -> None:
        """Write what was counted. If Redis does not answer it is kept, for the next request to write."""
        with self._lock:
            samples, self._samples, self._timer = self._samples, [], None
        if not samples:
            return
        try:
            self._metrics.observe(samples)
        except redis.RedisError as error:
            logger.debug("%d requests not counted yet: %s", len(samples), error)
            with self._lock:
                self._samples = (samples + self._samples)[:MOST_KEPT]
