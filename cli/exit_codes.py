"""The command's exit codes; docs/reference/commands.md lists them for users."""

import os

DONE = 0
FAILED = 1
USAGE = 2
WRONG_SETTINGS = os.EX_CONFIG  # 78: restarting does not help
INTERRUPTED = 130
