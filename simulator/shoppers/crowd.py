"""A crowd of constant size: whoever leaves for good is followed by somebody new."""

import simpy

from simulator.shoppers.deliveries import Stockroom, deliveries
from simulator.shoppers.hours import DayFactors
from simulator.shoppers.population import SAMPLE_USERS, Person, Population
from simulator.shoppers.shop import Shop
from simulator.shoppers.shopper import Calls, Shopper, Steps
from simulator.shoppers.streams import Streams
from simulator.shoppers.tally import Tally


class Crowd:
    """Shoppers of one run.

    Args:
        users: people at one time, >= 1.
        visits_per_day: mean visits of a shopper per simulated day.
        starts_at_s: second of the day at which simulated time 0 lies.
        stockroom: where sold-out offers are refilled; None = they stay sold out.
        restock_after_s: simulated seconds until they are.
    """

    def __init__(
        self,
        env: simpy.Environment,
        shop: Shop,
        calls: Calls,
        *,
        users: int,
        visits_per_day: float,
        seed: int,
        starts_at_s: int,
        stockroom: Stockroom | None = None,
        restock_after_s: float = 0.0,
    ) -> None:
        self.tally = Tally()
        self._env, self._shop, self._calls, self._starts_at_s = env, shop, calls, starts_at_s
        self._streams = Streams(seed)
        self._days = DayFactors(self._streams.generator("day"))
        self._population = Population(self._streams, visits_per_day)
        for _ in range(users):
            env.process(self._place())
        if stockroom is not None:
            env.process(deliveries(env, stockroom, calls, self.tally, after_s=restock_after_s))

    def _place(self) -> Steps:
        """One place in the crowd: one person after another."""
        while True:
            yield from self._shopper(self._population.newcomer()).live()

    def _shopper(self, person: Person) -> Shopper:
        return Shopper(
            person,
            self._env,
            self._shop,
            self._calls,
            self.tally,
            self._streams,
            self._days,
            starts_at_s=self._starts_at_s,
            may_depart=person.user_id not in SAMPLE_USERS,
        )
