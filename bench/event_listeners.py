"""The cost of listeners to a job's events in one API process: memory, threads, and the latency of other calls.

python -m bench.event_listeners          # about a minute on two cores
"""

import argparse
import selectors
import socket
import statistics
import time

import psutil
from tqdm import tqdm

from bench.report import table, write
from local.stack import HOST, Stack, temporary_stack
from tests.helpers import Api, child
from writing_client.session import open_session

START_S = 90
END_S = 120


def server(stack: Stack) -> psutil.Process:
    """Return gunicorn's one worker process."""
    (worker,) = psutil.Process(child(stack, "api").process.pid).children()
    return worker


def listen(port: int, job_id: str, count: int) -> list[socket.socket]:
    """Open this many connections that request a job's events."""
    request = f"GET /api/writing/jobs/{job_id}/events HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n"
    connections = []
    for _ in tqdm(range(count), desc="listeners"):
        connection = socket.create_connection((HOST, port))
        connection.sendall(request.encode())
        connections.append(connection)
    return connections


def heard(connections: list[socket.socket], timeout_s: float) -> list[str]:
    """Read until the server has closed every connection; return what each one received."""
    texts = [b""] * len(connections)
    deadline = time.monotonic() + timeout_s
    with selectors.DefaultSelector() as selector:
        for number, connection in enumerate(connections):
            selector.register(connection, selectors.EVENT_READ, number)
        while selector.get_map() and time.monotonic() < deadline:
            for key, _ in selector.select(1):
                part = connections[key.data].recv(65536)
                texts[key.data] += part
                if not part:
                    selector.unregister(key.fileobj)
    return [text.decode() for text in texts]


def calls_ms(url: str, count: int) -> list[float]:
    """Return the durations of sequential polls in milliseconds."""
    took = []
    with open_session() as session:
        for _ in range(count):
            started = time.perf_counter()
            session.get(f"{url}/api/writing/status", timeout=10).raise_for_status()
            took.append(1000 * (time.perf_counter() - started))
    return took


def main(count: int) -> None:
    """Measure and write the report."""
    with temporary_stack(environment={"WRITING_API__PROCESSES": "1"}) as stack:
        stack.wait_until_ready(START_S)
        api = Api(stack.url)
        quiet = calls_ms(stack.url, 50)
        process = server(stack)
        before_mib, threads = process.memory_info().rss / 2**20, process.num_threads()
        job_id = api.submit(word="学", num_inference_steps=100).json()["job_id"]
        connections = listen(stack.port, job_id, count)
        busy = calls_ms(stack.url, 50)
        during_mib, busy_threads = process.memory_info().rss / 2**20, process.num_threads()
        told = heard(connections, END_S)
        for connection in connections:
            connection.close()
    whole = sum("event: end" in text and text.count("event: preview") > 1 for text in told)
    rows: list[list[object]] = [
        ["listeners that heard the job from start to end", f"{whole} of {count}"],
        ["memory of the process, MiB: before, with listeners", f"{before_mib:.0f}, {during_mib:.0f}"],
        ["threads of the process: before, with listeners", f"{threads}, {busy_threads}"],
        [
            "`GET /api/writing/status`, median ms: before, with listeners",
            f"{statistics.median(quiet):.1f}, {statistics.median(busy):.1f}",
        ],
    ]
    write("event_listeners", f"python -m bench.event_listeners --count {count}", table(["one API process", ""], rows))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=200)
    main(parser.parse_args().count)
