"""The terminal that a command writes to."""

import io
import sys


def use_any_console() -> None:
    """Let the process write every text: what the terminal's encoding does not have is escaped."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
