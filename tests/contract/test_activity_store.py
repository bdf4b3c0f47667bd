"""`ActivityStore`: an event with all its effects, or nothing."""

from dataclasses import replace

import pytest

from offerloop.errors import AlreadyRedeemed, OfferHasExpired, OfferNotActive, OutOfStock
from offerloop.offers.model import Affinity, EventType, OfferStatus, Shopper
from offerloop.offers.ports import AlreadyRecorded, StaleVisit, Visit
from offerloop.offers.track_event import NEVER_AGAIN
from tests.contract.conftest import Stores
from tests.factories import NOON, NOON_MS, a_tracked, an_answered, an_event, an_experiment, an_offer

REDEMPTION = EventType.REDEMPTION


def everything(stores: Stores, user_id: str = "ann", offer_id: str = "OFF001") -> tuple[object, ...]:
    """All that recording an event may change."""
    return (
        stores.activity.visit(user_id, offer_id),
        stores.activity.events_of(user_id, 10),
        stores.outbox.overdue(2**43, 100),
        stores.activity.find("shop:POST /x", "k1"),
    )


def test_a_first_visit_knows_nothing_of_the_user(stores):
    assert stores.activity.visit("ann", "OFF001") == Visit(Shopper("ann"), None, 0, None)


def test_a_visit_reads_user_offer_redemptions_and_experiment(stores):
    offer, experiment = an_offer(), an_experiment()
    stores.put_offer(offer)
    stores.experiments.create_experiment(experiment)
    event = an_event(event_type=REDEMPTION)
    stores.activity.record(a_tracked(event))

    visit = stores.activity.visit("ann", "OFF001")

    sold = replace(offer, inventory_count=9, redeemed_count=1)
    assert visit == Visit(Shopper("ann", version=1), sold, 1, None)


def test_an_event_is_stored_with_its_message_profile_and_answer(stores):
    stores.put_offer(an_offer())
    event = an_event(experiment_id="exp-1", variant="urgent", first_exposure=True)
    answered = an_answered()
    tracked = a_tracked(event, answered=answered)

    stores.activity.record(tracked)

    visit, events, messages, found = everything(stores)
    assert (visit.shopper, events, messages) == (tracked.shopper_after, [event], [tracked.message])
    assert found == answered


def test_a_profile_comes_back_as_it_was_stored(stores):
    shopper = Shopper(
        "ann",
        segment="premium",
        preferences=("electronics", "café & 🎁"),
        affinities={"fashion": Affinity(12.345678901234567, NOON)},
        skips={"OFF009": NEVER_AGAIN, "OFF008": NOON},
        exposed_in="exp-1",
        converted_in=None,
        engagement_points=17,
        version=1,
    )
    stores.put_offer(an_offer())
    stores.activity.record(a_tracked(an_event(), shopper_after=shopper))

    assert stores.activity.get_shopper("ann") == shopper


def test_a_put_profile_replaces_all_but_grows_its_version(stores):
    stores.activity.put_shopper(Shopper("ann", segment="premium", exposed_in="exp-1", engagement_points=3))
    stores.activity.put_shopper(Shopper("ann", preferences=("fashion",)))

    assert stores.activity.get_shopper("ann") == Shopper("ann", preferences=("fashion",), version=2)


def test_an_event_decided_before_the_profile_was_put_is_stale(stores):
    stores.put_offer(an_offer())
    stores.activity.put_shopper(Shopper("ann"))

    with pytest.raises(StaleVisit):
        stores.activity.record(a_tracked(an_event()))


def test_an_event_on_an_outdated_profile_stores_nothing(stores):
    stores.put_offer(an_offer())
    stores.activity.record(a_tracked(an_event("first")))
    before = everything(stores)

    with pytest.raises(StaleVisit):
        stores.activity.record(a_tracked(an_event("second", event_type=REDEMPTION), answered=an_answered()))

    assert everything(stores) == before


@pytest.mark.parametrize(
    ("offer", "refusal"),
    [
        (an_offer(inventory_count=0), OutOfStock),
        (an_offer(status=OfferStatus.PAUSED), OfferNotActive),
        (an_offer(status=OfferStatus.PAUSED, inventory_count=0), OfferNotActive),
        (an_offer(status=OfferStatus.EXPIRED), OfferHasExpired),
        (an_offer(expires_at=NOON), OfferHasExpired),
        (an_offer(expires_at=NOON, status=OfferStatus.PAUSED, inventory_count=0), OfferHasExpired),
    ],
)
def test_a_refused_redemption_stores_nothing(stores, offer, refusal):
    stores.put_offer(offer)
    before = everything(stores)

    with pytest.raises(refusal):
        stores.activity.record(a_tracked(an_event(event_type=REDEMPTION), answered=an_answered()))

    assert everything(stores) == before


