"""The command's exit codes; docs/reference/commands.md lists them for users."""

import os

DONE = 0
FAILED = 1
USAGE = 2
DEVICE_LOST = os.EX_SOFTWARE  # 70: restarting the worker may help
WRONG_SETTINGS = os.EX_CONFIG  # 78: restarting does not help
INTERRUPTED = 130
