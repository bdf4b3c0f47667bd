"""`InventoryStore` and `PivotLog`: places, counter, boards and pivots under redelivery and races."""

from dataclasses import replace

import pytest

from offerloop.offers.board import ALL_OFFERS, Board, Head, category_list
from offerloop.offers.experiments import ExperimentStatus
from offerloop.offers.model import Offer, OfferState, OfferStatus, Pivot
from offerloop.offers.ports import ListingChange, Situation
from offerloop.offers.rank_offers import settle_listings
from offerloop.offers.scoring import BY_PRIORITY, CONTROL, Order, RankEntry, sort_key
from offerloop.outbox import Message, Topic
from tests.contract.conftest import Stores
from tests.factories import NOON, URGENCY_FIRST, an_experiment, an_offer

PIVOT_ID = "2027-01-15/2027-01-15T08:00:00Z#OFF001#c1"
ALERT = Message(
    PIVOT_ID, Topic.STOCKOUT_ALERT, "OFF001", {"offer_id": "OFF001", "to_offer": None}, NOON * 1_000
)


def place(offer: Offer) -> tuple[str, RankEntry]:
    return offer.category, RankEntry.of(offer)


def listed(offer: Offer, weights=CONTROL) -> ListingChange:
    return ListingChange(offer.offer_id, weights, None, place(offer))


def available(stores: Stores) -> int:
    return stores.contexts.context("nobody", NOON).total_available


def settle(stores: Stores, *offer_ids: str) -> int:
    inventory = stores.inventory
    return settle_listings(inventory.situations(offer_ids), inventory.rankings(), inventory)


def a_pivot(**changes) -> Pivot:
    return replace(Pivot(PIVOT_ID, "OFF001", "electronics", NOON, "OFF004"), **changes)


# -- places and the counter --------------------------------------------------------------------------


def test_a_place_counts_once_however_often_it_is_applied(stores):
    change = listed(an_offer())

    for _ in range(3):
        stores.inventory.apply_listings([change])

    assert available(stores) == 1
    assert stores.inventory.situations(["OFF001"])["OFF001"].listings == {
        CONTROL.ranking_id: change.after,
    }


def test_a_place_leaves_once_however_often_it_is_taken_away(stores):
    offers = [an_offer("OFF001"), an_offer("OFF002")]
    stores.inventory.apply_listings([listed(offer) for offer in offers])
    leaves = ListingChange("OFF001", CONTROL, place(offers[0]), None)

    for _ in range(3):
        stores.inventory.apply_listings([leaves])

    assert available(stores) == 1


def test_a_change_whose_before_no_longer_holds_is_skipped_and_the_others_are_applied(stores):
    old, new = an_offer(), an_offer(priority=60)
    stores.inventory.apply_listings([listed(old)])
    changes = [
        ListingChange("OFF001", CONTROL, place(new), None),
        listed(an_offer("OFF002")),
        listed(an_offer("OFF001")),
        listed(an_offer("OFF003")),
    ]

    stores.inventory.apply_listings(changes[:2])
    stores.inventory.apply_listings(changes[2:])

    assert available(stores) == 3
    situations = stores.inventory.situations(["OFF001", "OFF002", "OFF003"])
    assert [len(situation.listings) for situation in situations.values()] == [1, 1, 1]
    assert situations["OFF001"].listings[CONTROL.ranking_id] == place(old)


def test_only_the_control_ranking_moves_the_counter(stores):
    stores.inventory.apply_listings([listed(an_offer(), BY_PRIORITY), listed(an_offer(), URGENCY_FIRST)])

    assert available(stores) == 0


def test_more_changes_than_one_transaction_holds_are_all_applied(stores):
    offers = [an_offer(f"OFF{number:03d}") for number in range(120)]

    stores.inventory.apply_listings([listed(offer) for offer in offers])

    assert available(stores) == 120