def test_an_offer_can_be_redeemed_until_the_second_before_its_end(stores):
    stores.put_offer(an_offer(expires_at=NOON + 1))

    stores.activity.record(a_tracked(an_event(event_type=REDEMPTION)))

    assert stores.offers.get("OFF001").inventory_count == 9


def test_a_redemption_beyond_the_users_limit_stores_nothing(stores):
    stores.put_offer(an_offer())
    first = a_tracked(an_event("first", event_type=REDEMPTION), redemption_limit=2)
    second = a_tracked(
        an_event("second", event_type=REDEMPTION), shopper_before=first.shopper_after, redemption_limit=2
    )
    stores.activity.record(first)
    stores.activity.record(second)
    before = everything(stores)

    with pytest.raises(AlreadyRedeemed):
        stores.activity.record(
            a_tracked(
                an_event("third", event_type=REDEMPTION),
                shopper_before=second.shopper_after,
                redemption_limit=2,
            )
        )

    assert everything(stores) == before


def test_without_a_limit_a_user_may_redeem_while_there_is_stock(stores):
    stores.put_offer(an_offer(inventory_count=2))
    shopper = Shopper("ann")
    for name in ("first", "second"):
        tracked = a_tracked(an_event(name, event_type=REDEMPTION), shopper_before=shopper, redemption_limit=0)
        stores.activity.record(tracked)
        shopper = tracked.shopper_after

    with pytest.raises(OutOfStock):
        stores.activity.record(
            a_tracked(an_event("third", event_type=REDEMPTION), shopper_before=shopper, redemption_limit=0)
        )


def test_a_redemption_of_an_offer_that_is_gone_is_decided_again(stores):
    with pytest.raises(StaleVisit):
        stores.activity.record(a_tracked(an_event(event_type=REDEMPTION)))


def test_a_concurrent_twin_is_decided_again_even_when_the_first_took_the_last_unit(stores):
    stores.put_offer(an_offer(inventory_count=1))
    event = an_event("first", event_type=REDEMPTION)
    stores.activity.record(a_tracked(event, answered=an_answered()))

    with pytest.raises(StaleVisit):
        stores.activity.record(
            a_tracked(
                replace(event, event_id="twin"),
                answered=an_answered(),
                shopper_before=Shopper("ann", version=1),
            )
        )

    assert stores.offers.get("OFF001").redeemed_count == 1


def test_an_answer_past_its_end_gives_way(stores):
    stores.put_offer(an_offer())
    old = a_tracked(an_event("old"), answered=an_answered(expires_at=NOON))
    stores.activity.record(old)
    new = an_answered(body=b"other", expires_at=NOON + 1)

    stores.activity.record(a_tracked(an_event("new"), shopper_before=old.shopper_after, answered=new))

    assert stores.activity.find("shop:POST /x", "k1") == new


def test_keys_of_other_scopes_and_callers_are_other_requests(stores):
    stores.put_offer(an_offer())
    stores.activity.record(a_tracked(an_event(), answered=an_answered("k1")))

    others = [("shop:POST /x", "k2"), ("shop:POST /xk", "1"), ("shop:POST /", "xk1")]
    assert [stores.activity.find(*other) for other in others] == [None] * 3


def test_a_users_events_come_newest_first(stores):
    stores.put_offer(an_offer())
    shopper = Shopper("ann")
    for number in range(4):
        tracked = a_tracked(
            an_event(f"event-{number}", occurred_at_ms=NOON_MS + number), shopper_before=shopper
        )
        stores.activity.record(tracked)
        shopper = tracked.shopper_after

    assert [event.event_id for event in stores.activity.events_of("ann", 3)] == [
        "event-3",
        "event-2",
        "event-1",
    ]
    assert stores.activity.events_of("anna", 3) == []


def test_an_event_is_stored_once_and_its_second_coming_changes_nothing(stores):
    first = a_tracked(an_event())
    stores.activity.record(first)
    before = stores.activity.get_shopper("ann")

    again = a_tracked(
        an_event(), shopper_before=before, shopper_after=replace(before, version=before.version + 1)
    )
    with pytest.raises(AlreadyRecorded):
        stores.activity.record(again)

    assert stores.activity.get_shopper("ann") == before
