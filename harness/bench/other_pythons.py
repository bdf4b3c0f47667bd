"""The other supported Pythons at hand, each with just what the simulator needs, as the lock pins it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from harness.system import REPOSITORY

SUPPORTED = ("3.11", "3.12", "3.13")
NEEDED = ("numpy", "pyarrow", "pydantic", "pyyaml", "simpy")
LOCK = REPOSITORY / "requirements/project.txt"
INSTALL_WITHIN_S = 120


class NotInstalled(Exception):
    """An environment could not be made; the message says why."""


@dataclass(frozen=True)
class Interpreter:
    """One Python.

    Attributes:
        version: major and minor, for example ``3.12``.
    """

    version: str
    path: Path


def other_interpreters() -> list[Interpreter]:
    """Find one interpreter of each other supported version, on the PATH or where pyenv keeps them."""
    own = f"{sys.version_info.major}.{sys.version_info.minor}"
    found = (_interpreter(version) for version in SUPPORTED if version != own)
    return [interpreter for interpreter in found if interpreter is not None]


def _interpreter(version: str) -> Interpreter | None:
    root = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    of_pyenv = sorted(root.glob(f"versions/{version}.*/bin/python{version}"))
    on_path = shutil.which(f"python{version}")
    for path in [*of_pyenv, *([Path(on_path)] if on_path else [])]:
        # A pyenv shim is on the PATH for versions that are not chosen, and fails.
        if subprocess.run([path, "--version"], capture_output=True, check=False).returncode == 0:
            return Interpreter(version, path)
    return None


def environment_of(interpreter: Interpreter) -> Path:
    """Make an environment for the simulator unless it is there; gives its interpreter.

    Raises:
        NotInstalled: the packages are not to be had for it, or not now.
    """
    lock = sha256(LOCK.read_bytes()).hexdigest()[:12]
    folder = REPOSITORY / ".offerloop" / f"simulator-{interpreter.version}-{lock}"
    if not (folder / "ready").exists():
        shutil.rmtree(folder, ignore_errors=True)
        uv = str(REPOSITORY / ".offerloop/boot/bin/uv")
        _run([uv, "venv", "--quiet", "--python", str(interpreter.path), str(folder)])
        python = str(folder / "bin/python")
        _run([uv, "pip", "install", "--quiet", "--python", python, "--constraint", str(LOCK), *NEEDED])
        (folder / "ready").touch()
    return folder / "bin/python"


def _run(command: list[str]) -> None:
    environment = dict(os.environ)
    # uv takes a mirror from the setting that pip users already have.
    if "PIP_INDEX_URL" in environment:
        environment.setdefault("UV_INDEX_URL", environment["PIP_INDEX_URL"])
    try:
        ended = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=INSTALL_WITHIN_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NotInstalled(str(error)) from error
    if ended.returncode:
        raise NotInstalled((ended.stderr.strip().splitlines() or ["uv said nothing"])[0])
