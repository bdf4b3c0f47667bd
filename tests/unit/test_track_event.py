"""Tracking an event: what it changes about the shopper, and what is refused."""

from dataclasses import replace

import pytest

from offerloop.errors import (
    AlreadyRedeemed,
    Busy,
    CategoryMismatch,
    IdempotencyKeyReused,
    OfferHasExpired,
    OfferNotActive,
    OutOfStock,
    UnknownOffer,
)
from offerloop.idempotency import IdempotentRequest
from offerloop.offers.experiments import ExperimentStatus
from offerloop.offers.model import Affinity, EventType, OfferStatus, Shopper
from offerloop.offers.ports import StaleVisit
from offerloop.offers.relevance import KEPT_AFFINITIES
from offerloop.offers.track_event import (
    DISMISSED_FOR_S,
    KEPT_SKIPS,
    MAX_DECISIONS,
    NEVER_AGAIN,
    TrackEvent,
    track_event,
)
from simulator.memory.activity import MemoryActivityStore
from simulator.memory.ids import SeededIds
from simulator.memory.world import MemoryWorld
from tests.factories import NOON, FixedClock, an_experiment, an_offer


class Shop:
    """A memory world in which ann acts."""

    def __init__(self) -> None:
        self.clock, self.ids = FixedClock(), SeededIds()
        self.world = MemoryWorld(self.clock)
        self.store = MemoryActivityStore(self.world)
        self.world.put_offer(an_offer())

    def track(self, event_type: EventType, offer_id: str = "OFF001", **command):
        request = command.pop("request", None)
        command = {"user_id": "ann", "category": "electronics"} | command
        return track_event(
            TrackEvent(offer_id=offer_id, event_type=event_type, **command),
            store=self.store,
            clock=self.clock,
            ids=self.ids,
            request=request,
        )

    @property
    def ann(self) -> Shopper:
        return self.world.shoppers["ann"]

    def stored(self) -> tuple[object, ...]:
        world = self.world
        return (
            dict(world.offers),
            dict(world.shoppers),
            dict(world.events),
            dict(world.outbox),
            dict(world.answers),
        )


@pytest.fixture
def shop() -> Shop:
    return Shop()


def test_an_event_is_answered_stored_and_announced_under_one_id(shop):
    answer = shop.track(EventType.VIEW)

    [event], [message] = shop.world.events.values(), shop.world.outbox.values()
    assert answer == {"message": "Event tracked successfully", "event_id": event.event_id}
    assert message.message_id == message.body["event_id"] == event.event_id
    assert message.partition_key == "ann"


def test_engagement_teaches_affinity_and_adds_points(shop):
    for event_type in (EventType.VIEW, EventType.CLICK, EventType.ADD_TO_CART, EventType.DISMISS):
        shop.track(event_type)

    assert shop.ann.affinities == {"electronics": Affinity(1 + 3 + 5 - 5, NOON)}
    assert shop.ann.engagement_points == 1 + 3 + 5
    assert shop.ann.version == 4


def test_a_dismissed_offer_is_skipped_for_a_week(shop):
    shop.track(EventType.DISMISS)

    assert shop.ann.skips == {"OFF001": NOON + DISMISSED_FOR_S}


@pytest.mark.parametrize(("expires_at", "until"), [(None, NEVER_AGAIN), (NOON + 60, NOON + 60)])
def test_an_offer_that_is_used_up_is_skipped_until_its_end(shop, expires_at, until):
    shop.world.put_offer(an_offer(expires_at=expires_at, redemptions_per_user=2))

    shop.track(EventType.REDEMPTION)
    after_one = dict(shop.ann.skips)
    shop.track(EventType.REDEMPTION)

    assert (after_one, shop.ann.skips) == ({}, {"OFF001": until})


def test_a_redemption_takes_one_unit(shop):
    shop.track(EventType.REDEMPTION)

    offer = shop.world.offers["OFF001"]
    assert (offer.inventory_count, offer.redeemed_count) == (9, 1)


