"""Request counts and durations, aggregated in Redis across all API processes."""

import logging
import threading
import time

import redis
from flask import Flask, Response, g, request

from shared.queue.metrics import JobMetrics, Sample

logger = logging.getLogger(__name__)

HISTOGRAM = "http_request_seconds"
FLUSH_S = 1.0
MOST_KEPT = 10_000  # while Redis is unavailable; further requests are not counted


class HttpMetrics:
    """Response counts by method, route and status. They are written to Redis in batches, within a second."""

    def __init__(self, metrics: JobMetrics) -> None:
        self._metrics = metrics
        self._samples: list[Sample] = []
        self._timer: threading.Timer | None = None
        self._lock = threading.Lock()

    def apply(self, app: Flask) -> None:
        """Start counting. Call this after `log_requests`, which records when a request arrived."""
        app.after_request(self._count)

    def _count(self, response: Response) -> Response:
        """Count a response with its time to first byte, since an event stream lasts as long as its job."""
        # Unknown paths and methods would create an unbounded number of series.
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
        """Write the counts to Redis. If Redis does not answer, they are kept for the next request to write."""
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
