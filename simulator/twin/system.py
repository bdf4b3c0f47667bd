"""The deployed system in memory: the use cases on the memory adapters, wired as the handlers wire them.

Each method is what one function does with one call or one batch. What a call writes, the tables' streams
deliver: `deliveries` is told after every call that may have written.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from offerloop.bonuses.ports import Report as BonusReport
from offerloop.bonuses.ports import nobody
from offerloop.clock import Clock, now_s
from offerloop.codes.model import Level, SupplierKind
from offerloop.codes.ports import CodeSupplier
from offerloop.codes.watch_pools import RunReport
from offerloop.offers.choose_pivot import Report
from offerloop.offers.count_engagement import count_engagement
from offerloop.offers.engagement_messages import announced_event
from offerloop.offers.experiments import Experiment, ExperimentStatus
from offerloop.offers.expire_offers import expire_offers
from offerloop.offers.manage_offers import create_offer, restock_offer
from offerloop.offers.model import EventType, Offer, OfferChange
from offerloop.offers.recommend import Recommendation, recommend
from offerloop.offers.run_experiments import prepare_experiment, start_experiment
from offerloop.offers.scoring import Weights
from offerloop.offers.track_event import TrackEvent, track_event
from offerloop.offers.watch_inventory import watch_inventory
from offerloop.orders.model import Order
from offerloop.orders.ports import OrderStep
from offerloop.outbox import Message, Topic, publish, relay
from offerloop.standins.payments import Behaviour
from simulator.memory.activity import MemoryActivityStore, MemoryOutbox
from simulator.memory.administration import MemoryExperimentStore, MemoryOfferStore
from simulator.memory.code_system import CodeSystem
from simulator.memory.engagement import MemoryEngagementStore
from simulator.memory.ids import SeededIds
from simulator.memory.inventory import MemoryInventoryStore
from simulator.memory.order_system import FOLLOW_UPS, OrderStores, OrderSystem
from simulator.memory.payments import MemoryGateway
from simulator.memory.serving import MemoryContextReader
from simulator.memory.world import MemoryWorld


class Deliveries(Protocol):
    """The streams behind the system."""

    def offers_changed(self, changes: Sequence[OfferChange]) -> None:
        """Records of the `Offers` stream."""

    def messages_written(self, messages: Sequence[Message]) -> None:
        """New rows of the outbox, on the tables' streams."""

    def orders_ended(self, orders: Sequence[Order]) -> None:
        """Records of the `Orders` stream, of orders that ended or of which something was given back."""

    def engagement_sent(self, messages: Sequence[Message]) -> None:
        """Records put on the engagement stream."""

    def pools_changed(self, pool_ids: Sequence[str]) -> None:
        """Pools of the records of the `Codes` stream, of free codes that came and went."""

    def work_sent(self, messages: Sequence[Message]) -> None:
        """Messages put in the queue of the order processor."""

    def follow_ups_sent(self, messages: Sequence[Message]) -> None:
        """Messages put in the queue of what follows from orders."""

    def runs_sent(self, messages: Sequence[Message]) -> None:
        """Messages put in the queue of replenishment runs."""


class _Nowhere:
    """`Deliveries` of a system without streams."""

    def offers_changed(self, changes: Sequence[OfferChange]) -> None:
        """Nobody listens."""

    def messages_written(self, messages: Sequence[Message]) -> None:
        """Nobody listens."""

    def orders_ended(self, orders: Sequence[Order]) -> None:
        """Nobody listens."""

    def engagement_sent(self, messages: Sequence[Message]) -> None:
        """Nobody listens."""

    def pools_changed(self, pool_ids: Sequence[str]) -> None:
        """Nobody listens."""

    def work_sent(self, messages: Sequence[Message]) -> None:
        """Nobody listens."""

    def follow_ups_sent(self, messages: Sequence[Message]) -> None:
        """Nobody listens."""

    def runs_sent(self, messages: Sequence[Message]) -> None:
        """Nobody listens."""


