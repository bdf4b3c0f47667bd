"""The generator processes of one run: started, watched, ended, and never left behind."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

ENDS_WITHIN_S = 20.0  # visits under way, the last figures, Locust's report
WATCH_EVERY_S = 0.1
LOGS = "logs"
INTERRUPTED = 130  # exit code of a generator that was asked to stop


class Crew:
    """Starts one process that sends alone, or a master and its workers on a loopback port.

    As a context it ends every process, however it is left.

    Args:
        environment: of the processes; carries the API key, which no command line does.
    """

    def __init__(self, folder: Path, workers: int, environment: Mapping[str, str]) -> None:
        self._folder, self._environment = folder, environment
        (folder / LOGS).mkdir()
        roles = {"generator": ["local"]}
        if workers > 1:
            port = str(_free_port())
            roles = {"master": ["master", port]}
            roles |= {f"worker-{number}": ["worker", port, str(number)] for number in range(workers)}
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        try:
            for name, arguments in roles.items():
                self._processes[name] = self._start(name, arguments)
        except BaseException:
            self.end()
            raise
        self._director = next(iter(self._processes.values()))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        self.end()

    def end(self) -> None:
        """End every process at once."""
        for process in self._processes.values():
            if process.poll() is None:
                process.kill()
            process.wait()

    @property
    def directs(self) -> bool:
        """Whether the process that directs the others (or sends alone) still runs."""
        return self._director.poll() is None

    def interrupt(self) -> None:
        """Ask the run to end now and to keep what it measured."""
        if self.directs:
            self._director.terminate()

    def wait(self, within_s: float) -> bool:
        """Wait until every process has ended, at most *within_s* seconds; returns whether they have."""
        ends = time.monotonic() + within_s
        while any(process.poll() is None for process in self._processes.values()):
            if time.monotonic() > ends:
                return False
            time.sleep(WATCH_EVERY_S)
        return True

    def failures(self) -> list[str]:
        """What each process that did not end well has to say."""
        return [
            f"{name} {_ended(process.returncode)}: {self._last_words(name)}"
            for name, process in self._processes.items()
            if process.poll() not in (0, INTERRUPTED)
        ]

    def _start(self, name: str, arguments: list[str]) -> subprocess.Popen[bytes]:
        with self._log(name).open("wb") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "loadtests.generator", str(self._folder), *arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=dict(self._environment),
                cwd=Path(__file__).resolve().parent.parent,
                start_new_session=True,  # a terminal's Ctrl-C reaches whoever watches, not these
            )

    def _log(self, name: str) -> Path:
        return self._folder / LOGS / f"{name}.log"

    def _last_words(self, name: str) -> str:
        lines = self._log(name).read_text(errors="replace").strip().splitlines()
        return lines[-1] if lines else f"see {self._log(name)}"


def _ended(code: int | None) -> str:
    """How a process ended, by its return code."""
    if code is not None and code < 0:
        return f"was ended by signal {-code}; its last line"
    return f"ended with code {code}"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
