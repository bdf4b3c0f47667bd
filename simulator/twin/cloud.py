"""The streams behind the system, each with its consumer and its weather."""

from collections.abc import Sequence

import simpy

from offerloop.offers.model import OfferChange
from offerloop.outbox import Message
from simulator.scenario.model import Weather
from simulator.shoppers.streams import Streams
from simulator.twin.event_source import EventSource
from simulator.twin.functions import Environments
from simulator.twin.system import System
from simulator.twin.tally import TwinTally


class Cloud:
    """`Deliveries` of a system: offers to the monitor, outbox to the publisher, engagement to the counter."""

    def __init__(
        self,
        env: simpy.Environment,
        system: System,
        weather: Weather,
        streams: Streams,
        tally: TwinTally,
        environments: Environments | None,
    ) -> None:
        self._system, self._tally = system, tally
        self._offers: EventSource[OfferChange] = EventSource(
            env,
            "offer-inventory-monitor",
            lambda change: change.offer_id,
            self._watch,
            weather.offers_stream,
            streams,
            tally,
            environments,
        )
        self._outbox: EventSource[Message] = EventSource(
            env,
            "offer-publish-events",
            lambda message: message.partition_key,
            self._publish,
            weather.outbox_stream,
            streams,
            tally,
            environments,
        )
        self._engagement: EventSource[Message] = EventSource(
            env,
            "offer-update-trending",
            lambda message: message.partition_key,
            self._count,
            weather.engagement_stream,
            streams,
            tally,
            environments,
        )
        self.offers_changed = self._offers.put
        self.messages_written = self._outbox.put
        self.engagement_sent = self._engagement.put

    def settle(self) -> None:
        """Deliver everything that is under way, and what follows from it, now and in good weather."""
        while any([self._offers.settle(), self._outbox.settle(), self._engagement.settle()]):
            pass

    def _watch(self, changes: Sequence[OfferChange]) -> None:
        self._tally.hour.calls_watch += 1
        self._system.watch(changes)

    def _publish(self, messages: Sequence[Message]) -> None:
        self._tally.hour.calls_publish += 1
        self._system.publish(messages)

    def _count(self, messages: Sequence[Message]) -> None:
        self._tally.hour.calls_count += 1
        self._system.count(messages)
