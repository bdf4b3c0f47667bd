"""What must hold while a script is performed: some laws at every moment, all of them at rest."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

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
from simulator.snapshot import Snapshot

# These compare what one transaction writes; the others follow from deliveries that are still on their way.
_OF_ONE_TRANSACTION = {
    stock_is_never_negative,
    redemptions_are_counted_once,
    users_redeem_within_their_limit,
    each_stockout_has_one_pivot,
    tallies_equal_the_marked_events,
    trending_equals_the_recent_events,
}
AT_EVERY_MOMENT: tuple[Invariant, ...] = tuple(law for law in INVARIANTS if law.check in _OF_ONE_TRANSACTION)

ONE_BOOST = "No offer is boosted by two pivots"
ONE_EFFECT = "Each accepted request has one effect, also when repeated under its key"
SERVED_AVAILABLE = "What is served is available and not dismissed"
EACH_EDGE = "Each time that stock runs out has exactly one pivot and one alert"
BOOST_STANDS_IN = "A boost is carried by an available offer of the pivot's category"
EXACT = "Recommendations equal a full scan"
NOBODY = "nobody"


class Violation(NamedTuple):
    """One law that does not hold, with what is wrong in words."""

    law: str
    detail: str


def broken_now(system: MemorySystem, step: Step) -> Violation | None:
    """The first law that must hold at every moment and does not, after *step*."""
    taken = snapshot(system.world, with_places=False)
    for law in AT_EVERY_MOMENT:
        if broken := _violation(law, taken):
            return broken
    boosted = Counter(pivot.to_offer for pivot in taken.pivots if pivot.is_open and pivot.to_offer)
    twice = [offer_id for offer_id, pivots in boosted.items() if pivots > 1]
    if twice:
        return Violation(ONE_BOOST, f"{twice[0]} is boosted by {boosted[twice[0]]}")
    for violation in _effects_without_request(system):
        return violation
    if isinstance(step, Recommend):
        return next(_served_in_vain(system, step.user), None)
    return None


def broken_at_rest(system: MemorySystem) -> Violation | None:
    """The first law that does not hold once everything was delivered."""
    # As if looked at late enough that nothing may be on its way any more.
    taken = snapshot(system.world)
    taken = replace(taken, taken_at_ms=taken.taken_at_ms + SETTLED_AFTER_MS + 1)
    for law in INVARIANTS:
        if broken := _violation(law, taken):
            return broken
    for own_law in (_edges_without_their_pivot, _boosts_in_vain, _not_exact):
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
