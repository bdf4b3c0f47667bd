"""The dashboard on a system in memory: the use cases themselves, after a scripted quarter of an hour."""

import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC

from dashboard.data import (
    Engagement,
    ExperimentView,
    Health,
    MetricSeries,
    Pivots,
    ReadCost,
    Serving,
    SystemFacts,
    Trends,
    Unreachable,
)
from dashboard.order_data import (
    NEWEST_NOTICES,
    NEWEST_ORDERS,
    WAITING_SHOWN,
    Notices,
    OrderDetails,
    Orders,
    OrderStory,
)
from dashboard.reward_data import NEWEST_RUNS, Pools, PoolView, Rewards
from dashboard.reward_reads import RewardReads
from harness.seed import sample_offers, sample_products, sample_shoppers, seed_pools
from offerloop.codes.forecast import sample_of
from offerloop.errors import Refusal
from offerloop.offers.count_engagement import count_engagement
from offerloop.offers.manage_offers import create_offer, restock_offer
from offerloop.offers.model import DiscountType, EventType, Offer
from offerloop.offers.recommend import recommend
from offerloop.offers.relevance import MAX_TRENDING
from offerloop.offers.run_experiments import experiment_result, prepare_experiment, start_experiment
from offerloop.offers.track_event import TrackEvent, track_event
from offerloop.offers.watch_inventory import watch_inventory
from offerloop.orders.model import IN_PROGRESS
from simulator.findings import Breach, InvariantResult
from simulator.invariants import INVARIANTS
from simulator.memory.activity import MemoryActivityStore
from simulator.memory.administration import MemoryExperimentStore, MemoryOfferStore, MemoryPivotLog
from simulator.memory.engagement import MemoryEngagementStore
from simulator.memory.ids import SeededIds
from simulator.memory.inventory import MemoryInventoryStore
from simulator.memory.orders import MemoryNoticeLog, MemoryOrderStore
from simulator.memory.serving import MemoryContextReader, MemoryRankedLists
from simulator.memory.world import MemoryWorld
from tests.factories import NOON, FixedClock, an_experiment
from tests.given_rewards import Fortnight, Giveaway, MemoryNewestEntries
from tests.traded_orders import Trade

LAPTOP, TRIP = "OFF001", "OFF006"
BROWSED = (EventType.VIEW,) * 4 + (EventType.CLICK,) * 3 + (EventType.ADD_TO_CART,)
ACTIONS = (*BROWSED, EventType.REDEMPTION, EventType.REDEMPTION, EventType.REDEMPTION, EventType.DISMISS)

TRADED_S = 540  # about as long as `Trade.some_minutes` takes


