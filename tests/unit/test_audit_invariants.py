"""Every conservation law holds on a sound snapshot; on a corrupted one exactly the broken law is named."""

from dataclasses import replace

import pytest

from offerloop.bonuses.rules import AccrualRules
from offerloop.bonuses.settle_rewards import settle_rewards
from offerloop.offers.board import Board, Head
from offerloop.offers.experiments import Tally
from offerloop.offers.model import (
    DiscountType,
    EngagementEvent,
    EventType,
    Offer,
    OfferState,
    OfferStatus,
    Pivot,
)
from offerloop.offers.rank_offers import lists_of
from offerloop.offers.scoring import BY_PRIORITY, CONTROL, Order, RankEntry, sort_key
from offerloop.offers.trending import TrendScores
from offerloop.orders.model import OrderStatus
from offerloop.orders.process_order import advance, process_order
from offerloop.orders.refund_order import RefundedLine, refund_order
from simulator.figure_laws import FIGURE_LAWS
from simulator.findings import Breach
from simulator.invariants import INVARIANTS, SETTLED_AFTER_MS, check_invariants, place_of
from simulator.memory.bonuses import MemoryBonusLedger
from simulator.memory.codes import MemoryCodeStore
from simulator.memory.snapshot import snapshot
from simulator.reward_laws import REWARD_LAWS
from simulator.snapshot import ListOfRanking, OfferInRanking, Snapshot, StoredEvent, WaitingMessage
from tests.codes import a_claim, a_pool, filled
from tests.orders import a_line, a_product, an_order_command, an_order_desk

NOW_MS = 1_700_000_000_000
LONG_AGO_MS = NOW_MS - SETTLED_AFTER_MS - 1


def an_offer(offer_id, stock, **fields):
    given = {"category": "electronics", "priority": 80, "received_count": stock} | fields
    return Offer(
        offer_id=offer_id,
        offer_name=offer_id.title(),
        discount_type=DiscountType.PERCENTAGE,
        discount_hundredths=2_500,
        inventory_count=stock,
        **given,
    )


