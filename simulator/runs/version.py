"""Which code ran: for people (`git describe`), and as a digest that tells workers with other code apart."""

import hashlib
import platform
import subprocess
from functools import cache
from importlib import metadata
from pathlib import Path

import numpy as np

SOURCES = Path(__file__).resolve().parents[2]
PACKAGES = ("offerloop", "simulator")


@cache
def code_version() -> str:
    """What `git describe` says of the checkout; outside of one, the version of the installed package."""
    command = ["git", "describe", "--tags", "--always", "--dirty"]
    try:
        described = subprocess.run(
            command, cwd=SOURCES, capture_output=True, text=True, timeout=10, check=True
        )
        return described.stdout.strip()
    except (OSError, subprocess.SubprocessError):
        pass
    try:
        return metadata.version("offerloop")
    except metadata.PackageNotFoundError:
        return f"sources {code_digest()[:12]}"


@cache
def code_digest() -> str:
    """SHA-256 of every source file that a replication may run, 64 hex digits."""
    running = hashlib.sha256()
    for package in PACKAGES:
        for path in sorted((SOURCES / package).rglob("*.py")):
            content = path.read_bytes()
            running.update(f"{path.relative_to(SOURCES).as_posix()}\0{len(content)}\0".encode())
            running.update(content)
    return running.hexdigest()


def fingerprint() -> str:
    """What must agree between workers so that they compute the same: our sources and NumPy's streams."""
    return f"sources {code_digest()[:12]}, NumPy {np.__version__}"


def python_version() -> str:
    return platform.python_version()