@pytest.mark.parametrize(
    ("offer", "refusal"),
    [
        (an_offer(inventory_count=0), OutOfStock),
        (an_offer(status=OfferStatus.PAUSED), OfferNotActive),
        (an_offer(status=OfferStatus.EXPIRED), OfferHasExpired),
        (an_offer(expires_at=NOON), OfferHasExpired),
    ],
)
def test_a_redemption_that_cannot_be_stores_nothing(shop, offer, refusal):
    shop.world.put_offer(offer)
    before = shop.stored()

    with pytest.raises(refusal):
        shop.track(EventType.REDEMPTION)

    assert shop.stored() == before


def test_an_offer_that_cannot_be_redeemed_can_still_be_viewed(shop):
    shop.world.put_offer(an_offer(inventory_count=0, status=OfferStatus.PAUSED))

    shop.track(EventType.VIEW)

    assert len(shop.world.events) == 1


def test_a_second_redemption_by_the_same_user_is_refused(shop):
    shop.track(EventType.REDEMPTION)

    with pytest.raises(AlreadyRedeemed):
        shop.track(EventType.REDEMPTION)

    assert shop.world.offers["OFF001"].redeemed_count == 1


def test_unknown_offers_and_wrong_categories_store_nothing(shop):
    before = shop.stored()

    with pytest.raises(UnknownOffer):
        shop.track(EventType.VIEW, "OFF404")
    with pytest.raises(CategoryMismatch):
        shop.track(EventType.VIEW, category="fashion")

    assert shop.stored() == before


def test_the_same_key_gives_the_same_answer_and_one_effect(shop):
    request = IdempotentRequest.of("shop", "k1", b"body")

    answers = [shop.track(EventType.REDEMPTION, request=request) for _ in range(3)]

    assert answers[0] == answers[1] == answers[2]
    assert shop.world.offers["OFF001"].redeemed_count == 1
    with pytest.raises(IdempotencyKeyReused):
        shop.track(EventType.REDEMPTION, request=replace(request, fingerprint="other"))


def test_a_twin_that_comes_between_reading_and_writing_wins(shop):
    """Both requests found nothing remembered; the second to write must give the first one's answer."""
    request = IdempotentRequest.of("shop", "k1", b"body")
    read, first = shop.store.visit, []

    def overtaken(user_id, offer_id):
        visit = read(user_id, offer_id)
        if not first:
            shop.store.visit = read
            first.append(shop.track(EventType.REDEMPTION, request=request))
        return visit

    shop.store.visit = overtaken

    second = shop.track(EventType.REDEMPTION, request=request)

    assert second == first[0]
    assert shop.world.offers["OFF001"].redeemed_count == 1


def test_a_user_who_keeps_acting_elsewhere_is_asked_to_try_again(shop):
    tries = []

    def stale(tracked):
        tries.append(tracked)
        raise StaleVisit

    shop.store.record = stale

    with pytest.raises(Busy):
        shop.track(EventType.VIEW)
    assert len(tries) == MAX_DECISIONS


def test_exposure_and_conversion_count_once_per_user_and_experiment(shop):
    shop.world.experiments["exp-1"] = an_experiment(status=ExperimentStatus.RUNNING)
    shop.world.live_experiment = "exp-1"
    shop.world.put_offer(an_offer(redemptions_per_user=0))

    for event_type in (EventType.VIEW, EventType.CLICK, EventType.REDEMPTION, EventType.REDEMPTION):
        shop.track(event_type)

    events = shop.world.events.values()
    assert [event.first_exposure for event in events] == [True, False, False, False]
    assert [event.first_conversion for event in events] == [False, False, True, False]
    assert {event.experiment_id for event in events} == {"exp-1"}
    assert (shop.ann.exposed_in, shop.ann.converted_in) == ("exp-1", "exp-1")


def test_a_profile_stays_small_however_much_a_user_does(shop):
    for number in range(KEPT_SKIPS + 20):
        offer_id, category = f"OFF{number}", f"category-{number % 60}"
        shop.world.put_offer(an_offer(offer_id, category=category))
        shop.track(EventType.DISMISS, offer_id, category=category)
        shop.track(EventType.CLICK, offer_id, category=category)
        shop.clock.move_on(1)

    assert (len(shop.ann.skips), len(shop.ann.affinities)) == (KEPT_SKIPS, KEPT_AFFINITIES)
    assert "OFF0" not in shop.ann.skips
    assert f"OFF{KEPT_SKIPS + 19}" in shop.ann.skips
