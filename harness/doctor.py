"""Check everything that the system needs on this machine; one line each, saying what to do."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from harness import browser, companions, state
from harness.check import Check
from harness.emulator import port_taken, services_at
from harness.processes import port_is_free
from harness.sam import sam_environment
from harness.settings import DEFAULT_PORT, Refusal, Settings
from harness.system import REPOSITORY, of_target
from harness.targets import emulator_of

LEAST_FREE_MB = 500
HEALTH = "/_localstack/health"  # every emulator answers there
LINKS = {
    "sam/bundle/handlers": "../../handlers",
    "sam/bundle/offerloop": "../../offerloop",
    "sam/bundle/requirements.txt": "../../handlers/requirements.txt",
}


def refuse_what_stops_up(settings: Settings, port: int) -> None:
    """Run the checks without which `up` cannot work.

    Raises:
        Refusal: the first that fails.
    """
    for check in (free_disk(settings.state_dir), free_port(port), interpreter(settings), links(settings)):
        if check.verdict == "fail":
            raise Refusal(check.line)


def examine(settings: Settings) -> Iterator[Check]:
    """Run every check, cheapest first."""
    known = state.load(settings.state_dir, settings.target)
    yield Check("ok", f"Python {sys.version.split()[0]} in .venv")
    yield from tools()
    yield free_disk(settings.state_dir)
    yield links(settings)
    yield interpreter(settings)
    if settings.target == "aws":
        yield from aws_account(settings)
        return
    yield from target(settings, known)
    yield from processes(settings, known)
    if known.running("emulator") is None:
        yield free_port(settings.port or known.port or DEFAULT_PORT)
    yield redis_server()
    yield browser.check()


def tools() -> Iterator[Check]:
    """Look for each environment's own tool."""
    for tool in (".sam/bin/sam", ".emulator/bin/ministack", ".lambda/bin/python", ".venv/bin/pytest"):
        if (REPOSITORY / tool).exists():
            yield Check("ok", f"{tool} is there")
        else:
            yield Check("fail", f"{tool} is missing: run `make clean`, then `make setup`")


def free_disk(folder: Path) -> Check:
    """Look whether the disk of *folder* has room."""
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    free_mb = shutil.disk_usage(existing).free // 2**20
    if free_mb < LEAST_FREE_MB:
        return Check("fail", f"only {free_mb} MB free on the disk of {existing}: free {LEAST_FREE_MB} MB")
    return Check("ok", f"{free_mb} MB free on the disk of {existing}")


def free_port(port: int) -> Check:
    """Look whether the emulator's port is free."""
    if port_is_free(port):
        return Check("ok", f"port {port} is free")
    return Check("fail", port_taken(port))


def target(settings: Settings, known: state.State) -> Iterator[Check]:
    """Look after what this target's emulator needs beyond the environments."""
    try:
        yield from emulator_of(settings, known).checks()
    except Refusal as refusal:
        yield Check("fail", str(refusal))


def aws_account(settings: Settings) -> Iterator[Check]:
    """Look whether credentials lead to an account, and the stage's region has what the stacks need."""
    from harness.aws.account import clients, identify, refuse_missing_services

    try:
        client = clients(settings)
        yield Check("ok", f"account {identify(settings, client)}, region {settings.region}")
        refuse_missing_services(settings, client)
    except Refusal as refusal:
        yield Check("fail", str(refusal))


def links(settings: Settings) -> Check:
    """Look whether the bundle's symbolic links came with the checkout."""
    if settings.application != REPOSITORY:
        return Check("ok", "the application brings its own bundle")
    for name, goal in LINKS.items():
        link = REPOSITORY / name
        if not link.is_symlink() or not link.exists():
            return Check(
                "fail",
                f"{name} is not a working symbolic link to {goal}: "
                "run `git config core.symlinks true` and `git checkout -- sam/bundle`",
            )
    return Check("ok", "the links in sam/bundle work")


def interpreter(settings: Settings) -> Check:
    """Look whether `sam build` finds the functions' interpreter."""
    path = shutil.which(settings.runtime, path=sam_environment()["PATH"])
    if path is None and settings.stage is not None:
        return Check(
            "fail",
            f"{settings.stage.shown} names PythonRuntime={settings.runtime}, which is not on the "
            "PATH: install that Python, or name another",
        )
    if path is None:
        return Check("fail", f"{settings.runtime} is not on sam build's PATH: run `make clean`, `make setup`")
    return Check("ok", f"sam build uses {path}")


def processes(settings: Settings, known: state.State) -> Iterator[Check]:
    """Look after the processes that state.json names."""
    here = of_target(known.target)
    beside = {each.name: each for each in companions.COMPANIONS}
    for name, process in known.processes.items():
        if not process.alive():
            yield Check("warn", f"{name} (process {process.pid}) has ended: `make up{here}` starts it again")
        elif name == "emulator" and known.port is not None and services_at(known.port, HEALTH) is None:
            yield Check(
                "fail",
                f"the emulator (process {process.pid}) does not answer: `make down{here}`, `make up{here}`",
            )
        elif name in beside and not companions.answers(beside[name], companions.kept(beside[name], settings)):
            yield Check(
                "fail",
                f"the {beside[name].title} (process {process.pid}) does not answer: "
                f"`make down{here}`, `make up{here}`",
            )
        else:
            yield Check("ok", f"{name} runs (process {process.pid})")


def redis_server() -> Check:
    """Look for the Redis that the tests of the Redis store start."""
    path = shutil.which("redis-server")
    if path is None:
        return Check("warn", "redis-server is missing, its tests are skipped: Debian package redis-server")
    return Check("ok", f"redis-server is {path}")
