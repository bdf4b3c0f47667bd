"""The use-case calls of a twin's run in a plain loop: what they cost without SimPy, shoppers and streams.

A recording keeps every call of a run with its arguments, its batches and its time. Played again on a fresh
world they must end in the same state, and the ratio of both times is what the twin adds.
"""

from collections.abc import Callable
from contextlib import suppress
from typing import Any, NamedTuple

from offerloop.errors import Refusal
from offerloop.offers.choose_pivot import PivotDecision
from simulator.memory.world import MemoryWorld
from simulator.scenario.model import Scenario
from simulator.twin.system import System
from simulator.twin.twin import Twin

# Methods of `System` that somebody outside calls; what they call themselves follows from them.
RECORDED = (
    "recommend",
    "track",
    "create",
    "restock",
    "overwrite",
    "run_experiment",
    "watch",
    "publish",
    "count",
    "expire",
    "relay",
    "forget",
)


class Call(NamedTuple):
    """One call of a use case, at epoch milliseconds."""

    at_ms: int
    method: str
    arguments: tuple[Any, ...]


class Recording(NamedTuple):
    """Every call of one replication, in order, the world that they led to, and the sessions they were for."""

    scenario: Scenario
    calls: list[Call]
    world: MemoryWorld
    sessions: int


class _RecordedSystem(System):
    """A system that notes each call before it is carried out."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.calls: list[Call] = []
        for method in RECORDED:
            setattr(self, method, self._noting(method))

    def _noting(self, method: str) -> Callable[..., Any]:
        carry_out, calls, clock = getattr(self, method), self.calls, self.clock

        def call(*arguments: Any) -> Any:
            calls.append(Call(clock.now_ms(), method, arguments))
            return carry_out(*arguments)

        return call


def record(scenario: Scenario, seed: int, replication: int = 0) -> Recording:
    """Run a replication and note each call; takes some 5 KB of memory a session.

    Raises:
        ValueError: the scenario has orders, whose calls are not noted.
    """
    if scenario.orders is not None:
        raise ValueError(f"{scenario.name} has orders, and a plain loop has none")
    twin = Twin(scenario, seed, replication, None, system=_RecordedSystem)
    summary = twin.run()
    assert isinstance(twin.system, _RecordedSystem)
    return Recording(scenario, twin.system.calls, twin.system.world, summary.totals.sessions)


class _PlainClock:
    """`Clock` that stands where it is set."""

    def __init__(self) -> None:
        self.at_ms = 0

    def now_ms(self) -> int:
        return self.at_ms


class PlainLoop:
    """The calls of a recording on a fresh world.

    Attributes:
        world: what they lead to; equals the recording's when they have been played.
    """

    def __init__(self, recording: Recording) -> None:
        self._clock = _PlainClock()
        policies = recording.scenario.policies
        system = System(
            self._clock, weights=policies.weights.as_weights(), boost=policies.pivot_boost, report=_ignore
        )
        self.world = system.world
        self._calls = [
            (at_ms, getattr(system, method), arguments) for at_ms, method, arguments in recording.calls
        ]

    def play(self) -> None:
        """Make every call once; what a use case refused then it refuses now."""
        clock = self._clock
        for at_ms, method, arguments in self._calls:
            clock.at_ms = at_ms
            with suppress(Refusal):
                method(*arguments)


def _ignore(_: PivotDecision) -> None:
    """Nobody listens."""
