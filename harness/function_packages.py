"""Unpacked deployment packages, kept by content with their bytecode: a cold start compiles nothing."""

from __future__ import annotations

import shutil
import sys
import time
from pathlib import Path

from harness.system import REPOSITORY

KEPT_PACKAGES = 6


def packages_folder(target: str) -> Path:
    """Give the folder of one target's packages; every emulator of this clone can share it."""
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    suffix = "" if target == "embedded" else f"-{target}"
    return REPOSITORY / ".offerloop" / f"packages-{version}{suffix}"


def remove_old_packages(folder: Path) -> None:
    """Keep the packages used last; those of a running emulator are among them unless six others came."""
    if folder.is_dir():
        by_use = sorted(folder.iterdir(), key=lambda package: package.stat().st_mtime, reverse=True)
        for package in by_use[KEPT_PACKAGES:]:
            if time.time() - package.stat().st_mtime > 24 * 3600:
                shutil.rmtree(package, ignore_errors=True)
