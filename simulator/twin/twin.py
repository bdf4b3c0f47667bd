"""The whole twin: system, cloud, shop and shoppers on one virtual clock."""

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import simpy

from offerloop.bonuses.ports import nobody
from offerloop.codes.model import SupplierKind
from offerloop.codes.ports import CodeSupplier
from offerloop.offers.experiments import ExperimentStatus
from offerloop.offers.model import Offer
from simulator.arrivals import DAY_S, HOUR_S, ArrivalCurve, draw_day_factors
from simulator.memory.snapshot import snapshot
from simulator.scenario.model import Codes, Orders, Scenario
from simulator.shoppers.appointments import Appointments
from simulator.shoppers.buying import Buying
from simulator.shoppers.clocks import VirtualClock
from simulator.shoppers.crowd import gather
from simulator.shoppers.population import Population
from simulator.shoppers.rewards import CodeHabits, Purses
from simulator.shoppers.shopper import Calls, Steps, Surroundings
from simulator.shoppers.streams import Streams
from simulator.snapshot import Snapshot
from simulator.twin.catalogue import Catalogue, products
from simulator.twin.cloud import Cloud
from simulator.twin.functions import Environments
from simulator.twin.payments import behaviour
from simulator.twin.pool import POOL_ID, SUPPLIER, TwinSupplier, first_codes, pool_of
from simulator.twin.shop import Stage, TwinShop, TwinTill
from simulator.twin.summary import NOBODY, EventKind, EventSink, ReplicationSummary
from simulator.twin.system import System
from simulator.twin.tally import TwinTally
from simulator.twin.warehouse import Warehouse

MONDAY_MS = 1_767_571_200_000  # 2026-01-05T00:00:00Z, midnight of the first simulated day
MINUTE_S = 60
# How long an event is kept: beyond the longest chain of retries of one batch. What is older is forgotten, so
# that memory does not grow with the number of sessions; a stream that lags by more loses it, as Kinesis does.
EVENTS_KEPT_S = 2 * HOUR_S
COLLECT_EVERY = 50_000  # new containers between two looks of the garbage collector; Python's own is 700


class TwinClock:
    """`Clock` of the virtual time.

    Args:
        begins_ms: epoch milliseconds of simulated second 0.
    """

    def __init__(self, env: simpy.Environment, begins_ms: int) -> None:
        self._env, self._begins_ms = env, begins_ms

    def now_ms(self) -> int:
        return self._begins_ms + int(self._env._now * 1_000)  # `now` itself is a property, and asked often


