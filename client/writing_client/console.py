"""Output to the terminal."""

import io
import sys


def use_any_console() -> None:
    """Make the process escape characters that the terminal's encoding lacks, so that it can print any text."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
