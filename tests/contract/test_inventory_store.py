"""`InventoryStore`: places, counter, boards and counts under redelivery and races."""

from dataclasses import replace

import pytest

from offerloop.offers.board import ALL_OFFERS, Board, Head, category_list
from offerloop.offers.experiments import ExperimentStatus
from offerloop.offers.model import Offer, OfferState, OfferStatus
from offerloop.offers.ports import ListingChange, Situation
from offerloop.offers.rank_offers import settle_listings
from offerloop.offers.scoring import BY_PRIORITY, CONTROL, Order, RankEntry, sort_key
from tests.contract.conftest import Stores
from tests.factories import NOON, URGENCY_FIRST, an_experiment, an_offer


def place(offer: Offer) -> tuple[str, RankEntry]:
    return offer.category, RankEntry.of(offer)


def listed(offer: Offer, weights=CONTROL) -> ListingChange:
    return ListingChange(offer.offer_id, weights, None, place(offer))


def available(stores: Stores) -> int:
    return stores.contexts.context("nobody", NOON).total_available


def settle(stores: Stores, *offer_ids: str) -> int:
    inventory = stores.inventory
    return settle_listings(inventory.situations(offer_ids), inventory.rankings(), inventory)


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


# -- counts and boosts -------------------------------------------------------------------------------


def test_an_adjustment_is_booked_only_on_the_counts_it_was_made_from(stores):
    offer = an_offer(received_count=0)
    stores.put_offer(offer)

    assert not stores.inventory.save_adjusted(replace(offer, redeemed_count=1), 11)
    assert stores.inventory.save_adjusted(offer, 10)
    assert not stores.inventory.save_adjusted(replace(offer, offer_id="OFF404"), 1)

    assert stores.inventory.situations(["OFF001"])["OFF001"].state == OfferState(adjusted_count=10)


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
