"""What can be seen of a system at rest and does not depend on its clock, as named plain values."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import isclose

from offerloop.offers.experiments import Experiment
from offerloop.offers.model import Offer, Shopper
from offerloop.offers.scoring import Order
from offerloop.offers.track_event import NEVER_AGAIN
from simulator.snapshot import Snapshot

Observation = dict[str, object]
Answer = Mapping[str, object]

# Points fade with time, and scores are shown with one decimal: two systems look milliseconds apart.
RELATIVE, ABSOLUTE = 0.01, 0.11


@dataclass(frozen=True)
class Sight:
    """Everything that an observation is made from.

    Attributes:
        shoppers: those that the script knows, as far as they exist.
        served: what a panel of users is recommended, by user.
    """

    snapshot: Snapshot
    shoppers: Iterable[Shopper]
    experiments: Iterable[Experiment]
    served: Mapping[str, Answer]
    starts_at: int


def observed(sight: Sight) -> Observation:
    """Name each value; ids and times that a system chose itself are left out."""
    snapshot = sight.snapshot
    seen: Observation = {
        "offers in stock": snapshot.available,
        "messages waiting": len(snapshot.outbox),
        "listed by end": sorted(snapshot.ends_listed),
    }
    for offer in snapshot.offers.values():
        seen[f"offer {offer.offer_id}"] = _offer(offer, sight.starts_at)
    seen |= _pivots(snapshot) | _places(snapshot) | _events(snapshot)
    for shopper in sight.shoppers:
        seen[f"shopper {shopper.user_id}"] = _shopper(shopper, sight.starts_at)
    for experiment in sight.experiments:
        seen[f"experiment {experiment.experiment_id}"] = experiment.status.value
    for user_id, answer in sight.served.items():
        seen[f"served to {user_id}"] = dict(answer)
    return seen


def _offer(offer: Offer, starts_at: int) -> dict[str, object]:
    return {
        "stock": offer.inventory_count,
        "received": offer.received_count,
        "redeemed": offer.redeemed_count,
        "category": offer.category,
        "priority": offer.priority,
        "boost": offer.priority_boost,
        "status": offer.status.value,
        "ends after": None if offer.expires_at is None else offer.expires_at - starts_at,
        "per user": offer.redemptions_per_user,
        "discount": (offer.discount_type.value, offer.discount_hundredths),
    }


def _pivots(snapshot: Snapshot) -> Observation:
    """Pivots by their first offer, without their ids; and what the monitor noted."""
    by_id = {pivot.pivot_id: pivot for pivot in snapshot.pivots}
    found: dict[str, list[tuple[object, ...]]] = defaultdict(list)
    for pivot in by_id.values():
        step = (pivot.category, pivot.to_offer or "", pivot.moved_from, pivot.is_open, pivot.boost)
        found[f"pivots from {pivot.from_offer}"].append(step)
    seen: Observation = {name: sorted(pivots) for name, pivots in found.items()}
    for offer_id, state in snapshot.states.items():
        booster = by_id.get(state.boosted_by or "")
        seen[f"state of {offer_id}"] = {
            "stockouts": state.stockouts,
            "has an open pivot": state.open_pivot_id is not None,
            "boosted by": booster.from_offer if booster else None,
            "adjusted": state.adjusted_count,
        }
    return seen


def _places(snapshot: Snapshot) -> Observation:
    kept = {weights.ranking_id for weights in snapshot.rankings}
    seen: Observation = {}
    for ranking_id in kept:
        seen[f"ranking {ranking_id}"] = {
            key.offer_id: (place.category, place.entry.priority, place.entry.stock, sorted(place.lists))
            for key, place in snapshot.places.items()
            if key.ranking_id == ranking_id
        }
    for key, copies in snapshot.boards.items():
        board = copies[0]
        heads = {order.value: [entry.offer_id for entry in board.head(order).entries] for order in Order}
        # A list that was never written and one that is empty again look the same to a reader.
        if any(heads.values()):
            seen[f"board {key.ranking_id} {key.list_name}"] = heads
    return seen


def _events(snapshot: Snapshot) -> Observation:
    """Each user's events in their order, whether counted, and what was counted of them."""
    by_user: dict[str, list[tuple[object, ...]]] = defaultdict(list)
    in_order = sorted(snapshot.events, key=lambda row: (row.event.occurred_at_ms, row.event.event_id))
    for event, counted_at in in_order:
        by_user[f"events of {event.user_id}"].append(
            (
                event.event_type.value,
                event.offer_id,
                event.category,
                event.experiment_id,
                event.variant,
                event.first_exposure,
                event.first_conversion,
                counted_at is not None,
            )
        )
    trend = snapshot.trend.at(snapshot.taken_at_ms).points if snapshot.trend else {}
    seen: Observation = dict(by_user)
    seen["redeemed"] = {f"{user} {offer}": count for (user, offer), count in snapshot.redeemed.items()}
    seen["tallies"] = {"/".join(arm): tuple(tally) for arm, tally in _tallies(snapshot).items() if any(tally)}
    seen["trending"] = dict(sorted(trend.items()))
    return seen


def _tallies(snapshot: Snapshot) -> dict[tuple[str, str], tuple[int, int]]:
    return {arm: (tally.exposed, tally.converted) for arm, tally in snapshot.tallies.items()}


def _shopper(shopper: Shopper, starts_at: int) -> dict[str, object]:
    return {
        "preferences": tuple(shopper.preferences),
        "affinities": {name: affinity.points for name, affinity in sorted(shopper.affinities.items())},
        # A dismissal ends a week after it, in whole hours here; a used-up offer with the offer or never.
        "skips": {
            offer_id: "never" if until == NEVER_AGAIN else round((until - starts_at) / 3_600)
            for offer_id, until in sorted(shopper.skips.items())
        },
        "exposed in": shopper.exposed_in,
        "converted in": shopper.converted_in,
        "points": shopper.engagement_points,
    }


def first_difference(one: object, other: object, name: str = "") -> tuple[str, object, object] | None:
    """Where two observations differ first: the name of the value, and both; floats nearly equal are equal."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        for key in [*one, *(key for key in other if key not in one)]:
            below = f"{name}: {key}" if name else str(key)
            found = first_difference(one.get(key, "nothing"), other.get(key, "nothing"), below)
            if found:
                return found
        return None
    if isinstance(one, list | tuple) and isinstance(other, list | tuple) and len(one) == len(other):
        pairs = (first_difference(a, b, name) for a, b in zip(one, other, strict=True))
        return (name, one, other) if any(pairs) else None
    if isinstance(one, float) and isinstance(other, float | int):
        return None if isclose(one, other, rel_tol=RELATIVE, abs_tol=ABSOLUTE) else (name, one, other)
    return None if one == other else (name, one, other)
