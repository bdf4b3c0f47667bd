"""The Makefile: every target explains itself, and set-up happens once."""

from __future__ import annotations

import re
import subprocess

from harness.system import REPOSITORY

TARGETS = {
    *("up", "down", "status", "outputs", "deploy", "seed", "reset", "logs", "audit", "doctor"),
    *("demo", "shoppers", "replay", "dashboard", "test", "lint", "help", "clean", "simulate", "compare"),
    *("calibrate", "watch"),
}


def make(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["make", *arguments], cwd=REPOSITORY, capture_output=True, text=True, timeout=60, check=False
    )


def test_help_lists_every_target() -> None:
    listed = {line.split()[0] for line in make("help").stdout.splitlines()}

    assert listed >= TARGETS


def test_every_target_says_what_it_does() -> None:
    rules = re.findall(r"^([a-z-]+):(.*)$", (REPOSITORY / "Makefile").read_text(), re.MULTILINE)

    assert [name for name, rest in rules if "## " not in rest] == []


def test_set_up_that_is_done_is_not_done_again() -> None:
    planned = make("--dry-run", "setup").stdout

    assert "requirements/install" not in planned