def test_reading_on_pages_through_a_list_in_order(stores):
    offers = [
        an_offer(f"OFF{number}", priority=priority, expires_at=NOON + 1_000 * number)
        for number, priority in enumerate([10, 90, 50, 50, 70])
    ] + [an_offer("OTHER", category="fashion", priority=99)]
    stores.inventory.apply_listings([listed(offer) for offer in offers])

    def walk(list_name: str, order: Order) -> list[str]:
        ids, after = [], "!"  # sorts before every digit
        while page := stores.inventory.read_on(CONTROL, list_name, order, after, 2):
            ids += [entry.offer_id for entry in page]
            after = sort_key(page[-1], CONTROL, order)
        return ids

    assert walk(category_list("electronics"), Order.BASE) == ["OFF1", "OFF4", "OFF2", "OFF3", "OFF0"]
    assert walk(ALL_OFFERS, Order.BASE) == ["OTHER", "OFF1", "OFF4", "OFF2", "OFF3", "OFF0"]
    assert walk(ALL_OFFERS, Order.URGENT)[-1] == "OTHER"
    assert walk(category_list("nothing"), Order.BASE) == []


def test_an_offer_that_moves_to_another_category_leaves_the_first(stores):
    before, after = an_offer(), an_offer(category="fashion")
    stores.inventory.apply_listings([listed(before)])

    stores.inventory.apply_listings([ListingChange("OFF001", CONTROL, place(before), place(after))])

    def ids(category: str) -> list[str]:
        page = stores.inventory.read_on(CONTROL, category_list(category), Order.BASE, "!", 5)
        return [entry.offer_id for entry in page]

    assert (ids("electronics"), ids("fashion"), available(stores)) == ([], ["OFF001"], 1)


# -- situations --------------------------------------------------------------------------------------


def test_an_unknown_offer_has_an_empty_situation(stores):
    assert stores.inventory.situations(["OFF404"]) == {
        "OFF404": Situation(None, OfferState(), {}, end_listed=False)
    }
    assert stores.inventory.situations([]) == {}


def test_situations_of_many_offers_are_complete(stores):
    offers = {f"OFF{number:03d}": an_offer(f"OFF{number:03d}") for number in range(130)}
    for offer in offers.values():
        stores.put_offer(offer)

    situations = stores.inventory.situations(list(offers))

    assert {offer_id: situation.offer for offer_id, situation in situations.items()} == offers


def test_rankings_are_control_priority_and_those_of_the_live_experiment(stores):
    draft = an_experiment()
    stores.experiments.create_experiment(draft)
    before = set(stores.inventory.rankings())
    stores.experiments.save_experiment(draft, replace(draft, status=ExperimentStatus.PREPARING))

    assert before == {CONTROL, BY_PRIORITY}
    assert set(stores.inventory.rankings()) == {CONTROL, BY_PRIORITY, URGENCY_FIRST}


# -- boards ------------------------------------------------------------------------------------------


def test_a_board_is_saved_on_the_version_that_was_read(stores):
    entry = RankEntry.of(an_offer(expires_at=NOON))
    board = Board(Head((entry,), "key"), Head((), None))
    empty = stores.inventory.stored_boards(CONTROL, [ALL_OFFERS])[ALL_OFFERS]

    saved = [stores.inventory.save_board(CONTROL, ALL_OFFERS, empty, board) for _ in range(2)]

    assert (empty, saved) == (Board(), [True, False])
    stored = replace(board, version=1)
    assert stores.inventory.stored_boards(CONTROL, [ALL_OFFERS]) == {ALL_OFFERS: stored}


def test_every_reader_sees_the_last_board_whatever_copy_it_reads(stores):
    entry = RankEntry.of(an_offer())
    first, second = Board(Head((entry,), None), Head()), Board(Head(), Head((entry,), None))
    stores.inventory.save_board(CONTROL, ALL_OFFERS, Board(), first)
    stores.inventory.save_board(CONTROL, ALL_OFFERS, replace(first, version=1), second)

    boards = [stores.inventory.boards(CONTROL, [ALL_OFFERS], spread=f"user-{n}") for n in range(40)]

    assert boards == [{ALL_OFFERS: replace(second, version=2)}] * 40


