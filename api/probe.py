"""Check the health of a program on this machine, for containers' health checks: ``python -m api.probe PORT PATH``.

It ignores any proxy set in the environment and imports only the standard library.
"""

import http.client
import sys

TIMEOUT_S = 2.0


def is_healthy(port: int, path: str) -> bool:
    """Return whether an HTTP server on this machine answers with 2xx."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_S)
    try:
        connection.request("GET", path)
        return 200 <= connection.getresponse().status < 300
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


if __name__ == "__main__":
    sys.exit(0 if is_healthy(int(sys.argv[1]), sys.argv[2]) else 1)
