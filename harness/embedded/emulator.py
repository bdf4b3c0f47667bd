"""The embedded emulator: start, wait until it answers, stop, and forget its state."""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

from harness.processes import Process, listener, port_is_free, start_detached
from harness.settings import Refusal, Settings
from harness.system import REPOSITORY, without_aws_account

START_WITHIN_S = 20
KEPT_PACKAGES = 6


def endpoint_url(port: int) -> str:
    """Give the emulator's address; it is bound to the loopback interface only."""
    return f"http://127.0.0.1:{port}"


def start(settings: Settings, port: int) -> Process:
    """Start the emulator; it is not ready yet (see ``wait_until_ready``).

    Raises:
        Refusal: the port is taken.
    """
    if not port_is_free(port):
        raise Refusal(f"port {port} is taken by {listener(port)}: stop it, or give another with PORT=")
    remove_old_packages(packages_folder())
    return start_detached(
        [str(REPOSITORY / ".emulator/bin/python"), str(REPOSITORY / "harness/embedded/launcher.py")],
        settings.logs / "emulator.log",
        environment(settings, port),
        settings.state_dir,
    )


def environment(settings: Settings, port: int) -> dict[str, str]:
    """Give the emulator's settings: loopback only, no extra ports, state kept in the target's folder."""
    data = settings.state_dir / "emulator"
    temporary = data / "tmp"
    temporary.mkdir(parents=True, exist_ok=True)
    return {
        **without_aws_account(os.environ),
        "GATEWAY_PORT": str(port),
        "BIND_HOST": "127.0.0.1",
        "MINISTACK_HOST": "127.0.0.1",
        "MINISTACK_REGION": settings.region,
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        "LOG_LEVEL": "WARNING",
        "PERSIST_STATE": "1",
        "STATE_DIR": str(data / "state"),
        "S3_PERSIST": "1",
        "S3_DATA_DIR": str(data / "s3"),
        "TMPDIR": str(temporary),
        "LAMBDA_EXECUTOR": "local",
        "LAMBDA_WARM_TTL_SECONDS": "120",
        "LAMBDA_PYTHON": str(REPOSITORY / ".lambda/bin/python"),
        "LAMBDA_PACKAGES": str(packages_folder()),
        "PYTHONDONTWRITEBYTECODE": "",
        "DOCKER_HOST": "unix:///nonexistent",  # never look for, nor remove, anyone's containers
    }


def wait_until_ready(process: Process, port: int, log: Path) -> None:
    """Wait until the emulator answers.

    Raises:
        Refusal: it ended, or did not answer in time; names the log.
    """
    until = time.monotonic() + START_WITHIN_S
    while time.monotonic() < until:
        if answers(port):
            return
        if not process.alive():
            raise Refusal(f"the emulator ended while starting: see {log}")
        time.sleep(0.02)
    raise Refusal(f"the emulator did not answer within {START_WITHIN_S} s: see {log}")


def answers(port: int) -> bool:
    """Tell whether an emulator answers on *port*."""
    try:
        with urllib.request.urlopen(f"{endpoint_url(port)}/_ministack/health", timeout=2) as response:
            return isinstance(json.load(response).get("services"), dict)
    except (OSError, ValueError, urllib.error.URLError):
        return False


def forget(settings: Settings) -> None:
    """Remove the kept state of an emulator that does not run."""
    shutil.rmtree(settings.state_dir / "emulator", ignore_errors=True)


def packages_folder() -> Path:
    """Give the folder of unpacked deployment packages; by content, so every emulator here can share it."""
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    return REPOSITORY / ".offerloop" / f"packages-{version}"


def remove_old_packages(folder: Path) -> None:
    """Keep the packages used last; those of a running emulator are among them unless six others came."""
    if folder.is_dir():
        by_use = sorted(folder.iterdir(), key=lambda package: package.stat().st_mtime, reverse=True)
        for package in by_use[KEPT_PACKAGES:]:
            if time.time() - package.stat().st_mtime > 24 * 3600:
                shutil.rmtree(package, ignore_errors=True)
