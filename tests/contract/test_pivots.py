"""`InventoryStore` and `PivotLog`: pivots under redelivery and races."""

from dataclasses import replace

import pytest

from offerloop.offers.model import Offer, OfferState, OfferStatus, Pivot
from offerloop.outbox import Message, Topic
from tests.contract.conftest import Stores
from tests.factories import NOON, an_offer

PIVOT_ID = "2027-01-15/2027-01-15T08:00:00Z#OFF001#c1"
ALERT = Message(
    PIVOT_ID, Topic.STOCKOUT_ALERT, "OFF001", {"offer_id": "OFF001", "to_offer": None}, NOON * 1_000
)


def a_pivot(**changes) -> Pivot:
    return replace(Pivot(PIVOT_ID, "OFF001", "electronics", NOON, "OFF004"), **changes)


def with_offers(stores: Stores, *more: Offer) -> None:
    for offer in (an_offer("OFF001", inventory_count=0), an_offer("OFF004"), an_offer("OFF005"), *more):
        stores.put_offer(offer)


def states(stores: Stores) -> dict[str, tuple[int | None, OfferState]]:
    return {
        offer_id: (situation.offer.priority_boost if situation.offer else None, situation.state)
        for offer_id, situation in stores.inventory.situations(["OFF001", "OFF004", "OFF005"]).items()
    }


def test_an_opened_pivot_boosts_its_target_and_sends_one_alert(stores):
    with_offers(stores)

    opened = [stores.inventory.save_pivot(None, a_pivot(), ALERT) for _ in range(2)]

    assert opened == [True, False]
    assert stores.inventory.get_pivot(PIVOT_ID) == a_pivot()
    assert states(stores) == {
        "OFF001": (0, OfferState(stockouts=1, open_pivot_id=PIVOT_ID)),
        "OFF004": (20, OfferState(boosted_by=PIVOT_ID)),
        "OFF005": (0, OfferState()),
    }
    assert stores.alerts.overdue(2**43, 10) == [ALERT]


def test_a_pivot_without_a_candidate_is_kept_as_well(stores):
    with_offers(stores)

    assert stores.inventory.save_pivot(None, a_pivot(to_offer=None), ALERT)

    assert stores.inventory.get_pivot(PIVOT_ID) == a_pivot(to_offer=None)
    assert states(stores)["OFF001"] == (0, OfferState(stockouts=1, open_pivot_id=PIVOT_ID))


@pytest.mark.parametrize(
    "target",
    [
        an_offer("OFF004", inventory_count=0),
        an_offer("OFF004", status=OfferStatus.PAUSED),
        an_offer("OFF004", priority_boost=20),
        None,
    ],
)
def test_a_target_that_may_not_be_boosted_leaves_everything_as_it_was(stores, target):
    with_offers(stores)
    stores.remove_offer("OFF004")
    if target is not None:
        stores.put_offer(target)
    before = states(stores)

    assert not stores.inventory.save_pivot(None, a_pivot(), ALERT)

    assert (states(stores), stores.inventory.get_pivot(PIVOT_ID)) == (before, None)
    assert stores.alerts.overdue(2**43, 10) == []


def test_an_offer_has_one_open_pivot_at_a_time(stores):
    with_offers(stores)
    stores.inventory.save_pivot(None, a_pivot(), None)
    other = a_pivot(pivot_id=f"{PIVOT_ID}-2", to_offer="OFF005")

    assert not stores.inventory.save_pivot(None, other, None)


def test_boosts_do_not_stack(stores):
    with_offers(stores)
    stores.inventory.save_pivot(None, a_pivot(), None)
    other = a_pivot(pivot_id=f"{PIVOT_ID}-2", from_offer="OFF005")

    assert not stores.inventory.save_pivot(None, other, None)


def test_a_moved_pivot_takes_its_boost_along(stores):
    with_offers(stores)
    opened, moved = a_pivot(), a_pivot(to_offer="OFF005", moved_from=("OFF004",))
    stores.inventory.save_pivot(None, opened, None)

    results = [stores.inventory.save_pivot(opened, moved, None) for _ in range(2)]

    assert results == [True, False]
    assert stores.inventory.get_pivot(PIVOT_ID) == moved
    assert states(stores) == {
        "OFF001": (0, OfferState(stockouts=1, open_pivot_id=PIVOT_ID)),
        "OFF004": (0, OfferState()),
        "OFF005": (20, OfferState(boosted_by=PIVOT_ID)),
    }


def test_a_pivot_moves_away_from_an_offer_that_is_gone(stores):
    with_offers(stores)
    opened, moved = a_pivot(), a_pivot(to_offer=None, moved_from=("OFF004",))
    stores.inventory.save_pivot(None, opened, None)
    stores.remove_offer("OFF004")

    assert stores.inventory.save_pivot(opened, moved, None)

    assert states(stores)["OFF004"] == (None, OfferState())


def test_a_closed_pivot_takes_its_boost_back(stores):
    with_offers(stores)
    opened, closed = a_pivot(), a_pivot(undone_at=NOON + 9)
    stores.inventory.save_pivot(None, opened, None)

    results = [stores.inventory.save_pivot(opened, closed, None) for _ in range(2)]

    assert results == [True, False]
    assert stores.inventory.get_pivot(PIVOT_ID) == closed
    assert states(stores) == {
        "OFF001": (0, OfferState(stockouts=1)),
        "OFF004": (0, OfferState()),
        "OFF005": (0, OfferState()),
    }


def test_the_log_shows_pivots_newest_first_over_days(stores):
    with_offers(stores)
    days = {"2027-01-12": NOON - 3 * 86_400, "2027-01-14": NOON - 86_400, "2027-01-15": NOON}
    pivots = []
    for number, (day, at) in enumerate(days.items()):
        pivot = Pivot(f"{day}/{day}T08:00:00Z#A{number}#c{number}", f"A{number}", "x", at, None)
        stores.inventory.save_pivot(None, pivot, None)
        pivots.append(pivot)

    assert stores.pivot_log.pivots(NOON - 7 * 86_400, 10) == pivots[::-1]
    assert stores.pivot_log.pivots(NOON - 86_400, 10) == [pivots[2], pivots[1]]
    assert stores.pivot_log.pivots(NOON - 7 * 86_400, 1) == [pivots[2]]


def test_a_boost_is_repaired_to_what_the_state_still_says(stores):
    with_offers(stores)
    stores.inventory.save_pivot(None, a_pivot(), None)
    stores.put_offer(an_offer("OFF004"))  # a foreign client overwrote it

    stores.inventory.save_boost("OFF004", OfferState(), 20)
    unrepaired = states(stores)["OFF004"]
    stores.inventory.save_boost("OFF004", OfferState(boosted_by=PIVOT_ID), 20)

    assert (unrepaired[0], states(stores)["OFF004"][0]) == (0, 20)
    stores.inventory.save_boost("OFF404", OfferState(), 0)
    assert stores.offers.get_many(["OFF404"]) == {}
