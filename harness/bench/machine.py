"""What the bench was measured on: figures of different machines are not compared."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from pathlib import Path

from simulator.runs.replicate import cores

BUSY_LOAD_PER_CORE = 0.75


@dataclass(frozen=True)
class Machine:
    """One machine with its interpreter.

    Attributes:
        cores: that this process may use.
        python: major and minor version, for example ``3.11``.
    """

    processor: str
    cores: int
    system: str
    python: str

    @classmethod
    def at_hand(cls) -> Machine:
        """Describe this machine."""
        version = platform.python_version_tuple()
        return cls(_processor(), cores(), platform.system(), f"{version[0]}.{version[1]}")

    def __str__(self) -> str:
        return f"{self.cores} cores of {self.processor}, {self.system}, Python {self.python}"


def _processor() -> str:
    """Name the processor's model; Linux says it in a file, others through the platform."""
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            name, _, value = line.partition(":")
            if name.strip() == "model name":
                return value.strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def load_average() -> float | None:
    """Give the processes that wanted to run over the last minute; None where the system does not tell."""
    try:
        return os.getloadavg()[0]
    except (AttributeError, OSError):
        return None


def is_busy(load: float | None, cores: int) -> bool:
    """Tell whether so much runs here that absolute figures say little."""
    return load is not None and load > BUSY_LOAD_PER_CORE * cores
