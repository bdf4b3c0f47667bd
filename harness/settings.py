"""What a command was asked for, read once from the environment that make passes on."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from harness.system import REPOSITORY, TargetName, of_target, state_root

if TYPE_CHECKING:
    from harness.aws.stage import Stage

MOST_DIGITS = 100
DEFAULT_PORT = 4566  # the port AWS emulators use by custom
# Targets that run on this machine; AWS is the other one.
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
        stage: the stage on AWS, None on an emulator.
        beside: parameters of the stacks that say where an emulator's functions find what runs beside it;
            empty before its places are known.
    """

    target: TargetName
    application: Path
    state_dir: Path
    port: int | None
    prefix: str
    region: str
    reset: bool
    stage: Stage | None = None
    beside: Mapping[str, str] = field(default_factory=dict)

    @property
    def logs(self) -> Path:
        """Folder of the log files of everything that runs for this target."""
        return self.state_dir / "logs"

    @property
    def runtime(self) -> str:
        """Lambda runtime: what the stage names, else the interpreter at hand, for example ``python3.11``."""
        named = self.stage.parameters["application"].get("PythonRuntime") if self.stage else None
        return named or f"python{sys.version_info.major}.{sys.version_info.minor}"

    @property
    def words(self) -> str:
        """What a make command needs to mean this target: nothing for the default."""
        return of_target(self.target) + (f" STAGE={self.stage.name}" if self.stage else "")


def settings_from_environment() -> Settings:
    """Read ``TARGET STAGE PORT PREFIX RESET OFFERLOOP_STATE OFFERLOOP_APPLICATION``.

    Raises:
        Refusal: an unknown target or stage, or a port that is no number.
    """
    target = os.environ.get("TARGET") or os.environ.get("OFFERLOOP_TARGET") or "embedded"
    application = Path(os.environ.get("OFFERLOOP_APPLICATION") or REPOSITORY).resolve()
    if target == "aws":
        return settings_of_stage(application)
    if target not in TARGETS:
        raise Refusal(f"TARGET={target} is unknown: use TARGET=embedded, the default, localstack or aws")
    return Settings(
        target=TARGETS[target],
        application=application,
        state_dir=state_root() / target,
        port=whole_number("PORT"),
        prefix=os.environ.get("PREFIX") or "",
        region="us-east-1",
        reset=is_set("RESET"),
    )


def settings_of_stage(application: Path) -> Settings:
    """Give the settings of the stage on AWS that ``STAGE`` names.

    Raises:
        Refusal: there is no such stage, or PREFIX contradicts it.
    """
    from harness.aws.stage import load_stage

    stage = load_stage(os.environ.get("STAGE") or "", application)
    if os.environ.get("PREFIX") not in (None, "", stage.prefix):
        raise Refusal(f"PREFIX= is for emulators: stage {stage.name} has the prefix {stage.prefix}")
    return Settings(
        target="aws",
        application=application,
        state_dir=state_root() / f"aws-{stage.name}",
        port=None,
        prefix=stage.prefix,
        region=stage.region,
        reset=is_set("RESET"),
        stage=stage,
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
    # Python itself refuses to read a number of thousands of digits.
    is_number = text.isascii() and text.isdecimal() and len(text) <= MOST_DIGITS
    if not is_number or not least <= int(text) <= most:
        raise Refusal(f"{name}={text} is not a whole number from {least} to {most}")
    return int(text)
