"""``python -m writing_client``: the same as ``writing``."""

import sys

from writing_client.cli import main

if __name__ == "__main__":
    sys.exit(main())
