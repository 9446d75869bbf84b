"""The whole service on this machine, until Ctrl-C. ``make serve``"""

import argparse
import os
import sys
import time
from contextlib import suppress
from pathlib import Path

from local.stack import FLOWER_PORT, HOST, Stack, is_port_free
from local.supervisor import ChildFailed
from shared.console import use_any_console
from shared.errors import SettingsError

START_S = 120.0


def main() -> int:
    """Serve until told to stop; return the exit code."""
    use_any_console()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=8600, help="the API's port (default 8600)")
    parser.add_argument("--workers", type=int, default=1, help="worker processes (default 1)")
    parser.add_argument("--flower", action="store_true", help=f"also start Flower, on port {FLOWER_PORT}")
    parser.add_argument("--data", type=Path, default=Path("var/redis"), help="where Redis keeps the queue")
    arguments = parser.parse_args()
    if arguments.workers < 1:
        parser.error("--workers: give 1 or more")
    for port in [arguments.port, *([FLOWER_PORT] if arguments.flower else [])]:
        if not is_port_free(port):
            parser.error(f"port {port} is in use; choose another (make serve PORT=…)")
    stack = Stack(port=arguments.port, workers=arguments.workers, flower=arguments.flower, data_folder=arguments.data)
    try:
        with stack:
            stack.wait_for(stack.is_ready, START_S, "a warm worker")
            print(f"\nThe service is ready: {stack.url}  (API documentation: {stack.url}/openapi/swagger)")
            if arguments.flower:
                print(f"Flower: http://{HOST}:{FLOWER_PORT}")
            print("Ctrl-C ends it.", flush=True)
            while True:
                stack.supervisor.check()
                time.sleep(0.5)
    except KeyboardInterrupt:
        with suppress(OSError):  # the terminal may be gone: its end was the signal
            print("\nstopped", flush=True)
        return 0
    except (ChildFailed, TimeoutError) as error:
        print(f"\nserve ends: {error}", file=sys.stderr)
        return 1
    except SettingsError as error:
        print(f"serve cannot start: {error}", file=sys.stderr)
        return os.EX_CONFIG


if __name__ == "__main__":
    sys.exit(main())
