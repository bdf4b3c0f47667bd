"""The memory's side of the twin test: the use cases, and deliveries at once."""

import time
from collections.abc import Collection, Iterable

from offerloop.offers.manage_offers import create_offer
from offerloop.offers.model import Offer, Shopper
from simulator.hunt.script import Recommend, Step
from simulator.hunt.system import MemorySystem, ScriptClock, SteppableClock
from simulator.memory.activity import MemoryActivityStore
from simulator.memory.snapshot import snapshot
from tests.twin.observation import Answer, Observation, Sight, observed

PANEL = ("ann", "dan", "somebody-new")


class StepImpossible(Exception):
    """A script asks for what a deployed system cannot be made to do; such a script runs in memory only."""


class MachineClock:
    """The machine's own time, which a deployed system goes by too; a script cannot move it."""

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000

    def move_on(self, seconds: int) -> None:
        raise StepImpossible("a deployed system does not let its clock be moved")


class MemoryDriver:
    """`Driver` on the memory adapters.

    Args:
        clock: default one that stands still but for a second per step.
        users: whose profiles are looked at.
    """

    name = "memory"

    def __init__(
        self,
        starts_at: int,
        users: Collection[str],
        clock: SteppableClock | None = None,
        name: str = "memory",
    ) -> None:
        self.name = name
        self._starts_at, self._users = starts_at, users
        self._ticks = clock is None
        self.system = MemorySystem(clock or ScriptClock(starts_at), starts_at)

    def begin_with(self, offers: Iterable[Offer], shoppers: Iterable[Shopper]) -> None:
        """Store what the other system has already."""
        for shopper in shoppers:
            MemoryActivityStore(self.system.world).put_shopper(shopper)
        for offer in offers:
            create_offer(offer, store=self.system.offers, clock=self.system.clock)
        self.system.come_to_rest()

    def perform(self, step: Step) -> Answer:
        if self._ticks:
            self.system.clock.move_on(1)
        return self.system.perform(step)

    def observe(self) -> Observation:
        self.system.come_to_rest()
        world = self.system.world
        sight = Sight(
            snapshot=snapshot(world),
            shoppers=[world.shoppers[user] for user in self._users if user in world.shoppers],
            experiments=world.experiments.values(),
            served={user: self.system.shop.perform(Recommend(user=user)) for user in PANEL},
            starts_at=self._starts_at,
        )
        return observed(sight)
