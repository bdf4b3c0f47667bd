"""The environment ``.localstack``, made when asked for: LocalStack from PyPI, its Kinesis from npm.

LocalStack 4.14 runs on Python 3.12 and 3.13 only, so its interpreter may be another than the project's.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from harness.settings import Refusal
from harness.system import REPOSITORY

FOLDER = REPOSITORY / ".localstack"
STATIC = FOLDER / "usr/lib/localstack"  # what every LocalStack of this clone may read
LOCKS = REPOSITORY / "requirements/localstack"
PYTHON_VERSIONS = ("3.13", "3.12")
LEAST_NODE = 18  # what kinesis-local is compiled for
INSTALL_WITHIN_S = 900

Say = Callable[[str], None]


def prepare(say: Say) -> None:
    """Make ``.localstack`` match its locks; does nothing when it does already.

    Raises:
        Refusal: no interpreter, no node, or an installation failed; says what to install.
    """
    node()
    if matches():
        return
    with held():
        if matches():  # made by another command while this one waited
            return
        interpreter = python()
        say(f"making .localstack with {interpreter} (once, about a minute)")
        install_packages(interpreter)
        install_kinesis()
        make_index()
        stamp().touch()


def matches() -> bool:
    """Tell whether the environment is there, whole, and made from the present locks."""
    return stamp().exists() and (FOLDER / "bin/python").exists()


def stamp() -> Path:
    """Give the file that says which locks the environment was made from."""
    digest = hashlib.sha256()
    for lock in ("python.txt", "package-lock.json"):
        digest.update((LOCKS / lock).read_bytes())
    return FOLDER / f".made-from-{digest.hexdigest()[:16]}"


@contextmanager
def held() -> Iterator[None]:
    """Keep other commands from making the environment meanwhile; waits for one that does."""
    REPOSITORY.joinpath(".offerloop").mkdir(exist_ok=True)
    with (REPOSITORY / ".offerloop/localstack.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def install_packages(interpreter: Path) -> None:
    """Install LocalStack from its lock, bytecode included, which the first start would wait for."""
    uv = str(REPOSITORY / ".offerloop/boot/bin/uv")
    if not (FOLDER / "bin/python").exists():
        shutil.rmtree(FOLDER, ignore_errors=True)
        run([uv, "venv", "--quiet", "--python", str(interpreter), str(FOLDER)])
    run(
        [
            *(uv, "pip", "sync", "--quiet", "--require-hashes", "--compile-bytecode"),
            *("--python", str(FOLDER / "bin/python"), str(LOCKS / "python.txt")),
        ]
    )


def install_kinesis() -> None:
    """Install what serves Kinesis, from its lock, with no script of a package run.

    Raises:
        Refusal: no npm.
    """
    npm = shutil.which("npm")
    if npm is None:
        raise Refusal(
            "npm is missing, which installs LocalStack's Kinesis once: install the Debian package npm"
        )
    for name in ("package.json", "package-lock.json"):
        shutil.copyfile(LOCKS / name, FOLDER / name)
    run([npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel", "error"])


def make_index() -> None:
    """Make LocalStack's index of all of AWS's services, which else takes every start 5 s and 500 MB."""
    STATIC.mkdir(parents=True, exist_ok=True)
    place = {"FILESYSTEM_ROOT": str(FOLDER), "OVERRIDE_IN_DOCKER": "0", "TMPDIR": tempfile.gettempdir()}
    run([str(FOLDER / "bin/python"), "-m", "localstack.aws.spec"], place)


def run(command: list[str], variables: Mapping[str, str] | None = None) -> None:
    """Run one step of the installation.

    Raises:
        Refusal: it failed; with its last line of output.
    """
    environment = {**os.environ, **(variables or {})}
    if "PIP_INDEX_URL" in environment:  # uv takes a mirror from the setting that pip users already have
        environment.setdefault("UV_INDEX_URL", environment["PIP_INDEX_URL"])
    name = f"{Path(command[0]).name} {command[1]}"
    try:
        ended = subprocess.run(
            command,
            cwd=FOLDER if FOLDER.is_dir() else REPOSITORY,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=INSTALL_WITHIN_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise Refusal(
            f"making .localstack: {name} did not end within {INSTALL_WITHIN_S} s: is there a network?"
        ) from None
    if ended.returncode != 0:
        lines = [line.strip() for line in ended.stderr.splitlines() if line.strip()]
        raise Refusal(f"making .localstack: {name} failed: {lines[-1] if lines else 'it printed nothing'}")


def python() -> Path:
    """Find an interpreter that LocalStack 4.14 runs on: on the PATH, else among pyenv's.

    Raises:
        Refusal: there is none; says what to install.
    """
    for candidate in python_candidates():
        if version_of(candidate) in PYTHON_VERSIONS:
            return candidate
    raise Refusal(
        "LocalStack 4.14 without Docker needs Python 3.12 or 3.13, and none is on the PATH or in ~/.pyenv: "
        "install one (Debian package python3.13, or `pyenv install 3.13`), or start a Docker engine"
    )


def python_candidates() -> Iterator[Path]:
    """Give the interpreters to try, the best first."""
    for name in [*(f"python{version}" for version in PYTHON_VERSIONS), "python3", "python"]:
        found = shutil.which(name)
        if found is not None:
            yield Path(found)
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    for version in PYTHON_VERSIONS:
        yield from sorted(pyenv.glob(f"{version}.*/bin/python"), reverse=True)


def version_of(interpreter: Path) -> str | None:
    """Give an interpreter's version as ``3.12``; None when it does not run (a pyenv shim may not)."""
    show = "import sys; print('%d.%d' % sys.version_info[:2])"
    try:
        ended = subprocess.run(
            [str(interpreter), "-c", show], capture_output=True, text=True, timeout=20, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return ended.stdout.strip() if ended.returncode == 0 else None


def node() -> Path:
    """Find the node that runs LocalStack's Kinesis.

    Raises:
        Refusal: there is none, or it is too old; says what to install.
    """
    found = shutil.which("node")
    remedy = f"install the Debian package nodejs ({LEAST_NODE} or newer), or start a Docker engine"
    if found is None:
        raise Refusal(f"node is missing, which LocalStack's Kinesis runs on without Docker: {remedy}")
    ended = subprocess.run([found, "--version"], capture_output=True, text=True, timeout=20, check=False)
    major = ended.stdout.strip().removeprefix("v").split(".")[0]
    if not major.isdecimal() or int(major) < LEAST_NODE:
        version = ended.stdout.strip() or "does not run"
        raise Refusal(f"{found} ({version}) is too old for LocalStack's Kinesis: {remedy}")
    return Path(found)
