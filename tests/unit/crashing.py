"""A module that crashes: a stage that cannot begin."""

import os
import signal

os.kill(os.getpid(), signal.SIGSEGV)