def an_event(event_id, user_id, offer_id, event_type=EventType.REDEMPTION, **fields):
    given = {"occurred_at_ms": LONG_AGO_MS, "counted_at": LONG_AGO_MS // 1_000} | fields
    counted_at = given.pop("counted_at")
    return StoredEvent(
        EngagementEvent(event_id, user_id, offer_id, "electronics", event_type, **given), counted_at
    )


def derived(offers):
    """Places and boards that these offers must have."""
    rankings = (CONTROL, BY_PRIORITY)
    in_stock = [offer for offer in offers if offer.in_stock]
    places = {OfferInRanking(o.offer_id, w.ranking_id): place_of(o, w) for o in in_stock for w in rankings}
    boards = {}
    for weights in rankings:
        for name in {name for offer in in_stock for name in lists_of(offer.category, weights)}:
            entries = [RankEntry.of(offer) for offer in in_stock if name in lists_of(offer.category, weights)]
            heads = [
                Head(tuple(sorted(entries, key=lambda entry: sort_key(entry, weights, order))))
                for order in Order
            ]
            boards[ListOfRanking(weights.ranking_id, name)] = [Board(*heads, version=1)]
    ends = {offer.offer_id for offer in offers if offer.expires_at is not None}
    stored = {"rankings": rankings, "places": places, "boards": boards, "ends_listed": ends}
    return stored | {"available": len(in_stock)}


def with_orders():
    """Two of three televisions that were bought are left to ann; one is held by an order that is paid.

    Another one she paid for with points and a code, and a last one is held with the points that are left.
    """
    desk = an_order_desk(a_product("TV", price=100))
    desk.clock.at_ms = NOW_MS
    filled(MemoryCodeStore(desk.world), 3, a_pool(currency="EUR", amount=60))
    codes = [MemoryCodeStore(desk.world).claim(a_claim(a_pool(currency="EUR", amount=60))).code for _ in "12"]
    line = a_line("TV", 1, price=100)
    sold = completed(desk, replace(line, quantity=3))
    refund_order(sold, [RefundedLine("TV", 1)], store=desk.store, clock=desk.clock)
    settle(desk)
    paid = completed(desk, line, total=30, promo_code=codes[0], use_bonus=10)
    settle(desk)
    held = desk.place(an_order_command(line, total=35, promo_code=codes[1], use_bonus=5))
    while desk.store.get(held).status is not OrderStatus.FULFILLMENT:
        advance(desk.store.get(held), desk.processing)
    of_world = snapshot(desk.world, payments={sold: 200, paid: 30, held: 35})
    return {name: getattr(of_world, name) for name in FROM_ORDERS}


FROM_ORDERS = (
    "products",
    "orders",
    "transitions",
    "payments",
    "codes",
    "code_levels",
    "free_codes",
    "accounts",
    "entries",
    "order_rewards",
)


def completed(desk, line, **changes):
    order_id = desk.place(an_order_command(line, **changes))
    process_order(order_id, desk.processing)
    settle(desk)
    return order_id


def settle(desk):
    """Account for the points of the orders that ended since."""
    for order in desk.world.drain_ended_orders():
        settle_rewards(order, ledger=MemoryBonusLedger(desk.world), rules=AccrualRules(), clock=desk.clock)


def sound():
    """LAPTOP sold its two units and HUB carries its boost; CAMERA was restocked after a pivot."""
    offers = [
        an_offer("LAPTOP", 0, received_count=2, redeemed_count=2),
        an_offer("HUB", 7, received_count=10, priority_boost=20, expires_at=NOW_MS // 1_000 + 9_999),
        an_offer("CAMERA", 5, priority=60),
        an_offer("SHOES", 3, category="fashion"),
        an_offer("PAUSED", 3, status=OfferStatus.PAUSED),
    ]
    return Snapshot(
        taken_at_ms=NOW_MS,
        offers={offer.offer_id: offer for offer in offers},
        states={
            "LAPTOP": OfferState(stockouts=1, open_pivot_id="p1"),
            "HUB": OfferState(boosted_by="p1", adjusted_count=-3),
            "CAMERA": OfferState(stockouts=1),
        },
        pivots=[
            Pivot("p1", "LAPTOP", "electronics", NOW_MS // 1_000 - 500, "HUB", moved_from=("CAMERA",)),
            Pivot(
                "p0", "CAMERA", "electronics", NOW_MS // 1_000 - 900, "HUB", undone_at=NOW_MS // 1_000 - 800
            ),
        ],
        events=[
            an_event(
                "e1",
                "ann",
                "LAPTOP",
                experiment_id="x",
                variant="a",
                first_exposure=True,
                first_conversion=True,
            ),
            an_event("e2", "bob", "LAPTOP", experiment_id="x", variant="b", first_exposure=True),
            an_event("e3", "bob", "CAMERA", EventType.VIEW, occurred_at_ms=NOW_MS - 1_000, counted_at=None),
        ],
        redeemed={("ann", "LAPTOP"): 1, ("bob", "LAPTOP"): 1},
        tallies={("x", "a"): Tally(1, 1), ("x", "b"): Tally(1, 0)},
        outbox=[WaitingMessage("e3", NOW_MS - 1_000)],
        trend=TrendScores(LONG_AGO_MS, {"electronics": 10.0}),
        **derived(offers),
        **with_orders(),
    )


def with_offer(snapshot, offer_id, **fields):
    """The snapshot with one offer changed, and everything derived from offers as it was."""
    return replace(
        snapshot, offers={**snapshot.offers, offer_id: replace(snapshot.offers[offer_id], **fields)}
    )


def with_state(snapshot, offer_id, **fields):
    return replace(
        snapshot, states={**snapshot.states, offer_id: replace(snapshot.state_of(offer_id), **fields)}
    )


def with_product(snapshot, **added):
    """The snapshot with the television's counts changed by so much."""
    product = snapshot.products["TV"]
    counts = {name: getattr(product, name) + count for name, count in added.items()}
    return replace(snapshot, products={"TV": replace(product, **counts)})


def with_order(snapshot, status, **fields):
    """The snapshot with the order of this status changed."""
    [order, *_] = [order for order in snapshot.orders.values() if order.status is status]
    changed = replace(order, **fields)
    return replace(snapshot, orders={**snapshot.orders, order.order_id: changed})


def without(mapping, key):
    return {k: v for k, v in mapping.items() if k != key}


def broken_laws(snapshot):
    return {result.name for result in check_invariants(snapshot) if not result.holds}


def test_every_law_holds_on_a_sound_snapshot():
    results = check_invariants(sound())

    assert [(result.name, result.breaches) for result in results] == [(law.name, ()) for law in INVARIANTS]
    # It has no reward figures: test_figure_laws.py has those.
    assert {result.name for result in results if not result.checked} == {law.name for law in FIGURE_LAWS}


def test_every_law_holds_on_an_empty_system():
    assert broken_laws(Snapshot(taken_at_ms=NOW_MS)) == set()


STOCK = "Stock = received + adjusted - redeemed - held"
KEYS = "Index keys equal what the offers give"
BOARDS = "Boards equal the heads of the sorted offers"
PIVOT = "Each stockout has exactly one pivot"
OPEN = "Each sold-out offer has exactly one open pivot"
BOOSTS = "Boosts equal the open pivots"
COUNTED_ONCE = "Offers, events and users count the same redemptions"
TALLIES = "Experiment tallies equal their events"
TRENDING = "Trending equals the recent events"


def events_but(snapshot, index, **fields):
    events = list(snapshot.events)
    event, counted_at = events[index]
    counted_at = fields.pop("counted_at", counted_at)
    events[index] = StoredEvent(replace(event, **fields), counted_at)
    return replace(snapshot, events=events)


def first_board(snapshot, change):
    key = ListOfRanking(CONTROL.ranking_id, "ALL")
    return replace(
        snapshot, boards={**snapshot.boards, key: [change(board) for board in snapshot.boards[key]]}
    )


CORRUPTIONS = {
    "stock below zero": (
        lambda s: with_offer(s, "LAPTOP", inventory_count=-1, redeemed_count=3),
        {"Stock is never negative", "Redemptions stay within the stock received", COUNTED_ONCE, OPEN},
    ),
    "one redeemed beyond the stock": (
        lambda s: with_offer(s, "LAPTOP", redeemed_count=3),
        {"Redemptions stay within the stock received", STOCK, COUNTED_ONCE},
    ),
    "a unit that came from nowhere": (
        lambda s: with_offer(s, "PAUSED", inventory_count=4),
        {STOCK},
    ),
    "an adjustment that was not booked": (lambda s: with_state(s, "HUB", adjusted_count=0), {STOCK}),
    "a redemption without its event": (
        lambda s: replace(s, events=s.events[1:], tallies=without(s.tallies, ("x", "a"))),
        {COUNTED_ONCE, TRENDING},
    ),
    "a redemption that its user does not know": (
        lambda s: replace(s, redeemed=without(s.redeemed, ("ann", "LAPTOP"))),
        {COUNTED_ONCE},
    ),
    "a user beyond the limit": (
        lambda s: replace(s, redeemed={("ann", "LAPTOP"): 2}),
        {"No user redeems an offer beyond its limit"},
    ),
    "a pivot that was lost": (lambda s: replace(s, pivots=s.pivots[:1]), {PIVOT}),
    "a pivot that was recorded twice": (
        lambda s: replace(s, pivots=[*s.pivots, replace(s.pivots[0], pivot_id="p1-again", to_offer=None)]),
        {PIVOT, OPEN},
    ),
    "a pivot that stayed open after the restock": (
        lambda s: replace(s, pivots=[s.pivots[0], replace(s.pivots[1], to_offer=None, undone_at=None)]),
        {OPEN},
    ),
    "a stockout that nobody answered": (
        lambda s: with_offer(
            s, "PAUSED", status=OfferStatus.ACTIVE, inventory_count=0, received_count=3, redeemed_count=0
        ),
        {OPEN, STOCK},
    ),
    "a boost that was taken": (lambda s: with_offer(s, "HUB", priority_boost=0), {BOOSTS, KEYS, BOARDS}),
    "a boost without a pivot": (lambda s: with_offer(s, "PAUSED", priority_boost=20), {BOOSTS}),
    "two boosts on one offer": (
        lambda s: replace(s, pivots=[s.pivots[0], replace(s.pivots[1], undone_at=None)]),
        {BOOSTS, OPEN},
    ),
    "a boost that the monitor does not know": (lambda s: with_state(s, "HUB", boosted_by=None), {BOOSTS}),
    "a message that nobody sends": (
        lambda s: replace(s, outbox=[WaitingMessage("e1", LONG_AGO_MS)]),
        {"Every tracked event is published"},
    ),
    "an event that never came back": (
        lambda s: events_but(s, 1, counted_at=None, first_exposure=False),
        {"Every published event is counted", TALLIES, TRENDING},
    ),
    "a tally that counted twice": (
        lambda s: replace(s, tallies={**s.tallies, ("x", "a"): Tally(2, 1)}),
        {TALLIES},
    ),
    "a trend that counted twice": (
        lambda s: replace(s, trend=replace(s.trend, points={"electronics": 15.0})),
        {TRENDING},
    ),
    "a trend of nothing": (
        lambda s: replace(s, trend=replace(s.trend, points={**s.trend.points, "garden": 1.0})),
        {TRENDING},
    ),
    "a counter that drifted": (
        lambda s: replace(s, available=s.available + 1),
        {"The counter equals the offers in stock"},
    ),
    "a key that was not rewritten": (lambda s: with_offer(s, "SHOES", priority=81), {KEYS, BOARDS}),
    "an end that nobody will notice": (lambda s: replace(s, ends_listed=()), {KEYS}),
    "an offer that is in no index": (
        lambda s: replace(s, places=without(s.places, OfferInRanking("SHOES", CONTROL.ranking_id))),
        {KEYS},
    ),
    "a sold-out offer that is still in an index": (
        lambda s: replace(
            s,
            places={**s.places, OfferInRanking("LAPTOP", CONTROL.ranking_id): next(iter(s.places.values()))},
        ),
        {KEYS},
    ),
    "a board that lost an entry": (
        lambda s: first_board(s, lambda board: board.with_head(Order.BASE, Head(board.base.entries[1:]))),
        {BOARDS},
    ),
    "a board out of order": (
        lambda s: first_board(
            s, lambda board: board.with_head(Order.URGENT, Head(board.urgent.entries[::-1]))
        ),
        {BOARDS},
    ),
    "a copy of a board that fell behind": (
        lambda s: replace(
            s,
            boards={
                **s.boards,
                ListOfRanking(CONTROL.ranking_id, "ALL"): [
                    *s.boards[ListOfRanking(CONTROL.ranking_id, "ALL")],
                    Board(),
                ],
            },
        ),
        {BOARDS},
    ),
    "a unit of a product that came from nowhere": (
        lambda s: with_product(s, inventory_count=1),
        {"Products: free + held + sold = received"},
    ),
    "a unit that nobody holds": (
        lambda s: with_product(s, inventory_count=-1, held_count=1),
        {"Stock is held by open orders alone"},
    ),
    "a unit of an offer that nobody holds": (
        lambda s: with_offer(s, "SHOES", held_count=1, received_count=4),
        {"Stock is held by open orders alone", COUNTED_ONCE},
    ),
    "a unit that was sold to nobody": (
        lambda s: with_product(s, inventory_count=-1, sold_count=1),
        {"Products sold = units of completed orders"},
    ),
    "a transition that left no trace": (
        lambda s: replace(s, transitions={name: rows[1:] for name, rows in s.transitions.items()}),
        {"Every order's history is complete and legal"},
    ),
    "a step that no order may take": (
        lambda s: replace(
            s,
            transitions={
                name: [replace(row, after=OrderStatus.COMPLETED) if row.number == 2 else row for row in rows]
                for name, rows in s.transitions.items()
            },
        ),
        {"Every order's history is complete and legal"},
    ),
    "a hold that nobody released": (
        lambda s: with_order(s, OrderStatus.FULFILLMENT, hold_until=NOW_MS // 1_000 - 181),
        {"No hold outlives its deadline"},
    ),
    "an order that stands still": (
        lambda s: with_order(s, OrderStatus.FULFILLMENT, updated_at_ms=NOW_MS - 3_600_001),
        {"Every order in progress moves on"},
    ),
    "a payment that was taken twice": (
        lambda s: replace(s, payments={name: 2 * kept for name, kept in s.payments.items()}),
        {"Payments kept = completed orders less refunds"},
    ),
    "a payment of no order": (
        lambda s: replace(s, payments={**s.payments, "nobody": 1}),
        {"Payments kept = completed orders less refunds"},
    ),
    "a board that is missing": (
        lambda s: replace(
            s, boards=without(s.boards, ListOfRanking(BY_PRIORITY.ranking_id, "CATEGORY#fashion"))
        ),
        {BOARDS},
    ),
}


@pytest.mark.parametrize("corruption", CORRUPTIONS)
def test_a_corruption_breaks_its_own_laws_and_no_other(corruption):
    corrupt, laws = CORRUPTIONS[corruption]

    broken = broken_laws(corrupt(sound()))

    assert broken >= laws
    assert broken - laws <= FOLLOW_UPS.get(corruption, set())


# What must break besides, because the corrupted value is also the source of something derived.
FOLLOW_UPS = {
    "a user beyond the limit": {COUNTED_ONCE},
    "a redemption without its event": {TALLIES},
}


def test_every_law_is_broken_by_some_corruption():
    # Those are broken in test_reward_laws.py and test_figure_laws.py.
    of_rewards = {law.name for law in (*REWARD_LAWS, *FIGURE_LAWS)}

    broken = {law for _, laws in CORRUPTIONS.values() for law in laws}

    assert broken == {law.name for law in INVARIANTS} - of_rewards


def test_a_board_is_compared_down_to_its_frontier_only():
    offers = [an_offer(f"O{n:02}", 5, priority=n) for n in range(1, 40)]
    sound_snapshot = Snapshot(taken_at_ms=NOW_MS, offers={o.offer_id: o for o in offers}, **derived(offers))

    def cut(board):
        return Board(*(_cut(board.head(order), order) for order in Order))

    def _cut(head, order):
        return Head(head.entries[:10], sort_key(head.entries[9], CONTROL, order))

    assert broken_laws(first_board(sound_snapshot, cut)) == set()
    late = first_board(
        sound_snapshot, lambda b: cut(b).with_head(Order.BASE, replace(cut(b).base, frontier=None))
    )
    assert broken_laws(late) == {BOARDS}


def test_events_that_ran_out_of_their_time_to_live_are_not_missed():
    stored = sound()
    old = replace(stored, events=stored.events[2:], events_are_complete=False, trend=None)

    assert broken_laws(old) == set()


def test_a_result_names_the_first_breaches_and_how_many_there_are():
    stored = sound()
    for offer_id in ("HUB", "CAMERA", "SHOES", "PAUSED"):
        stored = with_offer(stored, offer_id, inventory_count=-1)
    [result] = [result for result in check_invariants(stored) if result.name == "Stock is never negative"]

    assert (result.holds, result.checked, len(result.breaches)) == (False, 5, 4)
    assert result.breaches[0] == Breach("HUB", "stock is -1")
    assert result.detail == "HUB: stock is -1; CAMERA: stock is -1; SHOES: stock is -1; and 1 more"
