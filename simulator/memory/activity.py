"""Shoppers, events, answered requests, outbox and limiter, in memory."""

import heapq
from collections.abc import Sequence
from dataclasses import replace

from offerloop.idempotency import AnsweredRequest, Stale
from offerloop.offers.model import EngagementEvent, Shopper
from offerloop.offers.ports import AlreadyRecorded, StaleVisit, TrackedEvent, Visit
from offerloop.offers.track_event import check_redeemable
from offerloop.outbox import Message
from offerloop.rate_limit import Allowance
from simulator.memory.world import MemoryWorld


class MemoryIdempotencyStore:
    """`IdempotencyStore`."""

    def __init__(self, world: MemoryWorld) -> None:
        self._world = world

    def find(self, scope: str, key: str) -> AnsweredRequest | None:
        return self._world.answers.get((scope, key))

    def remember_answer(self, answered: AnsweredRequest | None, now: int) -> None:
        if self._is_answered(answered, now):
            raise Stale
        self._remember(answered)

    def _is_answered(self, answered: AnsweredRequest | None, now: int) -> bool:
        if answered is None:
            return False
        found = self.find(answered.request.scope, answered.request.key)
        return found is not None and found.expires_at > now

    def _remember(self, answered: AnsweredRequest | None) -> None:
        if answered is not None:
            self._world.answers[answered.request.scope, answered.request.key] = answered


class MemoryActivityStore(MemoryIdempotencyStore):
    """`ActivityStore`."""

    def visit(self, user_id: str, offer_id: str) -> Visit:
        world = self._world
        return Visit(
            world.shoppers.get(user_id) or Shopper(user_id),
            world.offers.get(offer_id),
            world.redemptions.get((user_id, offer_id), 0),
            world.live(),
        )

    def record(self, tracked: TrackedEvent) -> None:
        world, event = self._world, tracked.event
        if event.event_id in world.events:
            raise AlreadyRecorded
        stored = world.shoppers.get(event.user_id)
        version = 0 if stored is None else stored.version
        if version != tracked.shopper_before.version or self._is_answered(tracked.answered, tracked.now):
            raise StaleVisit
        if tracked.takes_unit:
            self._take_unit(tracked)
        world.shoppers[event.user_id] = tracked.shopper_after
        world.events[event.event_id] = event
        world.put_message(tracked.message)
        self._remember(tracked.answered)

    def _take_unit(self, tracked: TrackedEvent) -> None:
        world, user_offer = self._world, (tracked.event.user_id, tracked.event.offer_id)
        offer = world.offers.get(tracked.event.offer_id)
        if offer is None:
            raise StaleVisit
        redeemed = world.redemptions.get(user_offer, 0)
        check_redeemable(offer, redeemed, tracked.redemption_limit, tracked.now)
        world.redemptions[user_offer] = redeemed + 1
        world.put_offer(
            replace(
                offer,
                inventory_count=offer.inventory_count - 1,
                redeemed_count=offer.redeemed_count + 1,
            )
        )

    def get_shopper(self, user_id: str) -> Shopper | None:
        return self._world.shoppers.get(user_id)

    def put_shopper(self, shopper: Shopper) -> None:
        stored = self._world.shoppers.get(shopper.user_id)
        version = 1 if stored is None else stored.version + 1
        self._world.shoppers[shopper.user_id] = replace(shopper, version=version)

    def events_of(self, user_id: str, limit: int) -> Sequence[EngagementEvent]:
        events = (event for event in self._world.events.values() if event.user_id == user_id)
        return heapq.nlargest(limit, events, key=lambda event: (event.occurred_at_ms, event.event_id))


class MemoryOutbox:
    """`Outbox`."""

    def __init__(self, world: MemoryWorld) -> None:
        self._world = world

    def overdue(self, written_before_ms: int, limit: int) -> Sequence[Message]:
        waiting = (m for m in self._world.outbox.values() if m.written_at_ms < written_before_ms)
        return heapq.nsmallest(limit, waiting, key=lambda message: message.written_at_ms)

    def mark_sent(self, messages: Sequence[Message]) -> None:
        for message in messages:
            self._world.outbox.pop(message.message_id, None)


class MemoryRateCounter:
    """`RateCounter`."""

    def __init__(self, world: MemoryWorld) -> None:
        self._world = world

    def take(self, allowance: Allowance, window: int, ends_at: int) -> bool:
        hits = self._world.hits.get((allowance.subject, window), 0)
        if hits >= allowance.limit:
            return False
        self._world.hits[allowance.subject, window] = hits + 1
        return True

    def give_back(self, allowance: Allowance, window: int) -> None:
        self._world.hits[allowance.subject, window] -= 1
