"""Shoppers in real time, with their calls in threads; and the command that runs them."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import simpy

from simulator.shoppers.clocks import RealTime
from tests.fake_shop_api import FakeShopApi, served

ROOT = Path(__file__).resolve().parents[2]
OFFERS = [("OFF001", "electronics", 4), ("OFF002", "fashion", 200), ("OFF004", "electronics", 30)]


def real_time(env: simpy.Environment, speed: float, threads: int = 8) -> tuple[RealTime, threading.Event]:
    stopping = threading.Event()
    return RealTime(env, speed=speed, threads=threads, stopping=stopping), stopping


def test_slow_calls_run_side_by_side_and_the_clock_goes_on():
    env = simpy.Environment()
    clock, stopping = real_time(env, speed=10.0)
    ends: list[float] = []

    def caller():
        result = yield clock.call(lambda: time.sleep(0.2) or "done")
        assert result == "done"
        ends.append(env.now)
        if len(ends) == 8:
            stopping.set()

    for _ in range(8):
        env.process(caller())
    clock.run(until_s=300.0)

    assert len(ends) == 8
    assert all(1.9 < end < 12 for end in ends)  # 0.2 real seconds are 2 simulated ones; in a row they were 16


def test_a_timeout_takes_its_real_time():
    env = simpy.Environment()
    clock, stopping = real_time(env, speed=100.0)

    def wait():
        yield env.timeout(30)
        stopping.set()

    env.process(wait())
    started = time.monotonic()
    clock.run(until_s=None)

    assert 0.28 < time.monotonic() - started < 5


def test_an_error_in_a_call_is_raised_in_the_process_that_waits_for_it():
    env = simpy.Environment()
    clock, stopping = real_time(env, speed=1.0)

    def caller():
        with pytest.raises(ZeroDivisionError):
            yield clock.call(lambda: 1 / 0)
        stopping.set()

    env.process(caller())
    clock.run(until_s=30.0)

    assert stopping.is_set()


def test_stopping_ends_a_long_wait():
    env = simpy.Environment()
    clock, stopping = real_time(env, speed=0.001)
    env.process(iter_of(env.timeout(100)))
    threading.Timer(0.1, lambda: (stopping.set(), clock.wake())).start()
    started = time.monotonic()
    clock.run(until_s=None)

    assert time.monotonic() - started < 30  # and not 100,000


def iter_of(event: simpy.Event):
    yield event


def live(api_url: str, *options: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "simulator.live", *options],
        cwd=ROOT,
        env={**os.environ, "OFFERLOOP_API_URL": api_url, "OFFERLOOP_API_KEY": "secret", "COLUMNS": "120"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


@pytest.mark.enable_socket
def test_the_command_runs_for_its_minutes_and_prints_what_happened():
    api = FakeShopApi(OFFERS, api_key="secret")
    with served(api) as api_url:
        process = live(api_url, "--users", "120", "--speed", "3000", "--minutes", "0.05")
        output, _ = process.communicate(timeout=60)

    assert process.returncode == 0, output
    assert api.stock["OFF001"] == 0
    assert any(user.startswith("SHOPPER-") for user, _, _ in api.stored)
    for wanted in ("RECOMMEND", "REDEMPTION", "electronics", "list changed after own behaviour", "p95 ms"):
        assert wanted in output


@pytest.mark.enable_socket
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_with_the_summary_and_exit_code_zero(number):
    api = FakeShopApi(OFFERS)
    with served(api) as api_url:
        process = live(api_url, "--users", "20", "--speed", "3000")
        deadline = time.monotonic() + 30
        while not api.stored and time.monotonic() < deadline:
            time.sleep(0.05)
        process.send_signal(number)
        output, _ = process.communicate(timeout=15)

    assert process.returncode == 0, output
    assert "sessions" in output
    assert "Requests" in output


@pytest.mark.enable_socket
def test_a_system_that_is_not_there_is_said_in_one_line():
    process = live("http://127.0.0.1:9/prod", "--users", "20", "--speed", "6000", "--minutes", "0.02")
    output, _ = process.communicate(timeout=60)

    assert process.returncode == 1
    assert "http://127.0.0.1:9/prod did not answer" in output
