"""The stand-in payment service beside an emulator: started before the functions that ask it, stopped last.

On AWS nothing is started: a stage names its own service.
"""

from __future__ import annotations

import os
import shutil
import sys
import time
from pathlib import Path

import httpx

from harness import state
from harness.processes import Process, lasting_port, port_is_free, start_detached, stop
from harness.settings import Refusal, Settings
from harness.state import State
from harness.system import REPOSITORY, without_aws_account

NAME = "payments"
READY_WITHIN_S = 20


def payment_url(port: int) -> str:
    """Give the service's address."""
    return f"http://127.0.0.1:{port}"


def address(known: State) -> str:
    """Give the service's address, and choose its port where it does not run.

    The last port serves again where it is free: another one means another deployment.
    """
    last = known.payments_port
    if known.running(NAME) is None and (last is None or not port_is_free(last)):
        known.payments_port = lasting_port()
    assert known.payments_port is not None
    return payment_url(known.payments_port)


def start(settings: Settings, known: State) -> None:
    """Start the service on the port that was chosen, unless it runs, and wait until it answers.

    Raises:
        Refusal: it does not start; names the log.
    """
    if known.running(NAME) is not None:
        return
    command = [sys.executable, "-m", "standins.payments", str(known.payments_port), str(books(settings))]
    log = settings.logs / f"{NAME}.log"
    process = start_detached(command, log, without_aws_account(os.environ), REPOSITORY)
    known.processes[NAME] = process
    state.save(settings.state_dir, known)
    if not is_ready(process, known.payments_port):
        stop(known.processes.pop(NAME))
        state.save(settings.state_dir, known)
        raise Refusal(f"the payment service did not start: see {log}")


def is_ready(process: Process, port: int | None) -> bool:
    """Wait until the service answers; False when it ended, or did not in time."""
    until = time.monotonic() + READY_WITHIN_S
    # First its own life: another's may have taken the port, and would answer in its place.
    while process.alive() and time.monotonic() < until:
        if answers(port):
            return True
        time.sleep(0.02)
    return False


def answers(port: int | None) -> bool:
    """Tell whether a payment service answers on *port*."""
    if port is None:
        return False
    try:
        return bool(httpx.get(f"{payment_url(port)}/health", timeout=2).json() == {"service": NAME})
    except (httpx.HTTPError, ValueError):
        return False


def forget(settings: Settings, known: State) -> None:
    """Stop the service and remove its books, with the orders that they are about."""
    process = known.processes.pop(NAME, None)
    if process is not None:
        stop(process)
    shutil.rmtree(books(settings), ignore_errors=True)


def books(settings: Settings) -> Path:
    """Give the folder of the books."""
    return settings.state_dir / NAME
