"""The streams behind the system, each with its consumer and its weather."""

from collections.abc import Callable, Sequence
from operator import attrgetter

import simpy

from offerloop.offers.model import OfferChange
from offerloop.orders.model import Order
from offerloop.outbox import Message
from simulator.scenario.model import Deliveries, Orders, Weather
from simulator.shoppers.streams import Streams
from simulator.twin.event_source import EventSource, Record
from simulator.twin.functions import Environments
from simulator.twin.order_queues import OrderQueues
from simulator.twin.pool import TwinSupplier
from simulator.twin.replenishment import Replenishment
from simulator.twin.summary import Counts
from simulator.twin.system import System


class Cloud:
    """`Deliveries` of a system: offers to the monitor, outbox to the publisher, engagement to the counter,
    orders to their processor, free codes to the watcher of pools and runs to the supplier.

    Args:
        orders: None = the system takes none.
        supplier: of promo codes; None = nobody is asked for any.
    """

    def __init__(
        self,
        env: simpy.Environment,
        system: System,
        weather: Weather,
        streams: Streams,
        environments: Environments | None,
        orders: Orders | None = None,
        supplier: TwinSupplier | None = None,
    ) -> None:
        def source(
            function: str,
            key: Callable[[Record], str],
            handle: Callable[[Sequence[Record]], None],
            section: Deliveries | None,
        ) -> EventSource[Record]:
            return EventSource(env, function, key, handle, section, streams, environments)

        self._offers: EventSource[OfferChange] = source(
            "offer-inventory-monitor", attrgetter("offer_id"), system.watch, weather.offers_stream
        )
        self._outbox: EventSource[Message] = source(
            "offer-publish-events", attrgetter("partition_key"), system.publish, weather.outbox_stream
        )
        self._engagement: EventSource[Message] = source(
            "offer-update-trending", attrgetter("partition_key"), system.count, weather.engagement_stream
        )
        self.offers_changed = self._offers.put
        self.messages_written = self._outbox.put
        self.engagement_sent = self._engagement.put
        self._orders: OrderQueues | None = None
        self._accruals: EventSource[Order] | None = None
        if system.orders is not None and orders is not None:
            self._orders = OrderQueues(env, system.orders, orders, streams)
            self._accruals = source(
                "bonus-accruals",
                attrgetter("order_id"),
                system.orders.settle_rewards,
                weather.outbox_stream,
            )
        self._pools: EventSource[str] | None = None
        self._runs: Replenishment | None = None
        if system.codes is not None:
            self._pools = source("code-pool-watcher", str, system.codes.watch, weather.outbox_stream)
            if supplier is not None:
                self._runs = Replenishment(env, system.codes, supplier, streams)

    def orders_ended(self, orders: Sequence[Order]) -> None:
        if self._accruals is not None:
            self._accruals.put(orders)

    def pools_changed(self, pool_ids: Sequence[str]) -> None:
        if self._pools is not None:
            self._pools.put(pool_ids)

    def work_sent(self, messages: Sequence[Message]) -> None:
        if self._orders is not None:
            self._orders.work_sent(messages)

    def follow_ups_sent(self, messages: Sequence[Message]) -> None:
        if self._orders is not None:
            self._orders.follow_ups_sent(messages)

    def runs_sent(self, messages: Sequence[Message]) -> None:
        if self._runs is not None:
            self._runs.sent(messages)

    def settle(self) -> None:
        """Deliver everything that is under way, and what follows from it, now and in good weather."""
        settled = True
        while settled:
            settled = any([self._offers.settle(), self._outbox.settle(), self._engagement.settle()])
            if self._orders is not None:
                settled = self._orders.settle() or settled
            if self._accruals is not None:
                settled = self._accruals.settle() or settled
            if self._pools is not None:
                settled = self._pools.settle() or settled
            if self._runs is not None:
                settled = self._runs.settle() or settled

    def take_counts(self) -> Counts:
        """What happened to deliveries since the last call."""
        total = Counts()
        for source, calls in (
            (self._offers, "calls_watch"),
            (self._outbox, "calls_publish"),
            (self._engagement, "calls_count"),
            (self._accruals, "calls_accrue"),
            (self._pools, "calls_rewards"),
        ):
            if source is not None:
                setattr(source.counts, calls, source.counts.batches)  # one call a batch
                total.add(source.counts)
                source.counts = Counts()
        if self._orders is not None:
            total.add(self._orders.counts)
            self._orders.counts = Counts()
        if self._runs is not None:
            total.add(self._runs.counts)
            self._runs.counts = Counts()
        return total
