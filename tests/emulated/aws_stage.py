"""A stage on AWS, where an emulator stands in for AWS: the whole path of TARGET=aws, with nothing to pay.

Every command runs with made-up credentials and the emulator's address in botocore's own variables, so that no
call can leave this machine.
"""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.lifecycle import emulator_clients
from harness.system import REPOSITORY, RunningSystem, emulator_environment
from tests.emulated.target import COMMAND_WITHIN_S, TARGET_NAME, Target

REGION = "us-east-1"


@dataclass
class AwsStage:
    """One stage; its commands run as a user's.

    Attributes:
        target: the emulator that stands in for AWS.
        application: the folder with the stage's file and what is deployed.
    """

    target: Target
    application: Path
    name: str

    def environment(self, **variables: str) -> dict[str, str]:
        """Give the whole environment of a command on this stage."""
        address = f"http://127.0.0.1:{self.target.port}"
        here = self.target.environment() | emulator_environment(address, REGION)
        ours = {"TARGET": "aws", "STAGE": self.name, "OFFERLOOP_APPLICATION": str(self.application)}
        return {**here, **ours, **variables}

    def start(self, stdin: Any, *command: str, **variables: str) -> subprocess.Popen[str]:
        """Start ``python -m harness <command>``."""
        return subprocess.Popen(
            [sys.executable, "-m", "harness", *command],
            env=self.environment(**variables),
            cwd=REPOSITORY,
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *command: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run a command with nobody to ask."""
        return ended(self.start(subprocess.DEVNULL, *command, **variables))

    def answer(self, typed: str, *command: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run a command at a terminal where somebody types *typed*; Ctrl-D is an empty answer's end."""
        ours, theirs = pty.openpty()
        try:
            process = self.start(theirs, *command, **variables)
            os.write(ours, typed.encode())
            return ended(process)
        finally:
            os.close(ours)
            os.close(theirs)

    def deploy(self) -> RunningSystem:
        """Deploy without a question and give the system."""
        done = self.run("deploy", YES="1")
        assert done.returncode == 0, done.stdout + done.stderr
        return self.system()

    def destroy(self, **variables: str) -> str:
        """Take it down without a question; gives what was said."""
        done = self.run("destroy", YES="1", **variables)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def system(self) -> RunningSystem:
        """Give the deployed system as `outputs` prints it, with the emulator's address for clients."""
        done = self.run("outputs")
        assert done.returncode == 0, done.stderr
        fields = json.loads(done.stdout) | {
            "target": TARGET_NAME,
            "endpoint_url": f"http://127.0.0.1:{self.target.port}",
        }
        return RunningSystem(**{**fields, "state_dir": Path(fields["state_dir"])})

    def client(self, service: str) -> Any:
        """Give a boto3 client for what stands in for AWS."""
        return emulator_clients(f"http://127.0.0.1:{self.target.port}", REGION)(service)

    def stacks(self) -> dict[str, str]:
        """Give the state of every stack whose name begins with the stage's, by its name without that."""
        described = self.client("cloudformation").describe_stacks()["Stacks"]
        return {
            stack["StackName"].removeprefix(f"{self.name}-"): stack["StackStatus"]
            for stack in described
            if stack["StackName"].startswith(f"{self.name}-") and stack["StackStatus"] != "DELETE_COMPLETE"
        }

    def waiting_change_sets(self) -> list[str]:
        """Give the names of the stage's change sets that could be executed."""
        cloudformation = self.client("cloudformation")
        return [
            each["ChangeSetName"]
            for stack in self.stacks()
            for each in cloudformation.list_change_sets(StackName=f"{self.name}-{stack}")["Summaries"]
            if each["ExecutionStatus"] == "AVAILABLE"
        ]


def ended(process: subprocess.Popen[str]) -> subprocess.CompletedProcess[str]:
    """Wait for a command's end; one that does not end holds its stage no longer."""
    try:
        stdout, stderr = process.communicate(timeout=COMMAND_WITHIN_S)
    except subprocess.TimeoutExpired:
        process.kill()
        raise
    return subprocess.CompletedProcess(process.args, process.returncode, stdout, stderr)
