"""What a row of the bench is, and what it may use while it is measured."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from harness.bench.figures import Figure
from harness.bench.own_system import OwnSystem
from harness.system import RunningSystem

Say = Callable[[str], None]
FEWEST_ROUNDS = 3


@dataclass
class Bench:
    """One run of the bench.

    Attributes:
        folder: for everything that is left over; removed at the end.
        quick: fewer rounds.
        say: reports progress.
    """

    folder: Path
    quick: bool
    say: Say
    _stopping: ExitStack = field(default_factory=ExitStack)
    _system: RunningSystem | None = None

    def rounds(self, wanted: int) -> int:
        """Give the number of rounds to measure: *wanted*, or a third of them when it must be quick."""
        return max(FEWEST_ROUNDS, wanted // 3) if self.quick else wanted

    def system(self) -> RunningSystem:
        """Give a system of the bench's own, deployed and seeded; the rows after the first share it.

        Raises:
            SystemFailed: it did not come up.
        """
        if self._system is None:
            own = OwnSystem(self.folder / "system")
            self._stopping.callback(own.down)
            own.up()
            self._system = own.running()
        return self._system

    def close(self) -> None:
        """Stop what was started."""
        self._stopping.close()


@dataclass(frozen=True)
class Row:
    """One row: its name for ROWS=, what it measures, and how.

    Attributes:
        measure: gives the figures of the row, each as soon as it is known; what it raises fails this row
            only.
    """

    name: str
    title: str
    measure: Callable[[Bench], Iterable[Figure]]
