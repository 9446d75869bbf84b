"""A rehearsal that crashes on the same word as `tests.chaos.fragile_conditioning`."""

import sys

from tests.chaos.deadly_word import break_conditioning
from worker.rehearsal_server import main

if __name__ == "__main__":
    break_conditioning()
    sys.exit(main())
