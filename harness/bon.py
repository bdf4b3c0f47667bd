"""The stand-in of the supplier's admin site beside an emulator: started before the functions that visit it.

On AWS nothing is started: a stage names the supplier's own site.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import sys
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

import httpx

from harness import state
from harness.processes import Process, lasting_port, port_is_free, start_detached
from harness.processes import stop as stop_process
from harness.settings import Refusal, Settings
from harness.state import State
from harness.system import REPOSITORY, without_aws_account

NAME = "bon"
READY_WITHIN_S = 20
FIRST_STOCK = "100:40,200:40,300:40"


@dataclass(frozen=True)
class Site:
    """What is kept of the site between two commands.

    Attributes:
        login, password: of its account: BON_LOGIN and BON_PASSWORD where both are set, else made up once.
    """

    port: int
    login: str
    password: str = field(repr=False)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


def site(settings: Settings, known: State) -> Site:
    """Give the site's address and account, and choose its port where it does not run.

    The last port serves again where it is free: another one means another deployment.
    """
    last = _kept(settings)
    port = None if last is None else last.port
    if known.running(NAME) is None and (port is None or not port_is_free(port)):
        port = lasting_port()
    login, password = os.environ.get("BON_LOGIN"), os.environ.get("BON_PASSWORD")
    if not (login and password):
        login = "demo" if last is None else last.login
        password = secrets.token_urlsafe(12) if last is None else last.password
    assert port is not None
    found = Site(port, login, password)
    if found != last:
        _keep(settings, found)
    return found


def start(settings: Settings, known: State) -> Site:
    """Start the site, unless it runs, and wait until it answers.

    Raises:
        Refusal: it does not start; names the log.
    """
    found = site(settings, known)
    if known.running(NAME) is not None:
        return found
    file = folder(settings) / "bon.sqlite"
    command = [sys.executable, "-m", "standins.bon", str(found.port), str(file), "--stock", FIRST_STOCK]
    environment = without_aws_account(os.environ) | {"BON_LOGIN": found.login, "BON_PASSWORD": found.password}
    log = settings.logs / f"{NAME}.log"
    process = start_detached(command, log, environment, REPOSITORY)
    known.processes[NAME] = process
    state.save(settings.state_dir, known)
    if not is_ready(process, found.port):
        stop(settings, known)
        raise Refusal(f"the supplier's site did not start: see {log}")
    return found


def is_ready(process: Process, port: int) -> bool:
    """Wait until the site answers; False when it ended, or did not in time."""
    until = time.monotonic() + READY_WITHIN_S
    # First its own life: another's may have taken the port, and would answer in its place.
    while process.alive() and time.monotonic() < until:
        if answers(port):
            return True
        time.sleep(0.02)
    return False


def answers(port: int) -> bool:
    """Tell whether the site answers on *port*."""
    try:
        return bool(httpx.get(f"http://127.0.0.1:{port}/health", timeout=2).json() == {"service": NAME})
    except (httpx.HTTPError, ValueError):
        return False


def stop(settings: Settings, known: State) -> None:
    """Stop the site; its codes, its port and its account stay."""
    process = known.processes.pop(NAME, None)
    if process is not None:
        stop_process(process)
        state.save(settings.state_dir, known)


def forget(settings: Settings, known: State) -> None:
    """Stop the site and remove what it keeps: the codes that were taken from it go with the system."""
    stop(settings, known)
    shutil.rmtree(folder(settings), ignore_errors=True)


def folder(settings: Settings) -> Path:
    """Give the folder of all that is kept of the site."""
    return settings.state_dir / NAME


def _kept(settings: Settings) -> Site | None:
    try:
        return Site(**json.loads((folder(settings) / "site.json").read_text()))
    except (FileNotFoundError, ValueError, TypeError):
        return None


def _keep(settings: Settings, found: Site) -> None:
    """Write it at once or not at all; it holds a password, so only its owner may read it."""
    folder(settings).mkdir(parents=True, exist_ok=True)
    fresh = folder(settings) / f".site-{os.getpid()}.json"
    fresh.touch(mode=0o600)
    fresh.write_text(json.dumps(asdict(found)) + "\n")
    fresh.replace(folder(settings) / "site.json")
