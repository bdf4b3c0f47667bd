"""Processes that LocalStack's services run on: they end with it, however it ends.

LocalStack's own way puts each into a session of its own, where nothing finds it once LocalStack was killed.
Without it: a killed LocalStack leaves its DynamoDB and its Kinesis behind.
Fails without it: test_target_lifecycle.py::test_up_recovers_from_an_emulator_that_was_killed.
"""

from __future__ import annotations

import logging
import os
import subprocess
from collections.abc import Mapping, Sequence

from localstack.utils.threads import TMP_THREADS, FuncThread

LOG = logging.getLogger(__name__)
STOP_WITHIN_S = 3
# What a child may inherit; everything else of LocalStack's environment stays out.
INHERITED = ("PATH", "LANG", "LC_ALL", "TMPDIR", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")


def inherited() -> dict[str, str]:
    """Give the part of this process's environment that children get."""
    return {name: os.environ[name] for name in INHERITED if name in os.environ}


class ChildThread(FuncThread):
    """A thread that lasts as long as its process, as LocalStack's servers want one.

    The process shares LocalStack's process group. Its standard input is a pipe, whose other end closes when
    LocalStack ends.
    """

    def __init__(self, name: str, command: Sequence[str], variables: Mapping[str, str]) -> None:
        """Start *command* with *variables* and what children inherit; its output goes to LocalStack's log."""
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, env={**inherited(), **variables}, cwd=os.environ["TMPDIR"]
        )
        self.auto_restart = False  # LocalStack sets it before it stops a server
        super().__init__(lambda _: self.watch(), name=name, on_stop=lambda _: self.end())

    def watch(self) -> None:
        """Wait for the end of the process; one that LocalStack did not ask for is logged."""
        exit_code = self.process.wait()
        if not self._stop_event.is_set():
            LOG.error("%s ended with exit code %s", self.name, exit_code)

    def end(self) -> None:
        """Stop the process: SIGTERM, and SIGKILL when it does not obey."""
        self.process.terminate()
        try:
            self.process.wait(STOP_WITHIN_S)
        except subprocess.TimeoutExpired:
            self.process.kill()


def start_child(name: str, command: Sequence[str], variables: Mapping[str, str]) -> ChildThread:
    """Start a process that LocalStack stops when it ends itself."""
    thread = ChildThread(name, command, variables)
    TMP_THREADS.append(thread)
    thread.start()
    return thread
