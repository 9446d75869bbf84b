"""A worker whose conditioning crashes natively on one word: ``python -m tests.chaos.fragile_conditioning``."""

import sys

from shared.settings import load_settings
from tests.chaos.deadly_word import break_conditioning
from worker.main import main
from worker.quarantine import rehearsal

if __name__ == "__main__":
    break_conditioning()
    rehearsal.MODULE = "tests.chaos.fragile_rehearsal"
    sys.exit(main(load_settings()))
