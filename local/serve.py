"""The whole service on this machine, until Ctrl-C."""

import math
import os
import sys
import time
from contextlib import suppress
from pathlib import Path

from local.private_redis import ADDRESS
from local.stack import FLOWER_PORT, HOST, Stack
from local.supervisor import ChildFailed
from shared.errors import SettingsError


def serve(*, port: int, workers: int, flower: bool, data: Path) -> int:
    """Serve until stopped; return the exit code.

    Args:
        port: the API's port.
        workers: the number of worker processes.
        flower: also start Flower.
        data: the folder for Redis's data.
    """
    stack = Stack(port=port, workers=workers, flower=flower, data_folder=data)
    try:
        with stack:
            stack.wait_until_ready(math.inf)  # downloading and compiling SDXL takes long
            print(f"\nThe service is ready: {stack.url}  (API documentation: {stack.url}/openapi/swagger)")
            if flower:
                print(f"Flower: http://{HOST}:{FLOWER_PORT}")
            print(f"Redis: its address and password are in {data / ADDRESS}")
            print("Press Ctrl-C to stop it.", flush=True)
            while True:
                stack.supervisor.check()
                time.sleep(0.5)
    except KeyboardInterrupt:
        with suppress(OSError):  # the terminal may be gone if closing it sent the signal
            print("\nstopped", flush=True)
        return 0
    except (ChildFailed, TimeoutError) as error:
        print(f"\nserve failed: {error}", file=sys.stderr)
        return 1
    except SettingsError as error:
        print(f"serve cannot start: {error}", file=sys.stderr)
        return os.EX_CONFIG
