"""The replay command's own decisions: what SPEED may say, and what signals do."""

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from harness.replay import Job, _bought_by, _speed
from harness.settings import Refusal
from simulator.replay.mapping import read_mapping
from simulator.replay.progress import BoughtBy

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


@pytest.mark.parametrize(
    ("changed", "asked", "expected"),
    [
        ("", None, BoughtBy.ORDERS),
        ("", BoughtBy.EVENTS, BoughtBy.EVENTS),
        ("orders: null\n", None, BoughtBy.EVENTS),
        ("orders: null\n", BoughtBy.ORDERS, "`orders: null`"),
        ("value: {constant: 0}\n", None, BoughtBy.EVENTS),
        ("value: {constant: 0}\n", BoughtBy.ORDERS, "its value is a constant 0"),
    ],
)
def test_baskets_are_orders_where_the_mapping_says_what_a_unit_costs(tmp_path, changed, asked, expected):
    field = changed.split(":")[0]
    lines = (ROOT / "tests/data/replay/orders.yaml").read_text().splitlines(keepends=True)
    kept = [line for line in lines if not changed or not line.startswith(f"{field}:")]
    path = tmp_path / "m.yaml"
    path.write_text("".join(kept) + changed)
    job = Job(path, path, None, None, 1, 1, resume=False, audited=False, bought_by=asked)

    if not isinstance(expected, BoughtBy):
        with pytest.raises(Refusal, match=expected):
            _bought_by(job, read_mapping(path))
    else:
        assert _bought_by(job, read_mapping(path)) is expected


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
