"""A picture process that crashes on one word: ``python -m tests.chaos.fragile_server FD``."""

import sys

from tests.chaos.deadly_word import break_conditioning
from worker.picture_work.server import main

if __name__ == "__main__":
    break_conditioning()
    sys.exit(main())