class Twin:
    """One replication of a scenario, from its first moment.

    Args:
        seed: root of all randomness, >= 0.
        replication: independent runs of one seed differ in it.
        sink: takes in every event; None = nobody listens.
        system: what stands for the deployed system.
    """

    def __init__(
        self,
        scenario: Scenario,
        seed: int,
        replication: int,
        sink: EventSink | None,
        *,
        system: type[System] = System,
    ) -> None:
        self.scenario, self._seed, self._replication = scenario, seed, replication
        self.env = simpy.Environment()
        self._begins_ms = MONDAY_MS + scenario.arrivals.starts_at_hour * HOUR_S * 1_000
        clock = TwinClock(self.env, self._begins_ms)
        streams = Streams(seed, replication)
        self.catalogue = Catalogue(scenario, streams)
        self.tally = TwinTally(clock, self.catalogue.numbers, sink, len(scenario.catalogue.categories))
        self.system = system(
            clock,
            weights=scenario.policies.weights.as_weights(),
            boost=scenario.policies.pivot_boost,
            report=self.tally.pivot,
        )
        self._products = products(scenario, streams)
        self._supplier: TwinSupplier | None = None
        if scenario.orders is not None:
            self._open_till(scenario.orders, streams)
        functions = scenario.weather.functions
        environments = Environments(functions) if functions is not None else None
        self.cloud = Cloud(
            self.env,
            self.system,
            scenario.weather,
            streams,
            environments,
            scenario.orders,
            self._supplier,
        )
        self.system.deliveries = self.cloud
        self._open_shop()
        self.env.process(self._every_minute())
        Warehouse(self.env, self.system, self.catalogue, self.tally, scenario)
        self._let_in(streams, environments)

    # -- the first moment ------------------------------------------------------------------------------

    def _open_till(self, section: Orders, streams: Streams) -> None:
        payments = behaviour(section.payments, int(streams.generator("payment-modes").integers(2**53)))
        booked = nobody if section.points is None else self.tally.booked
        till = self.system.take_orders(payments, self.tally.order_moved, self.tally.redeemed, booked)
        for product in self._products:
            till.create(product)
        if section.codes is not None:
            self._open_pool(section.codes, streams)

    def _open_pool(self, section: Codes, streams: Streams) -> None:
        suppliers: dict[SupplierKind, CodeSupplier] = {}
        if section.supplier is not None:
            self._supplier = suppliers[SUPPLIER] = TwinSupplier(section.supplier, streams)
        codes = self.system.give_out_codes(suppliers, self.tally.run_moved, self.tally.pool_stands_at)
        pool = pool_of(section)
        codes.create(pool, first_codes(section, pool, streams))

    def _open_shop(self) -> None:
        """Fill the shelves and start the experiment before anybody comes."""
        for offer in self.catalogue.at_first(self._now_s()):
            self._create(offer)
        self.cloud.settle()
        experiment = self.scenario.policies.experiment
        if experiment is not None:
            running = experiment.as_experiment(self._now_s())
            self.system.run_experiment(replace(running, status=ExperimentStatus.DRAFT, started_at=None))

    def _let_in(self, streams: Streams, environments: Environments | None) -> None:
        scenario, env = self.scenario, self.env
        arrivals, days = scenario.arrivals, scenario.total_days
        factors = draw_day_factors(streams.generator("day"), cv=arrivals.day_factor_cv, days=days)
        curve = ArrivalCurve.of(arrivals, days=days, day_factors=factors, warm_up_days=scenario.warm_up_days)
        limit = scenario.weather.throttle_per_second
        stage: Calls = VirtualClock(env)  # costs less than a stage that lets everything through
        if limit is not None or environments is not None:
            stage = Stage(env, self.tally, per_second=limit, environments=environments)
        shop, visits = TwinShop(self.system, self.tally), streams.moments("visit")
        patience = scenario.population.fruitless_visits
        ends_s, appointment = float(days * DAY_S), Appointments(env).at
        buying = self._buying(stage, streams, appointment)
        around = Surroundings(
            env, shop, stage, self.tally, curve, visits, patience, ends_s, appointment, buying
        )
        gather(env, Population(scenario.population, streams), around)

    def _buying(
        self, stage: Calls, streams: Streams, appointment: Callable[[float], simpy.Event]
    ) -> Buying | None:
        """How offers become orders; None where nothing is sold."""
        orders, basket = self.scenario.orders, self.scenario.population.basket
        if self.system.orders is None or orders is None or basket is None:
            return None
        till = TwinTill(self.system, self.system.orders, self.system.codes, self._products, self.tally)
        numbers = streams.moments("purchase")
        buying = Buying(
            self.env,
            till,
            stage.call,
            self.tally,
            basket,
            orders.afterwards,
            numbers,
            appointment=appointment,
            purses=self._purses(till, stage, streams),
        )
        buying.read_products()
        return buying

    def _purses(self, till: TwinTill, stage: Calls, streams: Streams) -> Purses | None:
        """What shoppers pay with besides money; None where there are neither codes nor points."""
        orders = self.scenario.orders
        if orders is None or (orders.codes is None and orders.points is None):
            return None
        codes = None if orders.codes is None else CodeHabits(POOL_ID, orders.codes.claimed_share)
        numbers = streams.moments("purse")
        return Purses(self.env, till, stage.call, self.tally, numbers, codes=codes, points=orders.points)

    # -- time passes -----------------------------------------------------------------------------------

    def run(self) -> ReplicationSummary:
        """Simulate warm-up and counted days, deliver what is under way at the end, and sum up."""
        scenario = self.scenario
        warm_up_s = scenario.warm_up_days * DAY_S
        if warm_up_s:
            self._run_hours_until(warm_up_s)
            self.tally.forget()
        for offer in self.catalogue.after_warm_up(self._now_s()):
            self._create(offer)
        self._run_hours_until(scenario.total_days * DAY_S)
        return self._summary(self._begins_ms + warm_up_s * 1_000)

    def snapshot(self) -> Snapshot:
        """Everything stored, for the invariants; they hold when all has been delivered, as after `run`."""
        orders = self.system.orders
        payments = None if orders is None else orders.payments.kept_by_key
        complete = self.env.now < EVENTS_KEPT_S
        return snapshot(self.system.world, events_are_complete=complete, payments=payments)

    def _run_hours_until(self, end_s: float) -> None:
        while self.env.now < end_s:
            self.env.run(until=self.env.now + HOUR_S)
            if self.env.now >= self.scenario.total_days * DAY_S:
                self.cloud.settle()
            self._end_hour()

    def _end_hour(self) -> None:
        offers = self.system.offers.get_many(self.catalogue.on_sale).values()
        units = [offer.inventory_count for offer in offers]
        self.tally.hour.add(self.cloud.take_counts())
        self.tally.end_hour(sum(units), sum([left > 0 for left in units]))
        self.system.forget(self._begins_ms + int((self.env.now - EVENTS_KEPT_S) * 1_000))

    def _every_minute(self) -> Steps:
        """The rules of the template: end offers, and relay what the streams missed."""
        while True:
            yield self.env.timeout(MINUTE_S)
            self.tally.hour.calls_rules += 2
            for ended in self.system.expire():
                self._replace(ended)
            self.system.relay()
            if self.system.orders is not None:
                self.tally.hour.calls_rules += 1
                self.system.orders.sweep()
            if self.system.codes is not None:
                self.tally.hour.calls_rules += 1
                self.system.codes.sweep()

    def _replace(self, ended: str) -> None:
        """Let a new offer follow one that has ended."""
        self.tally.hour.offers_expired += 1
        self.tally.note(EventKind.OFFER_EXPIRED, NOBODY, self.catalogue.numbers[ended], 0)
        self.catalogue.forget(ended)
        if self.scenario.catalogue.replace_ended:
            self._create(self.catalogue.successor(ended, self._now_s()))

    def _create(self, offer: Offer) -> None:
        self.system.create(offer)
        number = self.catalogue.numbers[offer.offer_id]
        self.tally.hour.offers_created += 1
        category = self.catalogue.numbers.category_of(number)
        self.tally.note(EventKind.OFFER_CREATED, NOBODY, number, category)

    def _now_s(self) -> int:
        return self.system.clock.now_ms() // 1_000

    # -- the end ---------------------------------------------------------------------------------------

    def _summary(self, counted_from_ms: int) -> ReplicationSummary:
        experiment = self.scenario.policies.experiment
        tallies = self.system.world.tallies.get(experiment.id, {}) if experiment is not None else {}
        return ReplicationSummary(
            scenario_digest=self.scenario.digest,
            seed=self._seed,
            replication=self._replication,
            counted_from_ms=counted_from_ms,
            totals=self.tally.totals(),
            hours=tuple(self.tally.hours),
            exposed={name: counts[0] for name, counts in sorted(tallies.items())},
            converted={name: counts[1] for name, counts in sorted(tallies.items())},
            sold=tuple(self.tally.sold),
            events=self.tally.events,
        )


def run_replication(
    scenario: Scenario, seed: int, replication: int, sink: EventSink | None = None
) -> ReplicationSummary:
    """Run one replication of a scenario on the virtual clock; see `Twin`.

    The same arguments give the same events and the same summary, in any process.
    """
    with collecting_seldom():
        return Twin(scenario, seed, replication, sink).run()


@contextmanager
def collecting_seldom() -> Iterator[None]:
    """Let the garbage collector look rarely, and only at what is young.

    A replication makes next to no cycles: the collector walked the whole world a dozen times a second and
    found nothing, for a twelfth of the time.
    """
    before = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(COLLECT_EVERY, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()
