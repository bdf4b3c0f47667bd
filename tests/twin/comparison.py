"""Two systems perform one script; after each step, what they answer and what they show is compared."""

import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from simulator.hunt.script import Step, in_words
from tests.twin.observation import Answer, Observation, first_difference


class Driver(Protocol):
    """A system that can be told what to do and looked at."""

    name: str

    def perform(self, step: Step) -> Answer:
        """Do one step; its answer, a refusal as `{"refused": <code>}`."""

    def observe(self) -> Observation:
        """Wait until every consumer is through, and look at everything."""


@dataclass(frozen=True)
class Difference:
    """Where two systems parted: after which step, in what, and what each shows."""

    number: int
    step: Step
    field: str
    values: dict[str, object]

    def __str__(self) -> str:
        shown = "\n".join(f"  {name}: {value}" for name, value in self.values.items())
        return f"step {self.number} ({in_words(self.step)}): {self.field} differs\n{shown}"


def compare(
    script: Iterable[Step], one: Driver, other: Driver, *, patience_s: float = 0.0
) -> Difference | None:
    """The first difference between two systems, or None.

    Args:
        patience_s: how long a difference must last: two systems with clocks of their own may stand on two
            sides of a second, or of the points from which a category trends, for a moment.
    """
    for number, step in enumerate(script, start=1):
        found = first_difference(one.perform(step), other.perform(step))
        if found is None:
            found = _lasting_difference(one, other, patience_s)
        if found is not None:
            field, *values = found
            shown = dict(zip((one.name, other.name), values, strict=True))
            return Difference(number, step, field, shown)
    return None


def _lasting_difference(one: Driver, other: Driver, patience_s: float) -> tuple[str, object, object] | None:
    ends = time.monotonic() + patience_s
    while True:
        found = first_difference(one.observe(), other.observe())
        if found is None or time.monotonic() >= ends:
            return found