class System:
    """One deployment.

    Args:
        weights: of users outside of an experiment.
        boost: priority points that a pivot gives.
        report: told of each step of a pivot.
    Attributes:
        orders: the part that takes orders; codes: the one that gives out promo codes; None = this
            deployment has none.
    """

    def __init__(self, clock: Clock, *, weights: Weights, boost: int, report: Report) -> None:
        self.world = MemoryWorld(clock, weights=weights)
        self.clock, self._boost, self._report = clock, boost, report
        self._ids = SeededIds()
        self._contexts = MemoryContextReader(self.world)
        self._inventory = MemoryInventoryStore(self.world)
        self._activity = MemoryActivityStore(self.world)
        self._engagement = MemoryEngagementStore(self.world)
        self._outbox = MemoryOutbox(self.world)
        self.offers = MemoryOfferStore(self.world)
        self.experiments = MemoryExperimentStore(self.world)
        self.deliveries: Deliveries = _Nowhere()
        self.orders: OrderSystem | None = None
        self.codes: CodeSystem | None = None

    def take_orders(
        self,
        payments: Behaviour,
        report: Callable[[OrderStep], None],
        redeemed: Callable[[str, str, int], None],
        booked: BonusReport = nobody,
    ) -> OrderSystem:
        """Open the till: from now on there are products and orders.

        Args:
            report: told of each transition of an order.
            redeemed: told of redemptions that completed orders led to: user, offer, how many.
            booked: told of what was written about the points of an order that ended.
        """
        self.orders = OrderSystem(
            OrderStores.of(self.world, MemoryGateway(payments)),
            self.clock,
            self._ids,
            transport=self,
            written=self._deliver,
            report=report,
            redeemed=redeemed,
            booked=booked,
        )
        return self.orders

    def give_out_codes(
        self,
        suppliers: Mapping[SupplierKind, CodeSupplier],
        report: RunReport,
        levels: Callable[[str, Level], None],
    ) -> CodeSystem:
        """Open the pools: from now on there are promo codes.

        Args:
            report: told of each step of a replenishment run.
            levels: told of a pool's level whenever it may have changed.
        """
        self.codes = CodeSystem(
            self.world,
            self.clock,
            self._ids,
            suppliers=suppliers,
            written=self._deliver,
            report=report,
            levels=levels,
        )
        return self.codes

    # -- the API's functions ---------------------------------------------------------------------------

    def recommend(self, user_id: str) -> Recommendation:
        """offer-get-offers."""
        inventory = self._inventory
        return recommend(
            user_id, contexts=self._contexts, lists=inventory, offers=inventory, clock=self.clock
        )

    def track(self, user_id: str, offer_id: str, category: str, event_type: EventType) -> None:
        """offer-track-event.

        Raises:
            Refusal: see `track_event`.
        """
        command = TrackEvent(user_id, offer_id, category, event_type)
        track_event(command, store=self._activity, clock=self.clock, ids=self._ids)
        self._deliver()

    def create(self, offer: Offer) -> None:
        create_offer(offer, store=self.offers, clock=self.clock)
        self._deliver()

    def restock(self, offer_id: str, units: int) -> None:
        restock_offer(offer_id, units, store=self.offers, clock=self.clock)
        self._deliver()

    def overwrite(self, offer: Offer) -> None:
        """What somebody does in the table itself, past the API: the monitor books it as adjusted."""
        self.world.put_offer(offer)
        self._deliver()

    def run_experiment(self, draft: Experiment) -> None:
        """Create and start an experiment, and let its rankings be built to the end."""
        self.experiments.create_experiment(draft)
        started = start_experiment(draft.experiment_id, store=self.experiments, clock=self.clock)
        while started.status is ExperimentStatus.PREPARING:
            started = prepare_experiment(
                draft.experiment_id, store=self.experiments, offers=self.offers, inventory=self._inventory
            )

    # -- consumers of streams --------------------------------------------------------------------------

    def watch(self, changes: Sequence[OfferChange]) -> None:
        """offer-inventory-monitor."""
        watch_inventory(
            changes, store=self._inventory, now=now_s(self.clock), report=self._report, boost=self._boost
        )
        self._deliver()

    def publish(self, messages: Sequence[Message]) -> None:
        """offer-publish-events; the transport takes every message."""
        publish(messages, transport=self, outbox=self._outbox)

    def count(self, messages: Sequence[Message]) -> None:
        """offer-update-trending."""
        events = [announced_event(message.body) for message in messages]
        count_engagement(events, store=self._engagement, now=now_s(self.clock))

    def send(self, messages: Sequence[Message]) -> frozenset[str]:
        """`Transport`: engagement goes on to its stream, orders and runs to their queues; alerts reach
        people, who do nothing here."""
        engagement = [message for message in messages if message.topic is Topic.ENGAGEMENT]
        if engagement:
            self.deliveries.engagement_sent(engagement)
        if len(engagement) < len(messages):
            self.deliveries.work_sent([m for m in messages if m.topic is Topic.ORDER_WORK])
            self.deliveries.follow_ups_sent([m for m in messages if m.topic in FOLLOW_UPS])
            if self.codes is not None:
                self.deliveries.runs_sent([m for m in messages if m.topic is Topic.REPLENISHMENT])
        return frozenset([message.message_id for message in messages])

    # -- minute rules ----------------------------------------------------------------------------------

    def expire(self) -> list[str]:
        """offer-expire-offers; returns the ids of the offers that ended."""
        expired = expire_offers(store=self.offers, now=now_s(self.clock))
        self._deliver()
        return expired

    def relay(self) -> int:
        """offer-relay-events; returns how many messages were sent again."""
        return relay(now_ms=self.clock.now_ms(), transport=self, outbox=self._outbox)

    def forget(self, before_ms: int) -> None:
        """What TTL does: drop events from before this time."""
        self.world.forget(before_ms)

    def _deliver(self) -> None:
        """Hand what was written to the streams."""
        world, deliveries = self.world, self.deliveries
        if world.messages:
            deliveries.messages_written(world.drain_messages())
        if world.changes:
            deliveries.offers_changed(world.drain_changes())
        if world.ended_orders:
            deliveries.orders_ended(world.drain_ended_orders())
        if world.pools_touched:
            deliveries.pools_changed(world.drain_pools())
