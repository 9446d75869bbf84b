"""A process with a rehearsal's protocol, which does what the word says."""

import os
import signal
import sys
import time

DEEDS = {"死": signal.SIGSEGV, "亡": signal.SIGABRT, "杀": signal.SIGKILL, "终": signal.SIGTERM}

if __name__ == "__main__":
    print(flush=True)
    for line in sys.stdin:
        if "等" in line:
            time.sleep(60)
        for word, deed in DEEDS.items():
            if word in line:
                os.kill(os.getpid(), deed)
        print(flush=True)
