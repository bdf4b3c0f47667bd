"""Servers beside an emulator that stand in for what is somebody else's: payments, CRM, supplier of codes.

Their addresses go into the deployment, their secrets into those of the data stack. They start before the
functions that ask them and stop after the emulator. On AWS nothing is started: a stage names its own.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from harness import state
from harness.browser import chromium_path
from harness.health import health
from harness.processes import Process, lasting_port, port_is_free, start_detached, stop
from harness.settings import Refusal, Settings
from harness.state import State
from harness.system import REPOSITORY, without_aws_account

READY_WITHIN_S = 20
CRM_BONUS_FIELD = "CT_1001"  # the stand-in has any field that is written; KeyCRM's uuids look so
FIRST_STOCK = "10EUR:60,100:40,200:40,300:40"  # amounts, UAH if not said, and how many codes of each


@dataclass(frozen=True)
class Place:
    """What is kept of a companion between two commands.

    Attributes:
        secrets: what only it and the functions' secrets know, by its environment variables.
    """

    port: int
    secrets: dict[str, str] = field(default_factory=dict, repr=False)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


def none_of(_place: Place) -> dict[str, str]:
    """Give nothing, for a companion without secrets or parameters."""
    return {}


@dataclass(frozen=True, eq=False)
class Companion:
    """One kind of server beside an emulator; ``GET /health`` answers with its name.

    Attributes:
        name: of its process, its log and the folder of all that it keeps.
        title: what users call it.
        command: Python's arguments for a place and that folder.
        makes_up: a value for each secret that neither its file nor the environment has.
        parameters: of the stacks, that say where it is.
        hands_over: texts of secrets, by the outputs that name them.
    """

    name: str
    title: str
    command: Callable[[Place, Path], Sequence[str]]
    parameters: Callable[[Place], Mapping[str, str]] = none_of
    makes_up: Mapping[str, Callable[[], str]] = field(default_factory=dict)
    hands_over: Callable[[Place], Mapping[str, str]] = none_of


def bon_command(place: Place, folder: Path) -> Sequence[str]:
    """Give the command of the supplier's site."""
    return ("-m", "standins.bon", str(place.port), str(folder / "bon.sqlite"), "--stock", FIRST_STOCK)


def bon_secret(place: Place) -> Mapping[str, str]:
    """Give the account of the supplier's site as AWS writes accounts."""
    account = {"username": place.secrets["BON_LOGIN"], "password": place.secrets["BON_PASSWORD"]}
    return {"BonSecretArn": json.dumps(account)}


PAYMENTS = Companion(
    "payments",
    "payment service",
    command=lambda place, folder: ("-m", "standins.payments", str(place.port), str(folder)),
    parameters=lambda place: {"PaymentUrl": place.url},
)
KEYCRM = Companion(
    "keycrm",
    "CRM",
    command=lambda place, folder: ("-m", "standins.keycrm", str(place.port), str(folder)),
    parameters=lambda place: {"CrmUrl": f"{place.url}/v1", "CrmBonusField": CRM_BONUS_FIELD},
    makes_up={"KEYCRM_KEY": lambda: secrets.token_urlsafe(32)},
    hands_over=lambda place: {"CrmKeySecretArn": place.secrets["KEYCRM_KEY"]},
)
BON = Companion(
    "bon",
    "supplier's site",
    command=bon_command,
    parameters=lambda place: {"BonUrl": place.url, "BrowserPath": chromium_path() or ""},
    makes_up={"BON_LOGIN": lambda: "demo", "BON_PASSWORD": lambda: secrets.token_urlsafe(12)},
    hands_over=bon_secret,
)
COMPANIONS = (PAYMENTS, KEYCRM, BON)
# Served by `make demo` alone; browsers ask the API from its origin, so the deployment has to name it.
SHOP = Companion(
    "storefront",
    "demo shop",
    command=lambda place, _folder: ("-m", "harness.storefront_site", str(place.port)),
    parameters=lambda place: {"CorsOrigins": place.url},
)


def place_of(companion: Companion, settings: Settings, known: State) -> Place:
    """Give where a companion is, and choose its port where it does not run.

    The last port serves again where it is free: another one means another deployment.
    """
    last, runs = kept(companion, settings.state_dir), known.running(companion.name) is not None
    if last is not None and runs:
        return last  # with the secrets that it was started with, whatever the environment says by now
    if runs:
        stop(known.processes.pop(companion.name))  # of a version that kept its place elsewhere
    port = lasting_port() if last is None or not port_is_free(last.port) else last.port
    found = Place(port, secrets_of(companion, {} if last is None else last.secrets))
    if found != last:
        keep(companion, settings, found)
    return found


def secrets_of(companion: Companion, last: Mapping[str, str]) -> dict[str, str]:
    """Give a companion's secrets: the environment's where it has all, else the last ones, else new ones."""
    named = {name: os.environ.get(name, "") for name in companion.makes_up}
    if all(named.values()):
        return named
    return {name: last.get(name) or make_up() for name, make_up in companion.makes_up.items()}


