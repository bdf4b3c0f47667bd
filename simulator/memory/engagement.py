"""Published events counted once each, in memory."""

from collections.abc import Sequence

from offerloop.offers.experiments import Tally
from offerloop.offers.model import EngagementEvent, TrendingCategory
from simulator.memory.world import MemoryWorld


class MemoryEngagementStore:
    """`EngagementStore`."""

    def __init__(self, world: MemoryWorld) -> None:
        self._world = world

    def count(self, events: Sequence[EngagementEvent], now: int) -> int:
        world = self._world
        new = [
            event
            for event in events
            if event.event_id in world.events and event.event_id not in world.counted_at
        ]
        for event in new:
            world.counted_at[event.event_id] = now
            if event.experiment_id is not None and event.variant is not None:
                tally = world.tallies[event.experiment_id].setdefault(event.variant, [0, 0])
                tally[0] += event.first_exposure
                tally[1] += event.first_conversion
        if new:
            world.trend = world.trend.plus(new, now * 1_000)
        return len(new)

    def trending(self, now: int, limit: int) -> tuple[TrendingCategory, ...]:
        return self._world.trend.top(now * 1_000, limit)

    def tallies(self, experiment_id: str) -> dict[str, Tally]:
        tallies = self._world.tallies.get(experiment_id, {})
        return {variant: Tally(*counts) for variant, counts in tallies.items() if any(counts)}
