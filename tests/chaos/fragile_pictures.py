"""A worker whose picture processes crash natively on one word: ``python -m tests.chaos.fragile_pictures``."""

import sys

from shared.settings import load_settings
from worker.main import main
from worker.picture_work import process

if __name__ == "__main__":
    process.MODULE = "tests.chaos.fragile_server"
    sys.exit(main(load_settings()))