class MemoryDashboard:
    """`dashboard.data.Source`; empty straight after seeding, until `live_through` is called.

    Attributes:
        down: while true, every question is answered as if nothing ran.
    """

    def __init__(self, offers: Sequence[Offer] | None = None) -> None:
        self.clock = FixedClock()
        self.world = MemoryWorld(self.clock)
        self.offers = MemoryOfferStore(self.world)
        self.activity = MemoryActivityStore(self.world)
        self.inventory = MemoryInventoryStore(self.world)
        self.engagement = MemoryEngagementStore(self.world)
        self.tests = MemoryExperimentStore(self.world)
        self.ids = SeededIds(7)
        self.down = False
        self.breach = False
        self.seen = Engagement()
        self.giveaway = Giveaway(self.world)
        self.fortnight = Fortnight(self.world)
        for shopper in sample_shoppers():
            self.activity.put_shopper(shopper)
        for offer in sample_offers(NOON) if offers is None else offers:
            create_offer(offer, store=self.offers, clock=self.clock)
        for product in sample_products():
            self.world.products[product.product_id] = product
        seed_pools(self.giveaway.codes)
        self.deliver()

    def live_through(self, seconds: int = 900, seed: int = 1) -> None:
        """Shoppers act on what they are served; the laptop sells out, is restocked and sells out again."""
        choose = random.Random(seed)
        self.start_experiment()
        self.giveaway.take_time()
        trip = "OFF006", "Weekend City Trip", "travel", DiscountType.FIXED_AMOUNT, 5_000
        create_offer(Offer(*trip, 79, 60, received_count=60), store=self.offers, clock=self.clock)
        self.deliver()
        known = ["USER001", "USER002", "USER003"]
        for step in range(seconds // 3):
            self.clock.move_on(3)
            user_id = choose.choice([f"SHOPPER-{n:04}" for n in range(1, 150)] + known * 6)
            served = [item.offer for item in self._recommend(user_id).offers]
            if served:
                offer = choose.choices(served, [6, 3, 2][: len(served)])[0]
                self.track(user_id, offer, choose.choice(BROWSED if user_id in known else ACTIONS))
            if step == 20:
                self.track("USER001", self.offers.get(TRIP), EventType.DISMISS)
            if step == 60:
                self.sell_out(LAPTOP)
            if step == 130:
                restock_offer(LAPTOP, 25, store=self.offers, clock=self.clock)
            if step == 220:
                self.sell_out(LAPTOP)
            self.giveaway.some_claims()
            self.deliver()
        self.trade()
        self.fortnight.passes()

    def trade(self) -> None:
        """Some minutes of orders, the last of them just now."""
        began = FixedClock(self.clock.at_ms - 1_000 * TRADED_S)
        trade = Trade(MemoryOrderStore(self.world), MemoryNoticeLog(self.world), began)
        trade.some_minutes()
        self.clock.at_ms = max(self.clock.at_ms, trade.clock.at_ms)
        self.deliver()

    def start_experiment(self) -> None:
        self.tests.create_experiment(an_experiment("more-urgency"))
        start_experiment("more-urgency", store=self.tests, clock=self.clock)
        prepare_experiment("more-urgency", store=self.tests, offers=self.offers, inventory=self.inventory)

    def track(self, user_id: str, offer: Offer, event_type: EventType) -> None:
        command = TrackEvent(user_id, offer.offer_id, offer.category, event_type)
        try:
            track_event(command, store=self.activity, clock=self.clock, ids=self.ids)
        except Refusal:
            return
        self.seen.add(self.clock.now_ms(), offer.category, event_type)

    def sell_out(self, offer_id: str) -> None:
        """Set the stock to 0 in the table, as a foreign client does."""
        self.world.put_offer(replace(self.world.offers[offer_id], inventory_count=0))

    def deliver(self) -> None:
        """What streams and consumers do, until nothing is left to do."""
        while changes := self.world.drain_changes():
            watch_inventory(changes, store=self.inventory, now=self._now())
        self.world.drain_messages()
        self.world.outbox.clear()
        new = [event for event in self.world.events.values() if event.event_id not in self.world.counted_at]
        count_engagement(new, store=self.engagement, now=self._now())

    # -- what pages ask ------------------------------------------------------------------------------

    def facts(self) -> SystemFacts:
        return SystemFacts(
            target="embedded",
            endpoint_url="http://127.0.0.1:4566",
            api_url="http://127.0.0.1:4566/restapis/abc123/prod/_user_request_",
            region="us-east-1",
            docs_url="http://127.0.0.1:8502",
        )

    def users(self) -> Sequence[str]:
        self._must_run()
        return sorted(self.world.shoppers, key=lambda user: (not user.startswith("USER"), user))

    def serving(self, user_id: str) -> Serving:
        self._must_run()
        served = self._recommend(user_id)
        trending = self.engagement.trending(self._now(), MAX_TRENDING)
        events = self.activity.events_of(user_id, 25)
        shopper = self.activity.get_shopper(user_id)
        cost = ReadCost(calls=3, items=14, rcu_halves=17, took_ms=4.2)
        return Serving(self._now(), served, shopper, trending, events, dict(self.world.offers), cost)

    def pivots(self) -> Pivots:
        self._must_run()
        recent = MemoryPivotLog(self.world).pivots(self._now() - 604_800, 500)
        return Pivots(self._now(), recent, dict(self.world.offers))

    def trends(self) -> Trends:
        self._must_run()
        points = self.world.trend.at(self.clock.now_ms()).points
        ranked = dict(sorted(points.items(), key=lambda item: (-item[1], item[0])))
        self.seen.forget_before(self._now())
        return Trends(self._now(), ranked, self.engagement.trending(self._now(), MAX_TRENDING), self.seen)

    def experiments(self) -> Sequence[ExperimentView]:
        self._must_run()
        return [
            ExperimentView(
                experiment,
                experiment_result(experiment.experiment_id, store=self.tests, engagement=self.engagement),
            )
            for experiment in self.tests.experiments()
        ]

    def orders(self) -> Orders:
        self._must_run()
        newest = sorted(self.world.orders.values(), key=lambda order: -order.placed_at_ms)
        waiting = [order for order in newest if order.status in IN_PROGRESS]
        return Orders(
            self.clock.now_ms(),
            [OrderStory(order, self.world.transitions[order.order_id]) for order in newest[:NEWEST_ORDERS]],
            is_cut=len(newest) > NEWEST_ORDERS,
            in_progress=len(waiting),
            waiting=sorted(waiting, key=lambda order: order.updated_at_ms)[:WAITING_SHOWN],
            oldest_placed_at_ms=waiting[-1].placed_at_ms if waiting else None,
        )

    def order(self, order_id: str) -> OrderDetails | None:
        self._must_run()
        if order_id not in self.world.orders:
            return None
        about = sorted(
            (notice for notice in self.world.notices.values() if notice.order_id == order_id),
            key=lambda notice: notice.at_ms,
        )
        return OrderDetails(self.world.orders[order_id], self.world.transitions[order_id], about)

    def notices(self) -> Notices:
        self._must_run()
        newest = MemoryNoticeLog(self.world).latest(NEWEST_NOTICES)
        return Notices(self.clock.now_ms(), newest, len(newest) == NEWEST_NOTICES)

    def pools(self) -> Pools:
        self._must_run()
        codes, now_ms = self.giveaway.codes, self.clock.now_ms()
        views = []
        for pool in codes.pools():
            level = codes.level(pool.pool_id)
            runs = self.giveaway.runs.history(pool.pool_id, NEWEST_RUNS)
            views.append(PoolView(pool, level, runs, (*codes.trail(pool.pool_id), sample_of(level, now_ms))))
        return Pools(now_ms, views)

    def failure_picture(self, name: str) -> bytes | None:
        self._must_run()
        file = self.giveaway.files.read(name)
        return None if file is None else file.content

    def rewards(self) -> Rewards:
        self._must_run()
        fortnight = self.fortnight
        reads = RewardReads(fortnight.files, fortnight.totals, MemoryNewestEntries(self.world), UTC, "EUR")
        return reads.rewards(self.clock.now_ms())

    def health(self) -> Health:
        self._must_run()
        tracked = [(self._now() - 60 * minute, 14.0 + minute * 7 % 11) for minute in range(20, 0, -1)]
        return Health(
            offers=len(self.world.offers),
            available=self.world.available,
            open_pivots=len(self.pivots().open),
            outbox_waiting=len(self.world.outbox),
            dead_letters={"StreamFailures": 0},
            metrics=[MetricSeries("EventsTracked", "a minute", tracked)] if self.seen.counts else [],
        )

    def audit(self) -> Sequence[InvariantResult]:
        self._must_run()
        results = [InvariantResult(law.name, checked=len(self.world.offers)) for law in INVARIANTS]
        if self.breach:
            results[0] = InvariantResult(INVARIANTS[0].name, 5, (Breach("OFF002", "stock is -1"),))
        return results

    def _recommend(self, user_id: str):
        lists = MemoryRankedLists(self.world)
        contexts = MemoryContextReader(self.world)
        return recommend(user_id, contexts=contexts, lists=lists, offers=lists, clock=self.clock)

    def _now(self) -> int:
        return self.clock.now_ms() // 1_000

    def _must_run(self) -> None:
        if self.down:
            raise Unreachable("The system at http://127.0.0.1:4566 does not answer. `make up` starts it.")
