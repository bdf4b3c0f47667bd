"""The demo shop beside an emulator: its address is known before the deployment, which names it to the API.

Browsers ask the API from the shop's origin, so it has to be one of the stack's ``CorsOrigins``.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import httpx

from harness import state
from harness.processes import Process, lasting_port, port_is_free, start_detached, stop
from harness.settings import Refusal, Settings
from harness.state import State
from harness.storefront_site import NAME
from harness.system import REPOSITORY, without_aws_account

READY_WITHIN_S = 20


def address(settings: Settings, known: State) -> str:
    """Give the shop's address, which is its origin too, and choose its port where it does not run.

    The last port serves again where it is free: another one means another deployment.
    """
    last = _last_port(settings)
    if last is None or (known.running(NAME) is None and not port_is_free(last)):
        last = lasting_port()
        settings.state_dir.mkdir(parents=True, exist_ok=True)
        _port_file(settings).write_text(str(last))
    return f"http://127.0.0.1:{last}"


def _last_port(settings: Settings) -> int | None:
    """Give the port that was chosen last; None where there is none that can be read."""
    try:
        return int(_port_file(settings).read_text())
    except (FileNotFoundError, ValueError):
        return None


def _port_file(settings: Settings) -> Path:
    return settings.state_dir / f"{NAME}.port"


def start(settings: Settings, known: State) -> None:
    """Start the shop at the address that was chosen, unless it runs, and wait until it answers.

    Raises:
        Refusal: it does not start; names the log.
    """
    if known.running(NAME) is not None:
        return
    url = address(settings, known)
    log = settings.logs / f"{NAME}.log"
    environment = {
        **without_aws_account(os.environ),
        "OFFERLOOP_TARGET": settings.target,
        "OFFERLOOP_STATE": str(settings.state_dir.parent),
    }
    command = [sys.executable, "-m", "harness.storefront_site", str(_last_port(settings))]
    process = start_detached(command, log, environment, REPOSITORY)
    known.processes[NAME], known.pages[NAME] = process, url
    state.save(settings.state_dir, known)
    if not is_ready(process, url):
        forget(known)
        state.save(settings.state_dir, known)
        raise Refusal(f"the demo shop did not start: see {log}")


def is_ready(process: Process, url: str) -> bool:
    """Wait until the shop answers; False when it ended, or did not in time."""
    until = time.monotonic() + READY_WITHIN_S
    # First its own life: another's may have taken the port, and would answer in its place.
    while process.alive() and time.monotonic() < until:
        if answers(url):
            return True
        time.sleep(0.02)
    return False


def answers(url: str) -> bool:
    """Tell whether a demo shop answers at *url*."""
    try:
        return bool(httpx.get(f"{url}/health", timeout=2).json() == {"service": NAME})
    except (httpx.HTTPError, ValueError):
        return False


def forget(known: State) -> None:
    """Stop the shop; the next one serves at the same port where that is free."""
    known.pages.pop(NAME, None)
    process = known.processes.pop(NAME, None)
    if process is not None:
        stop(process)
