"""What `make load` was asked for: settings from the environment, checked, as a plan for the generators."""

from __future__ import annotations

import ipaddress
import math
import os
import re
import uuid
from pathlib import Path
from urllib.parse import urlsplit

from harness.settings import Refusal, whole_number
from harness.system import RunningSystem, state_root
from loadtests.arrivals import load_of
from loadtests.objectives import DEFAULT_OBJECTIVES, Objectives, ObjectivesError, load_objectives
from loadtests.plan import LoadPlan, Shape, VisitKind
from simulator.scenario import ScenarioError, parse_scenario_argument

DEFAULT_SECONDS = 60.0
# Visits a second that the embedded emulator carries on two cores, its consumers and the generator included
# (docs/load.md): a visit sends some 6 requests, and the peak of both curves is 2.4 times their mean.
DEFAULT_RATE = {Shape.STEADY: 10.0, Shape.SCENARIO: 4.0, Shape.FLASH_SALE: 4.0}
# A visit to the till costs more than one to the offers, the order's way behind it included.
RATE_SHARE = {VisitKind.BROWSE: 1.0, VisitKind.CHECKOUT: 0.5, VisitKind.SHOP: 0.5, VisitKind.CLAIMS: 3.0}
DEFAULT_CODES = 500  # fewer than a minute's claims at the default rate
DEFAULT_SCENARIO = {Shape.STEADY: "baseline", Shape.SCENARIO: "baseline", Shape.FLASH_SALE: "flash-sale"}
DEFAULT_WARM_UP_S = 5  # until functions have their warm environments
DEFAULT_THINK_S = 0.5
DEFAULT_PLACES = 200
UNITS = {"": 1, "s": 1, "m": 60, "h": 3600}


def refuse_unlimited_aws() -> None:
    """Refuse a load on AWS that names no limit: every request there costs money.

    Raises:
        Refusal
    """
    target = os.environ.get("TARGET") or os.environ.get("OFFERLOOP_TARGET")
    if target == "aws" and not os.environ.get("MAX_REQUESTS"):
        raise Refusal("TARGET=aws needs MAX_REQUESTS=: every request there costs money")


def plan_from_environment(system: RunningSystem) -> LoadPlan:
    """Read every setting of a load test but TARGET, OBJECTIVES and RESULTS; docs/load.md lists them.

    Raises:
        Refusal: a setting is wrong, contradicts another, or the system is no place to send load to.
    """
    _refuse_foreign_address(system)
    shape, visit = _shape(), _visit()
    rate, users = _number("RATE", 0, 10_000), whole_number("USERS", most=20_000)
    if rate and users:
        raise Refusal("RATE= (open arrivals) and USERS= (closed) exclude each other")
    plan = LoadPlan(
        run_id=uuid.uuid4().hex,
        api_url=system.api_url,
        target=system.target,
        scenario=os.environ.get("SCENARIO") or DEFAULT_SCENARIO[shape],
        shape=shape,
        visit=visit,
        seconds=_seconds(),
        warm_up_s=_whole("WARM_UP", DEFAULT_WARM_UP_S, least=0, most=3600),
        rate=None if users else rate or DEFAULT_RATE[shape] * RATE_SHARE[visit],
        users=users,
        seed=_whole("SEED", 1, least=0, most=2**32 - 1),
        speed=_number("SPEED", 0, 1_000_000),
        think_s=_think_s(),
        places=_whole("PLACES", DEFAULT_PLACES, most=20_000),
        workers=_whole("WORKERS", 1, most=64),
        max_requests=whole_number("MAX_REQUESTS", most=10**9),
        manager=visit is not VisitKind.CLAIMS and os.environ.get("MANAGER", "1") not in ("0", "false", "no"),
        codes=_whole("CODES", DEFAULT_CODES, most=100_000) if visit is VisitKind.CLAIMS else 0,
    )
    try:
        load_of(plan, parse_scenario_argument(plan.scenario))
    except (ScenarioError, ValueError) as error:
        raise Refusal(str(error)) from None
    return plan


def objectives_from_environment() -> Objectives:
    """Read the file that ``OBJECTIVES`` names, or the one that comes with the system.

    Raises:
        Refusal: it cannot be used; one line per fault.
    """
    try:
        return load_objectives(Path(os.environ.get("OBJECTIVES") or DEFAULT_OBJECTIVES))
    except ObjectivesError as error:
        raise Refusal(str(error)) from None


def results_root() -> Path:
    """Give the folder in which every run has a folder of its own: ``RESULTS``, or ``load`` of the state."""
    return Path(os.environ.get("RESULTS") or state_root() / "load").resolve()


def _shape() -> Shape:
    text = os.environ.get("SHAPE") or Shape.STEADY
    try:
        return Shape(text)
    except ValueError:
        raise Refusal(f"SHAPE={text} is unknown: use {', '.join(Shape)}") from None


def _visit() -> VisitKind:
    text = os.environ.get("VISIT") or VisitKind.BROWSE
    try:
        return VisitKind(text)
    except ValueError:
        raise Refusal(f"VISIT={text} is unknown: use {', '.join(VisitKind)}") from None


def _seconds() -> float:
    """DURATION (``45``, ``45s``, ``5m``, ``1h``) or MINUTES, at most a day."""
    text, minutes = os.environ.get("DURATION", ""), whole_number("MINUTES", most=1440)
    if text and minutes:
        raise Refusal("DURATION= and MINUTES= say the same: give one of them")
    if not text:
        return minutes * 60.0 if minutes else DEFAULT_SECONDS
    found = re.fullmatch(r"(\d{1,5})([smh]?)", text)
    seconds = int(found[1]) * UNITS[found[2]] if found else 0
    if not 1 <= seconds <= 86_400:
        raise Refusal(f"DURATION={text} is not a time such as 45s, 5m or 1h, up to 24h")
    return float(seconds)


def _think_s() -> float:
    if os.environ.get("THINK") == "0":
        return 0.0
    return _number("THINK", 0, 60) or DEFAULT_THINK_S


def _whole(name: str, default: int, *, least: int = 1, most: int) -> int:
    """Read a whole number, *default* when it is not set."""
    number = whole_number(name, least, most)
    return default if number is None else number


def _number(name: str, above: float, most: float) -> float | None:
    """Read a number that may have a fraction, None when it is not set."""
    text = os.environ.get(name, "")
    if not text:
        return None
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not above < number <= most:
        raise Refusal(f"{name}={text} is not a number above {above:g} and up to {most:g}")
    return number


def _refuse_foreign_address(system: RunningSystem) -> None:
    """Emulator targets are loaded on loopback addresses only."""
    host = urlsplit(system.api_url).hostname or ""
    if system.target != "aws" and not (host == "localhost" or _is_loopback(host)):
        raise Refusal(f"{host} is no loopback address: target {system.target} is loaded on this machine only")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
