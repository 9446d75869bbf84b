"""Throughput of job submission: our API and a bare Flask and Celery application that sends the same message.

    python -m bench.api_throughput          # about a minute on two cores

Each runs under the same gunicorn (processes, gevent) with its own Redis, and serves the same clients.
"""

import argparse
import http.client
import json
import statistics
import sys
import threading
import time

from bench.report import table, write
from local.stack import HOST, Stack, temporary_stack
from local.supervisor import Program
from shared.settings import load_settings
from tests.helpers import answers

URL = "/api/writing/generate-writing-image"
BODY = json.dumps({"word": "学习", "translation": "study"})


def hammer(port: int, count: int, clients: int) -> tuple[float, list[float]]:
    """Return accepted jobs per second and each call's duration in seconds, for this number of concurrent clients."""
    took: list[float] = []

    def client() -> None:
        connection = http.client.HTTPConnection(HOST, port, timeout=30)
        for _ in range(count // clients):
            started = time.perf_counter()
            connection.request("POST", URL, BODY, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            answer.read()
            if answer.status != 202:
                raise RuntimeError(f"answered {answer.status}")
            took.append(time.perf_counter() - started)

    threads = [threading.Thread(target=client) for _ in range(clients)]
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return len(took) / (time.perf_counter() - started), took


def bare_program(stack: Stack, port: int) -> Program:
    """Return the bare application under gunicorn, configured as for our API."""
    api = load_settings().api
    options = ["--workers", str(api.processes), "--worker-class", "gevent"]
    command = [sys.executable, "-m", "gunicorn", *options, "--bind", f"{HOST}:{port}", "bench.bare_api:app"]
    return Program("bare", command, {"WRITING_REDIS__URL": stack.redis_url})


def measure(count: int, clients: int, *, is_bare: bool) -> tuple[float, list[float]]:
    """Start one of the two, warm it up, and put it under load."""
    with temporary_stack(workers=0, environment={"WRITING_QUEUE__LIMIT": str(10 * count)}) as stack:
        port = stack.port + 1 if is_bare else stack.port
        if is_bare:
            stack.supervisor.start(bare_program(stack, port))
        stack.wait_for(lambda: answers(f"http://{HOST}:{port}"), 60, "the application")
        hammer(port, 4 * clients, clients)
        return hammer(port, count, clients)


def main(count: int, clients: int) -> None:
    """Measure and write the report."""
    rows: list[list[object]] = []
    rates = {}
    for name, is_bare in (("bare Flask + Celery", True), ("our API", False)):
        rates[name], took = measure(count, clients, is_bare=is_bare)
        ordered = sorted(took)
        rows.append(
            [
                name,
                f"{rates[name]:.0f}",
                f"{1000 * statistics.median(ordered):.0f}",
                f"{1000 * ordered[int(0.99 * len(ordered))]:.0f}",
            ]
        )
    rows.append(["ratio", f"{rates['our API'] / rates['bare Flask + Celery']:.2f}", "", ""])
    header = ["", "jobs/s", "median ms", "p99 ms"]
    write("api_throughput", f"python -m bench.api_throughput --count {count} --clients {clients}", table(header, rows))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=3000)
    parser.add_argument("--clients", type=int, default=50)
    arguments = parser.parse_args()
    main(arguments.count, arguments.clients)
