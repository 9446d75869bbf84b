"""The terminal that a command writes to."""

import io
import sys


def use_any_console() -> None:
    """Let the process print any text by escaping characters that the terminal's encoding lacks."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
