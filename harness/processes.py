"""Start processes that outlive the command, recognise them later, and stop exactly those."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

STOP_WITHIN_S = 20


@dataclass(frozen=True)
class Process:
    """A process by number and start time, so that a number used again is never taken for it.

    Attributes:
        pid: process number; it leads a process group of its own.
        started: start time in seconds since 1970, as psutil gives it.
    """

    pid: int
    started: float

    @staticmethod
    def of_this_program() -> Process:
        """Give the process that this program runs in."""
        return Process(os.getpid(), psutil.Process().create_time())

    def alive(self) -> bool:
        """Tell whether this very process still runs."""
        try:
            process = psutil.Process(self.pid)
            same = abs(process.create_time() - self.started) < 1
            return same and process.status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return False


def start_detached(
    command: Sequence[str], log: Path, environment: Mapping[str, str], folder: Path
) -> Process:
    """Start *command* in a process group of its own, its output going to *log*."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        child = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=dict(environment),
            cwd=folder,
            start_new_session=True,
        )
    return Process(child.pid, psutil.Process(child.pid).create_time())


def stop(process: Process, within_s: float = STOP_WITHIN_S) -> None:
    """Stop a process and every process of its group: SIGTERM to it, SIGKILL to what is left."""
    if process.alive():
        os.kill(process.pid, signal.SIGTERM)
        wait_until_gone(process, within_s)
    # The group's number is the leader's and stays taken while any member lives.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if group_is_ours(process):
            os.killpg(process.pid, signal.SIGKILL)
            wait_until_gone(process, 5)


def group_is_ours(process: Process) -> bool:
    """Tell whether the process group of that number is still the one that *process* led."""
    try:
        return psutil.Process(process.pid).create_time() - process.started < 1
    except psutil.NoSuchProcess:
        return True  # leader gone: a number in use as a group is not given to a new process


def wait_until_gone(process: Process, within_s: float) -> None:
    """Wait until *process* has ended, at most *within_s* seconds."""
    until = time.monotonic() + within_s
    while process.alive() and time.monotonic() < until:
        with contextlib.suppress(ChildProcessError):
            os.waitpid(process.pid, os.WNOHANG)  # collect it where it is our own child
        time.sleep(0.02)


def port_is_free(port: int) -> bool:
    """Tell whether nothing on this machine accepts connections on *port* of the loopback address."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def unused_port() -> int:
    """Give a port of the loopback address that nothing listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def lasting_port() -> int:
    """Give a port of the loopback address for a server that starts later.

    It lies below the range from which systems give ports to outgoing connections (from 32768 on Linux, 49152
    elsewhere), so that none of those takes it meanwhile.
    """
    while True:
        port = random.randrange(20_000, 32_000)
        if port_is_free(port):
            return port


def listener(port: int) -> str:
    """Name the process that listens on *port*, as far as this user may know it."""
    with contextlib.suppress(psutil.AccessDenied):
        for connection in psutil.net_connections("tcp"):
            _address, number = connection.laddr or ("", 0)
            if connection.status == psutil.CONN_LISTEN and number == port and connection.pid:
                process = psutil.Process(connection.pid)
                return f"{process.name()} (process {connection.pid})"
    return "another program"
