"""What a test needs from the machine: missing, it fails in continuous integration and skips elsewhere."""

from __future__ import annotations

import os
import shutil
from typing import NoReturn

import pytest

from harness.doctor import chromium_path


def redis_server() -> str:
    """Give the path of redis-server."""
    return shutil.which("redis-server") or missing("redis-server", "redis-server")


def chromium() -> str:
    """Give the path of Chromium, for Playwright's ``executable_path``."""
    return chromium_path() or missing("Chromium", "chromium")


def missing(what: str, package: str) -> NoReturn:
    """Fail in continuous integration, skip elsewhere; both say what to install."""
    line = f"{what} is missing: install the Debian package {package}"
    if os.environ.get("CI"):
        pytest.fail(line, pytrace=False)
    pytest.skip(line)
