"""The terminal that a command writes to.

The service and the client, which is installed alone, have this file each.
"""

import io
import sys


def use_any_console() -> None:
    """Let the process print any text by escaping characters that the terminal's encoding lacks."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
