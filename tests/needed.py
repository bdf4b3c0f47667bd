"""What a test needs from the machine: missing, it fails in continuous integration and skips elsewhere."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import NoReturn

import pytest

from harness.bench.other_pythons import NotInstalled, environment_of, other_interpreters
from harness.browser import chromium_path


def redis_server() -> str:
    """Give the path of redis-server."""
    return shutil.which("redis-server") or missing("redis-server", "redis-server")


def chromium() -> str:
    """Give the path of Chromium, for Playwright's ``executable_path``."""
    return chromium_path() or missing("Chromium", "chromium")


def other_python(version: str) -> Path:
    """Give an interpreter of another supported version, with what the simulator needs."""
    interpreters = {each.version: each for each in other_interpreters()}
    if version not in interpreters:
        missing(f"Python {version}", f"python{version}, or `pyenv install {version}`")
    try:
        return environment_of(interpreters[version])
    except NotInstalled as reason:
        without(f"there is no environment for Python {version}: {reason}")


def programs(**packages: str) -> None:
    """Look for programs, each named with the Debian package that has it."""
    for program, package in packages.items():
        if shutil.which(program) is None:
            missing(program, package)


def missing(what: str, package: str) -> NoReturn:
    """Fail in continuous integration, skip elsewhere; both say what to install."""
    without(f"{what} is missing: install the Debian package {package}")


def without(line: str) -> NoReturn:
    """Fail in continuous integration, skip elsewhere; both with *line*."""
    if os.environ.get("CI"):
        pytest.fail(line, pytrace=False)
    pytest.skip(line)
