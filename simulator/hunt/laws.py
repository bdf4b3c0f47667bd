"""What must hold while a script is performed: some laws at every moment, all of them at rest."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

from offerloop.codes.model import CodeStatus
from offerloop.orders.messages import NoticeKind
from offerloop.orders.model import IN_PROGRESS, PAID, OrderStatus
from simulator.findings import Invariant, InvariantResult
from simulator.hunt.full_scan import full_scan
from simulator.hunt.script import Recommend, Step
from simulator.hunt.system import MemorySystem
from simulator.invariants import (
    INVARIANTS,
    SETTLED_AFTER_MS,
    each_stockout_has_one_pivot,
    redemptions_are_counted_once,
    stock_is_never_negative,
    tallies_equal_the_marked_events,
    trending_equals_the_recent_events,
    users_redeem_within_their_limit,
)
from simulator.memory.snapshot import snapshot
from simulator.order_laws import (
    histories_are_complete_and_legal,
    holds_are_those_of_open_orders,
    units_of_products_are_conserved,
    what_is_sold_is_what_orders_bought,
)
from simulator.reward_laws import (
    balances_are_the_sums_of_their_entries,
    codes_are_with_the_orders_that_have_them,
    counts_of_pools_are_those_of_their_codes,
    free_codes_are_in_their_pool_once,
)
from simulator.snapshot import Snapshot

# These compare what one transaction writes; the others follow from deliveries that are still on their way.
_OF_ONE_TRANSACTION = {
    stock_is_never_negative,
    redemptions_are_counted_once,
    users_redeem_within_their_limit,
    each_stockout_has_one_pivot,
    tallies_equal_the_marked_events,
    trending_equals_the_recent_events,
    units_of_products_are_conserved,
    holds_are_those_of_open_orders,
    what_is_sold_is_what_orders_bought,
    histories_are_complete_and_legal,
    counts_of_pools_are_those_of_their_codes,
    free_codes_are_in_their_pool_once,
    codes_are_with_the_orders_that_have_them,
    balances_are_the_sums_of_their_entries,
}
AT_EVERY_MOMENT: tuple[Invariant, ...] = tuple(law for law in INVARIANTS if law.check in _OF_ONE_TRANSACTION)

ONE_BOOST = "No offer is boosted by two pivots"
ONE_EFFECT = "Each accepted request has one effect, also when repeated under its key"
SERVED_AVAILABLE = "What is served is available and not dismissed"
EACH_EDGE = "Each time that stock runs out has exactly one pivot and one alert"
BOOST_STANDS_IN = "A boost is carried by an available offer of the pivot's category"
ENDS = "Every accepted order ends"
TOLD = "Each notice of an order is begun, and sent at most once"
EXACT = "Recommendations equal a full scan"
NOBODY = "nobody"

_GIVEN = frozenset({CodeStatus.CLAIMED, CodeStatus.HELD, CodeStatus.USED})
_NOTICE_OF_END = dict.fromkeys(PAID, (NoticeKind.COMPLETED,)) | {OrderStatus.FAILED: (NoticeKind.FAILED,)}


class Violation(NamedTuple):
    """One law that does not hold, with what is wrong in words."""

    law: str
    detail: str


def broken_now(system: MemorySystem, step: Step) -> Violation | None:
    """The first law that must hold at every moment and does not, after *step*."""
    # An order is COMPLETED before the events of its redemptions come.
    events_are_complete = not system.world.orders
    taken = snapshot(system.world, with_places=False, events_are_complete=events_are_complete)
    for law in AT_EVERY_MOMENT:
        if broken := _violation(law, taken):
            return broken
    boosted = Counter(pivot.to_offer for pivot in taken.pivots if pivot.is_open and pivot.to_offer)
    twice = [offer_id for offer_id, pivots in boosted.items() if pivots > 1]
    if twice:
        return Violation(ONE_BOOST, f"{twice[0]} is boosted by {boosted[twice[0]]}")
    for own_law in (_effects_without_request, _told_twice):
        for violation in own_law(system):
            return violation
    if isinstance(step, Recommend):
        return next(_served_in_vain(system, step.user), None)
    return None


def broken_at_rest(system: MemorySystem) -> Violation | None:
    """The first law that does not hold once everything was delivered."""
    # As if looked at late enough that nothing may be on its way any more.
    taken = snapshot(system.world, payments=system.orders.payments.kept_by_key)
    taken = replace(taken, taken_at_ms=taken.taken_at_ms + SETTLED_AFTER_MS + 1)
    for law in INVARIANTS:
        if broken := _violation(law, taken):
            return broken
    for own_law in (_edges_without_their_pivot, _boosts_in_vain, _not_exact, _left_hanging, _untold):
        for violation in own_law(system):
            return violation
    return None


def _violation(law: Invariant, taken: Snapshot) -> Violation | None:
    result = InvariantResult(law.name, 0, tuple(law.check(taken).breaches))
    return None if result.holds else Violation(law.name, result.detail)


def _served_in_vain(system: MemorySystem, user_id: str) -> Iterator[Violation]:
    shopper = system.world.shoppers.get(user_id)
    for shown in system.shop.recommendation(user_id).offers:
        offer = shown.offer
        if offer != system.world.offers.get(offer.offer_id) or not offer.is_available(system.now):
            yield Violation(SERVED_AVAILABLE, f"{user_id} is served {offer.offer_id}, which is not there")
        if shopper is not None and shopper.skips.get(offer.offer_id, 0) > system.now:
            yield Violation(SERVED_AVAILABLE, f"{user_id} is served {offer.offer_id}, which it skips")


def _effects_without_request(system: MemorySystem) -> Iterator[Violation]:
    for offer_id, offer in system.world.offers.items():
        surplus = offer.received_count - system.ledger.received[offer_id]
        if surplus:
            yield Violation(ONE_EFFECT, f"{offer_id} received {surplus:+d} units from its requests")
    surplus = len(system.world.events) - system.ledger.events
    if surplus:
        yield Violation(ONE_EFFECT, f"{surplus:+d} events are stored from those accepted")
    yield from _order_effects_without_request(system)


def _order_effects_without_request(system: MemorySystem) -> Iterator[Violation]:
    world, ledger = system.world, system.ledger
    for product_id, product in world.products.items():
        surplus = product.received_count - ledger.products_received[product_id]
        if surplus:
            yield Violation(ONE_EFFECT, f"{product_id} received {surplus:+d} units from its requests")
    given = {text for text, code in world.codes.items() if code.status in _GIVEN}
    for text in sorted(given | ledger.claims.keys()):
        if ledger.claims[text] != (text in given):
            yield Violation(ONE_EFFECT, f"{text} is the answer to {ledger.claims[text]} claims")
    for order_id in sorted(world.orders.keys() ^ ledger.orders):
        fault = "is stored without a request" if order_id in world.orders else "was accepted and is lost"
        yield Violation(ONE_EFFECT, f"order {order_id} {fault}")
    for order_id, order in world.orders.items():
        surplus = order.refunded - ledger.given_back[order_id]
        if surplus:
            yield Violation(ONE_EFFECT, f"order {order_id} gave {surplus:+d} back from its requests")


def _told_twice(system: MemorySystem) -> Iterator[Violation]:
    for message_id, times in system.orders.told.items():
        if times > 1:
            yield Violation(TOLD, f"{message_id} was sent {times} times")


def _untold(system: MemorySystem) -> Iterator[Violation]:
    for order_id, order in system.world.orders.items():
        for kind in (NoticeKind.CREATED, *_NOTICE_OF_END.get(order.status, ())):
            if (order_id, kind) not in system.world.notices:
                yield Violation(TOLD, f"{order_id}:{kind} was not begun")


def _left_hanging(system: MemorySystem) -> Iterator[Violation]:
    for order in system.world.orders.values():
        if order.status in IN_PROGRESS:
            yield Violation(ENDS, f"order {order.order_id} stays {order.status}")


def _edges_without_their_pivot(system: MemorySystem) -> Iterator[Violation]:
    pivots = Counter(pivot.from_offer for pivot in system.world.pivots.values())
    for offer_id in sorted(pivots.keys() | system.stockout_edges.keys()):
        edges, answers = system.stockout_edges[offer_id], pivots[offer_id]
        if edges != answers:
            yield Violation(EACH_EDGE, f"{offer_id} ran out {edges} times and has {answers} pivots")
    for pivot_id in sorted(system.world.pivots.keys() - system.alerts.keys()):
        yield Violation(EACH_EDGE, f"the alert of {pivot_id} was not sent")


def _boosts_in_vain(system: MemorySystem) -> Iterator[Violation]:
    for pivot in system.world.pivots.values():
        if not pivot.is_open or pivot.to_offer is None:
            continue
        offer = system.world.offers.get(pivot.to_offer)
        if offer is None or not offer.is_available(system.now) or offer.category != pivot.category:
            yield Violation(BOOST_STANDS_IN, f"{pivot.to_offer} carries the boost of {pivot.from_offer}")


def _not_exact(system: MemorySystem) -> Iterator[Violation]:
    world, now = system.world, system.now
    for user_id in sorted(world.shoppers.keys() | {NOBODY}):
        served = [(shown.offer.offer_id, shown.score) for shown in system.shop.recommendation(user_id).offers]
        truth = full_scan(world, user_id, now)
        if served != truth:
            yield Violation(EXACT, f"{user_id} is served {served}, the best are {truth}")
