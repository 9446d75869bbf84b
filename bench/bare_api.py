"""A minimal application that enqueues the same message: no records, no validation. For `bench.api_throughput`."""

import uuid

from flask import Flask, Response, jsonify, request

from shared.celery_app import GENERATE_TASK, make_celery
from shared.settings import load_settings

app = Flask(__name__)
celery = make_celery(load_settings())


@app.post("/api/writing/generate-writing-image")
def submit() -> tuple[Response, int]:
    """Send a message for the word."""
    job_id = str(uuid.uuid4())
    celery.send_task(GENERATE_TASK, args=[job_id, request.get_json()["word"]], task_id=job_id, queue="interactive")
    return jsonify(job_id=job_id), 202


@app.get("/health")
def health() -> Response:
    """Report that the application answers."""
    return jsonify(status="ok")