def parameters(settings: Settings, known: State) -> dict[str, str]:
    """Give the parameters of the stacks that say where the companions and the demo shop are."""
    places = ((each, place_of(each, settings, known)) for each in (*COMPANIONS, SHOP))
    return {name: value for each, place in places for name, value in each.parameters(place).items()}


def start(settings: Settings, known: State, companions: Sequence[Companion] = COMPANIONS) -> None:
    """Start those that do not run, all at once, and wait until they answer.

    Raises:
        Refusal: as `wait_for`.
    """
    wait_for(begin(settings, known, companions), settings, known)


def begin(
    settings: Settings, known: State, companions: Sequence[Companion] = COMPANIONS
) -> dict[Companion, Place]:
    """Start those that do not run, all at once, and give them; they do not answer yet (see `wait_for`)."""
    started: dict[Companion, Place] = {}
    for companion in companions:
        # Where the deployment was told, even if somebody took that port meanwhile: its log says so.
        place = kept(companion, settings.state_dir) or place_of(companion, settings, known)
        if known.running(companion.name) is not None:
            continue
        started[companion] = place
        environment = without_aws_account(os.environ) | place.secrets
        command = [sys.executable, *companion.command(place, folder(companion, settings.state_dir))]
        known.processes[companion.name] = start_detached(
            command, log(companion, settings), environment, REPOSITORY
        )
        state.save(settings.state_dir, known)  # at once: whoever is killed now leaves nothing unknown behind
    return started


def wait_for(started: Mapping[Companion, Place], settings: Settings, known: State) -> None:
    """Wait until they answer.

    Raises:
        Refusal: one does not start; names its log. It is stopped, the others stay.
    """
    for companion, place in started.items():
        if not is_ready(companion, known.processes[companion.name], place):
            stop(known.processes.pop(companion.name))
            state.save(settings.state_dir, known)
            raise Refusal(f"the {companion.title} did not start: see {log(companion, settings)}")


def is_ready(companion: Companion, process: Process, place: Place) -> bool:
    """Wait until a companion answers; False when it ended, or did not in time."""
    until = time.monotonic() + READY_WITHIN_S
    # First its own life: another's may have taken the port, and would answer in its place.
    while process.alive() and time.monotonic() < until:
        if answers_at(place, companion.name):
            return True
        time.sleep(0.02)
    return False


def answers(companion: Companion, state_dir: Path) -> bool:
    """Tell whether a companion answers where it was last."""
    place = kept(companion, state_dir)
    return place is not None and answers_at(place, companion.name)


def answers_at(place: Place, name: str) -> bool:
    """Tell whether the server of that name answers at a place."""
    return health(place.port) == {"service": name}


def hand_over_secrets(settings: Settings, known: State, outputs: Mapping[str, str], client: Any) -> None:
    """Put the companions' secrets into those that the functions read.

    Args:
        outputs: of the stacks; what they do not name is left out.
        client: of Secrets Manager.
    """
    for companion in COMPANIONS:
        for output, text in companion.hands_over(place_of(companion, settings, known)).items():
            # Only what is another: a function reads a secret once, and versions cost their place.
            if (
                output in outputs
                and client.get_secret_value(SecretId=outputs[output])["SecretString"] != text
            ):
                client.put_secret_value(SecretId=outputs[output], SecretString=text)


def forget(settings: Settings, known: State) -> None:
    """Stop all and remove what they keep, which goes with the orders and codes that it is about."""
    for companion in COMPANIONS:
        process = known.processes.pop(companion.name, None)
        if process is not None:
            stop(process)
        shutil.rmtree(folder(companion, settings.state_dir), ignore_errors=True)


def folder(companion: Companion, state_dir: Path) -> Path:
    """Give the folder of all that a companion keeps, in that of its target's state."""
    return state_dir / companion.name


def log(companion: Companion, settings: Settings) -> Path:
    """Give a companion's log file."""
    return settings.logs / f"{companion.name}.log"


def kept(companion: Companion, state_dir: Path) -> Place | None:
    """Give where a companion was last; None where nothing that can be read says it."""
    try:
        return Place(**json.loads((folder(companion, state_dir) / "place.json").read_text()))
    except (OSError, ValueError, TypeError):
        return None


def keep(companion: Companion, settings: Settings, place: Place) -> None:
    """Write it at once or not at all; it holds secrets, so only its owner may read it."""
    folder(companion, settings.state_dir).mkdir(parents=True, exist_ok=True)
    fresh = folder(companion, settings.state_dir) / f".place-{os.getpid()}.json"
    fresh.touch(mode=0o600)
    fresh.write_text(json.dumps(asdict(place)) + "\n")
    fresh.replace(folder(companion, settings.state_dir) / "place.json")
