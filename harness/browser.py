"""The Chromium of this machine: it shows pages to tests and visits the supplier's site for the functions."""

from __future__ import annotations

import shutil
import subprocess

from harness.check import Check

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")


def chromium_path() -> str | None:
    """Give the Chromium of this machine, None when there is none."""
    return next(filter(None, map(shutil.which, NAMES)), None)


def check() -> Check:
    """Look for the browser, and whether it starts."""
    path = chromium_path()
    if path is None:
        return Check(
            "warn",
            "Chromium is missing, so no codes come from the supplier's site and browser tests are skipped: "
            "Debian package chromium",
        )
    try:
        ended = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=20, check=False)
    except subprocess.TimeoutExpired:
        return Check("warn", f"{path} does not start: reinstall the Debian package chromium")
    if ended.returncode != 0:
        return Check("warn", f"{path} does not start: reinstall the Debian package chromium")
    return Check("ok", f"{ended.stdout.strip()} is {path}")
