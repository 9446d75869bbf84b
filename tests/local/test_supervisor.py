"""Signals that ask a supervisor to stop, and what becomes of its programs."""

import re
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from local.guard import Guard
from local.supervisor import FIRST_PAUSE_S, HEALTHY_AFTER_S, Child, Program
from tests.helpers import eventually

# A signal that arrives while an object is being deleted, where Python only reports exceptions and continues.
WHILE_DELETING = """
import os, signal, time
signal.signal(signal.SIGNAL, signal.default_int_handler)  # whoever runs the tests in the background may ignore it
from local.signals import interrupted_by_signals

class Deleted:
    def __del__(self):
        os.kill(os.getpid(), signal.SIGNAL)
        sum(range(1000))

with interrupted_by_signals():
    try:
        Deleted()
        time.sleep(20)
    except KeyboardInterrupt:
        print("ended in order")
"""


def output_of(source: str) -> str:
    process = subprocess.run([sys.executable, "-c", source], check=True, stdout=subprocess.PIPE, text=True, timeout=60)
    return process.stdout


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT", "SIGHUP"])
def test_a_signal_that_a_finaliser_swallows_ends_it_all_the_same(name: str) -> None:
    assert output_of(WHILE_DELETING.replace("SIGNAL", name)) == "ended in order\n"


def test_the_first_signal_ends_it_and_further_ones_do_not_disturb_the_end() -> None:
    source = """
import os, signal
for number in (signal.SIGTERM, signal.SIGHUP):
    signal.signal(number, signal.default_int_handler)
from local.signals import interrupted_by_signals
with interrupted_by_signals():
    try:
        os.kill(os.getpid(), signal.SIGTERM)
    except KeyboardInterrupt:
        os.kill(os.getpid(), signal.SIGHUP)
        print("ended in order")
"""
    assert output_of(source) == "ended in order\n"


def test_pauses_grow_until_a_program_has_run_for_a_while(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    moment = 1000.0
    monkeypatch.setattr("local.supervisor.time.monotonic", lambda: moment)
    guard = Guard()
    child = Child(Program("short", [sys.executable, "-c", ""]), log_folder=None, guard=guard)
    for ran_s in (1, 1, 1, HEALTHY_AFTER_S + 1):
        child.process.wait()
        moment += ran_s
        child.revive()
        moment += 100
        child.revive()
    child.process.wait()
    pauses = [float(pause) for pause in re.findall(r"restarting it in ([\d.]+) s", capsys.readouterr().out)]
    assert pauses == [FIRST_PAUSE_S, 2 * FIRST_PAUSE_S, 4 * FIRST_PAUSE_S, FIRST_PAUSE_S]
    guard.close()


# It prints the process ids of its programs: the first, the second, and the second once it was restarted.
KILLED = """
import os, pathlib, signal, sys, time
from local.supervisor import Program, Supervisor

supervisor = Supervisor(pathlib.Path(sys.argv[1]))
first, second = (supervisor.start(Program(name, ["sleep", "60"])) for name in ("first", "second"))
ids = [first.process.pid, second.process.pid]
second.process.kill()
second.process.wait()
while second.process.pid == ids[-1]:
    supervisor.check()
    time.sleep(0.1)
(pathlib.Path(sys.argv[1]) / "ids").write_text(" ".join(map(str, [*ids, second.process.pid])))
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_guard_stops_what_a_killed_supervisor_has_started_and_restarted(tmp_path: Path) -> None:
    killed = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], timeout=60, check=False)
    assert killed.returncode == -signal.SIGKILL
    first, died, restarted = map(int, (tmp_path / "ids").read_text().split())
    assert died != restarted
    eventually(lambda: not psutil.pid_exists(first) and not psutil.pid_exists(restarted), 30)
