"""A system of a test's own: its own state folder and port, driven through the command line as a user does."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

import psutil

from harness.processes import lasting_port
from harness.system import REPOSITORY, RunningSystem, without_aws_account

TRIAL = Path(__file__).parent / "trial"
# The target that the emulated tests run on: embedded or localstack.
TARGET_NAME = os.environ.get("OFFERLOOP_TEST_TARGET") or "embedded"
COMMAND_WITHIN_S = 300  # a first build downloads the dependencies
OURS = {"TARGET", "PORT", "RESET", "HEADLESS", "MINUTES", "PREFIX", "USERS", "SPEED", "SEED", "FUNCTION"}


@dataclass
class Target:
    """One place to run a system in; as a context it leaves nothing running.

    Attributes:
        state: root of its state (OFFERLOOP_STATE).
        application: what is deployed there; default this repository.
        port: a port that was free when the target was made.
        variables: further environment of its commands.
    """

    state: Path
    application: Path = REPOSITORY
    port: int = field(default_factory=lasting_port)
    variables: dict[str, str] = field(default_factory=dict)

    def __enter__(self) -> Target:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.down()

    def run(self, *command: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run ``python -m harness <command>`` there."""
        return subprocess.run(
            [sys.executable, "-m", "harness", *command],
            env={**self.environment(), **variables},
            cwd=REPOSITORY,
            capture_output=True,
            text=True,
            timeout=COMMAND_WITHIN_S,
            check=False,
        )

    def environment(self) -> dict[str, str]:
        """Give the whole environment of its commands."""
        inherited = {
            name: value for name, value in without_aws_account(os.environ).items() if name not in OURS
        }
        ours = {
            "OFFERLOOP_STATE": str(self.state),
            "OFFERLOOP_APPLICATION": str(self.application),
            "PORT": str(self.port),
            "TARGET": TARGET_NAME,
            "COLUMNS": "300",
        }
        return {**inherited, **ours, **self.variables}

    def up(self, **variables: str) -> RunningSystem:
        """Bring the system up and give it."""
        ended = self.run("up", **variables)
        assert ended.returncode == 0, ended.stdout + ended.stderr
        return self.system()

    def system(self) -> RunningSystem:
        """Give the running system as `outputs` prints it."""
        ended = self.run("outputs")
        assert ended.returncode == 0, ended.stderr
        fields = json.loads(ended.stdout)
        return RunningSystem(**{**fields, "state_dir": Path(fields["state_dir"])})

    def down(self) -> None:
        """Stop it."""
        ended = self.run("down")
        assert ended.returncode == 0, ended.stdout + ended.stderr

    def process(self, name: str) -> psutil.Process:
        """Give one of its running processes."""
        state = json.loads((self.state / TARGET_NAME / "state.json").read_text())
        return psutil.Process(state["processes"][name]["pid"])


def trial_copy(folder: Path) -> Path:
    """Copy the trial application, for a test that changes it."""
    return Path(shutil.copytree(TRIAL, folder / "trial"))


def change(file: Path, old: str, new: str) -> None:
    """Replace *old*, which has to be there, wherever it is."""
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))
