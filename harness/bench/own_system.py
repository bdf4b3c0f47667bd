"""A system of the bench's own: its own state folder and a free port, driven by make as a person does."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from harness.processes import lasting_port
from harness.system import REPOSITORY, RunningSystem, TargetName, without_aws_account

COMMAND_WITHIN_S = 300  # a first build downloads the dependencies
# What make passes on to its commands: an outer `make bench` must not reach the makes inside.
OF_THE_OUTER_MAKE = ("TARGET", "PORT", "RESET", "PREFIX", "MAKEFLAGS", "MFLAGS", "MAKEOVERRIDES", "MAKELEVEL")


class SystemFailed(Exception):
    """A command on the bench's own system failed; the message is its last line."""


@dataclass(frozen=True)
class OwnSystem:
    """One place to run a system in.

    Attributes:
        state: root of its state (OFFERLOOP_STATE).
        port: a port that was free when this was made.
        target: the emulator; LocalStack without Docker, where there is one too.
    """

    state: Path
    port: int = field(default_factory=lasting_port)
    target: TargetName = "embedded"

    def up(self) -> float:
        """Bring it up: deployed and seeded; gives the seconds that ``make up`` took.

        Raises:
            SystemFailed
        """
        return self._make("up")[0]

    def down(self) -> None:
        """Stop it; its data stays.

        Raises:
            SystemFailed
        """
        self._make("down")

    def running(self) -> RunningSystem:
        """Give the system that is up.

        Raises:
            SystemFailed: none is.
        """
        fields = json.loads(self._make("--silent", "outputs")[1])
        return RunningSystem(**{**fields, "state_dir": Path(fields["state_dir"])})

    def _make(self, *arguments: str) -> tuple[float, str]:
        """Run make there; gives the seconds it took and its output."""
        began = time.perf_counter()
        # In a group of its own: a bench that is told to end must be able to end all of it, before `down`.
        with subprocess.Popen(
            ["make", *arguments],
            cwd=REPOSITORY,
            env=self._environment(os.environ),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        ) as command:
            try:
                output, errors = command.communicate(timeout=COMMAND_WITHIN_S)
            except BaseException:
                os.killpg(command.pid, signal.SIGTERM)
                command.communicate()
                raise
        seconds = time.perf_counter() - began
        if command.returncode:
            said = (errors + output).strip().splitlines() or ["it said nothing"]
            raise SystemFailed(f"`make {' '.join(arguments)}` failed: {said[0]}")
        return seconds, output

    def _environment(self, inherited: Mapping[str, str]) -> dict[str, str]:
        kept = {
            name: value
            for name, value in without_aws_account(inherited).items()
            if name not in OF_THE_OUTER_MAKE and not name.startswith("OFFERLOOP_")
        }
        return kept | {
            **{"OFFERLOOP_STATE": str(self.state), "PORT": str(self.port), "COLUMNS": "300"},
            **{"TARGET": self.target, "DOCKER": "0"},
        }
