"""What a command was asked for, read once from the environment that make passes on."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path

from harness.system import REPOSITORY, TargetName, state_root

DEFAULT_PORT = 4566  # the port AWS emulators use by custom
TARGETS: dict[str, TargetName] = {"embedded": "embedded", "localstack": "localstack"}


class Refusal(Exception):
    """Something the user has to change; the message is one line that says what."""


@dataclass(frozen=True)
class Settings:
    """One command's target and folders.

    Attributes:
        application: folder with template.yaml, sam/ and what they deploy; tests deploy another than this one.
        state_dir: folder of this target's state.
        port: emulator port asked for, None when the user named none.
        prefix: what the names of stacks, tables and functions begin with.
        reset: start from empty state.
    """

    target: TargetName
    application: Path
    state_dir: Path
    port: int | None
    prefix: str
    region: str
    reset: bool

    @property
    def logs(self) -> Path:
        """Folder of the log files of everything that runs for this target."""
        return self.state_dir / "logs"

    @property
    def runtime(self) -> str:
        """Lambda runtime of the interpreter at hand, for example ``python3.11``."""
        return f"python{sys.version_info.major}.{sys.version_info.minor}"


def settings_from_environment() -> Settings:
    """Read ``TARGET PORT PREFIX RESET OFFERLOOP_STATE OFFERLOOP_APPLICATION``.

    Raises:
        Refusal: a target that is not there yet, or a port that is no number.
    """
    target = os.environ.get("TARGET") or os.environ.get("OFFERLOOP_TARGET") or "embedded"
    if target == "aws":
        raise Refusal("TARGET=aws is not available yet: use TARGET=embedded, the default, or localstack")
    if target not in TARGETS:
        raise Refusal(f"TARGET={target} is unknown: use TARGET=embedded, the default, or localstack")
    return Settings(
        target=TARGETS[target],
        application=Path(os.environ.get("OFFERLOOP_APPLICATION") or REPOSITORY).resolve(),
        state_dir=state_root() / target,
        port=whole_number("PORT"),
        prefix=os.environ.get("PREFIX") or "",
        region="us-east-1",
        reset=is_set("RESET"),
    )


def is_set(name: str) -> bool:
    """Tell whether a switch such as ``RESET=1`` is on."""
    return os.environ.get(name, "") not in ("", "0", "false", "no")


def whole_number(name: str, least: int = 1, most: int = 65535) -> int | None:
    """Read a whole number from a variable, None when it is not set.

    Raises:
        Refusal: it is no number, or out of range.
    """
    text = os.environ.get(name, "")
    if not text:
        return None
    if not (text.isascii() and text.isdecimal()) or not least <= int(text) <= most:
        raise Refusal(f"{name}={text} is not a whole number from {least} to {most}")
    return int(text)
