"""Signals that ask a supervisor to stop."""

import re
import subprocess
import sys

import pytest

from local.supervisor import FIRST_PAUSE_S, HEALTHY_AFTER_S, Child, Program

# A signal that arrives while an object is being deleted, where Python only reports exceptions and continues.
WHILE_DELETING = """
import os, signal, time
signal.signal(signal.SIGNAL, signal.default_int_handler)  # whoever runs the tests in the background may ignore it
from local.supervisor import interrupted_by_signals

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
from local.supervisor import interrupted_by_signals
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
    child = Child(Program("short", [sys.executable, "-c", ""]), log_folder=None)
    for ran_s in (1, 1, 1, HEALTHY_AFTER_S + 1):
        child.process.wait()
        moment += ran_s
        child.revive()
        moment += 100
        child.revive()
    child.process.wait()
    pauses = [float(pause) for pause in re.findall(r"restarting it in ([\d.]+) s", capsys.readouterr().out)]
    assert pauses == [FIRST_PAUSE_S, 2 * FIRST_PAUSE_S, 4 * FIRST_PAUSE_S, FIRST_PAUSE_S]
