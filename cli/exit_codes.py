"""What the command's exit codes mean; docs/reference/commands.md lists them for users."""

import os

DONE = 0
FAILED = 1
USAGE = 2
DEVICE_LOST = os.EX_SOFTWARE  # 70: starting the worker again may help
WRONG_SETTINGS = os.EX_CONFIG  # 78: starting it again does not help
INTERRUPTED = 130