def test_lists_that_never_had_an_offer_have_an_empty_board(stores):
    lists = [ALL_OFFERS, category_list("a"), category_list("b")]

    assert stores.inventory.boards(CONTROL, lists, spread="ann") == dict.fromkeys(lists, Board())


# -- pivots ------------------------------------------------------------------------------------------


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


# -- counts and boosts -------------------------------------------------------------------------------


def test_an_adjustment_is_booked_only_on_the_counts_it_was_made_from(stores):
    offer = an_offer(received_count=0)
    stores.put_offer(offer)

    assert not stores.inventory.save_adjusted(replace(offer, redeemed_count=1), 11)
    assert stores.inventory.save_adjusted(offer, 10)
    assert not stores.inventory.save_adjusted(replace(offer, offer_id="OFF404"), 1)

    assert stores.inventory.situations(["OFF001"])["OFF001"].state == OfferState(adjusted_count=10)


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


def test_a_removed_offer_leaves_the_rankings_of_past_experiments_too(stores):
    draft = an_experiment()
    preparing = replace(draft, status=ExperimentStatus.PREPARING)
    stores.experiments.create_experiment(draft)
    stores.experiments.save_experiment(draft, preparing)
    stores.put_offer(an_offer())
    settle(stores, "OFF001")
    stores.experiments.save_experiment(preparing, replace(preparing, status=ExperimentStatus.STOPPED))
    stores.remove_offer("OFF001")

    assert settle(stores, "OFF001") == 3

    names = [ALL_OFFERS, category_list("electronics")]
    boards = stores.inventory.stored_boards(URGENCY_FIRST, names)
    assert [board.base.entries for board in boards.values()] == [(), ()]
    assert stores.inventory.read_on(URGENCY_FIRST, names[1], Order.BASE, "!", 5) in ([], ())
    assert stores.inventory.situations(["OFF001"])["OFF001"].listings == {}


@pytest.mark.parametrize("late", [an_offer(priority=99), an_offer(category="fashion"), None])
def test_writers_that_read_at_different_times_leave_boards_as_the_index_is(stores, late):
    """One read the offer before, the other after it changed; the first writes last."""
    stores.put_offer(an_offer())
    old = stores.inventory.situations(["OFF001"])
    stores.put_offer(late) if late is not None else stores.remove_offer("OFF001")
    new = stores.inventory.situations(["OFF001"])
    rankings = stores.inventory.rankings()

    settle_listings(new, rankings, stores.inventory)
    settle_listings(old, rankings, stores.inventory)

    listing = stores.inventory.situations(["OFF001"])["OFF001"].listings.get(CONTROL.ranking_id)
    names = [ALL_OFFERS, category_list("electronics"), category_list("fashion")]
    boards = stores.inventory.stored_boards(CONTROL, names)
    assert listing == (place(late) if late is not None else None)
    assert {name: board.base.entries for name, board in boards.items()} == {
        name: (listing[1],) if listing and name in (ALL_OFFERS, category_list(listing[0])) else ()
        for name in names
    }
    assert available(stores) == (late is not None)


def test_settling_twice_changes_nothing(stores):
    offers = [an_offer(f"OFF{number}", priority=number) for number in range(5)]
    for offer in offers:
        stores.put_offer(offer)

    changed = [settle(stores, *(offer.offer_id for offer in offers)) for _ in range(2)]

    assert (changed, available(stores)) == ([10, 0], 5)


def test_an_end_that_a_foreign_client_wrote_is_listed(stores):
    offer = an_offer(expires_at=NOON)
    stores.put_offer(offer, listing_its_end=False)
    for other in ("EXPIRED", None):
        stores.put_offer(
            an_offer(f"OFF-{other}", expires_at=NOON if other else None, status=OfferStatus.EXPIRED),
            listing_its_end=False,
        )

    for offer_id in ("OFF001", "OFF-EXPIRED", "OFF-None", "OFF404"):
        stores.inventory.list_end(offer_id)

    assert stores.offers.due_to_expire(NOON, 10) == ["OFF001"]
    assert stores.inventory.situations(["OFF001"])["OFF001"].end_listed
    assert stores.offers.get_many(["OFF404"]) == {}
