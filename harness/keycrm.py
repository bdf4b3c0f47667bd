"""The stand-in CRM beside an emulator: started before the functions that ask it, stopped last.

On AWS nothing is started: a stage names the shop's own KeyCRM. Port and key stand in its folder, which only
its owner may read, and stay until it is forgotten.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import sys
import time
from pathlib import Path
from typing import Any

import httpx

from harness import state
from harness.processes import Process, lasting_port, port_is_free, start_detached, stop
from harness.settings import Refusal, Settings
from harness.state import State
from harness.system import REPOSITORY, without_aws_account

NAME = "keycrm"
READY_WITHIN_S = 20
BONUS_FIELD = "CT_1001"  # the stand-in has any field that is written; KeyCRM's uuids look so


def crm_url(port: int) -> str:
    """Give the root of its API."""
    return f"http://127.0.0.1:{port}/v1"


def address(settings: Settings, known: State) -> str:
    """Give the root of its API, and choose port and key where it does not run.

    The last port serves again where it is free: another one means another deployment.
    """
    kept = _kept(settings)
    port = kept.get("port")
    if known.running(NAME) is None and (port is None or not port_is_free(port)):
        port = lasting_port()
    _keep(settings, {"port": port, "key": kept.get("key") or secrets.token_urlsafe(32)})
    assert isinstance(port, int)
    return crm_url(port)


def key(settings: Settings) -> str:
    """Give the key that callers must send; it belongs into the secret of the data stack.

    Raises:
        Refusal: `address` was never asked.
    """
    kept = _kept(settings)
    if "key" not in kept:
        raise Refusal("the CRM has no key yet: it was never started")
    return str(kept["key"])


def start(settings: Settings, known: State) -> None:
    """Start it on the port that was chosen, unless it runs, and wait until it answers.

    Raises:
        Refusal: it does not start; names the log.
    """
    if known.running(NAME) is not None:
        return
    port = int(_kept(settings)["port"])
    command = [sys.executable, "-m", "standins.keycrm", str(port), str(books(settings))]
    log = settings.logs / f"{NAME}.log"
    environment = without_aws_account(os.environ) | {"KEYCRM_KEY": key(settings)}
    process = start_detached(command, log, environment, REPOSITORY)
    known.processes[NAME] = process
    state.save(settings.state_dir, known)
    if not is_ready(process, port):
        stop(known.processes.pop(NAME))
        state.save(settings.state_dir, known)
        raise Refusal(f"the CRM did not start: see {log}")


def is_ready(process: Process, port: int) -> bool:
    """Wait until it answers; False when it ended, or did not in time."""
    until = time.monotonic() + READY_WITHIN_S
    # First its own life: another's may have taken the port, and would answer in its place.
    while process.alive() and time.monotonic() < until:
        if answers(port):
            return True
        time.sleep(0.02)
    return False


def answers(port: int) -> bool:
    """Tell whether a stand-in CRM answers on *port*."""
    try:
        return bool(httpx.get(f"http://127.0.0.1:{port}/health", timeout=2).json() == {"service": NAME})
    except (httpx.HTTPError, ValueError):
        return False


def hand_over_key(settings: Settings, client: Any, secret_arn: str) -> None:
    """Put the key into the secret that the functions read, through a client of Secrets Manager."""
    client.put_secret_value(SecretId=secret_arn, SecretString=key(settings))


def forget(settings: Settings, known: State) -> None:
    """Stop it and remove its books, its port and its key."""
    process = known.processes.pop(NAME, None)
    if process is not None:
        stop(process)
    shutil.rmtree(books(settings), ignore_errors=True)


def books(settings: Settings) -> Path:
    """Give the folder of the books."""
    return settings.state_dir / NAME


def _kept(settings: Settings) -> dict[str, Any]:
    try:
        kept = json.loads((books(settings) / "place.json").read_text())
    except (FileNotFoundError, ValueError):
        return {}
    return kept if isinstance(kept, dict) else {}


def _keep(settings: Settings, kept: dict[str, Any]) -> None:
    if kept == _kept(settings):
        return
    books(settings).mkdir(parents=True, exist_ok=True)
    place = books(settings) / "place.json"
    place.touch(mode=0o600)
    place.write_text(json.dumps(kept) + "\n")
