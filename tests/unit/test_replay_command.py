"""The replay command's own decisions: what SPEED may say, and what signals do."""

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from harness.replay import _speed
from harness.settings import Refusal

ROOT = Path(__file__).resolve().parents[2]

WAITS = """
import signal, sys
from harness.replay import _stop_on_signals
stopping = _stop_on_signals()
print("ready", flush=True)
stopping.wait(30)
print("ending", flush=True)
signal.sigtimedwait([], 0.5) if len(sys.argv) < 2 else sys.stdin.read()
print("ended", flush=True)
"""


def test_speed_is_a_number_or_max():
    assert (_speed("max"), _speed("3600"), _speed("0.5")) == (None, 3600.0, 0.5)
    for wrong in ("fast", "0", "-1", "nan", "inf", ""):
        with pytest.raises(Refusal, match="SPEED="):
            _speed(wrong)


@pytest.fixture
def waiting() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Starts a process that waits for a signal; one that a failed test leaves behind is ended."""
    started: list[subprocess.Popen[str]] = []

    def start(*arguments: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-c", WAITS, *arguments],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def test_one_interrupt_that_arrives_as_sigint_and_sigterm_lets_the_sessions_end(waiting):
    process = waiting()
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGTERM)

    assert process.communicate(timeout=30)[0] == "ending\nended\n"
    assert process.returncode == 0


def test_a_second_interrupt_ends_the_process(waiting):
    process = waiting("until told")
    process.send_signal(signal.SIGINT)
    assert process.stdout is not None
    assert process.stdout.readline() == "ending\n"
    process.send_signal(signal.SIGINT)

    assert process.wait(timeout=30) == 130
