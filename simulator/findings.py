"""What a law of the system is, and what checking one finds."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import NamedTuple

from simulator.snapshot import Snapshot

SHOWN_BREACHES = 3


class Breach(NamedTuple):
    """One thing that is not as it must be."""

    subject: str
    fault: str


@dataclass(frozen=True, slots=True)
class InvariantResult:
    """What one invariant says about one snapshot; *checked* counts the things that it looked at."""

    name: str
    checked: int
    breaches: tuple[Breach, ...] = ()

    @property
    def holds(self) -> bool:
        return not self.breaches

    @property
    def detail(self) -> str:
        """The first breaches in words, or an empty string."""
        shown = "; ".join(f"{breach.subject}: {breach.fault}" for breach in self.breaches[:SHOWN_BREACHES])
        more = len(self.breaches) - SHOWN_BREACHES
        return f"{shown}; and {more} more" if more > 0 else shown


class Findings(NamedTuple):
    checked: int
    breaches: Iterable[Breach]


@dataclass(frozen=True, slots=True)
class Invariant:
    """A law, in the words in which a report shows it, and the function that checks it."""

    name: str
    check: Callable[[Snapshot], Findings]
