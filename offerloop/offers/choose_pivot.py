"""Pivots: when an offer sells out, the next best of its category takes over with more priority.

One stockout has one pivot, however often its stream record is delivered. An offer carries at most one
boost. When the boosted offer ends, the boost moves on; when the first offer is restocked, it is taken
back. Each step is one conditional transaction: when it fails because something moved, it is decided again.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from enum import StrEnum

from offerloop.errors import Busy
from offerloop.offers.board import category_list
from offerloop.offers.model import Offer, OfferChange, Pivot
from offerloop.offers.ports import InventoryStore
from offerloop.offers.scoring import BY_PRIORITY, Order, sort_key
from offerloop.outbox import Message, Topic
from offerloop.record import record

MAX_TRIES = 10  # how often a step is decided again because something moved
PAGE = 24


class PivotStep(StrEnum):
    OPENED = "OPENED"
    MOVED = "MOVED"
    CLOSED = "CLOSED"


@record(frozen=True, slots=True)
class PivotDecision:
    """One step of a pivot. *target* is the offer that carries the boost from now on, if any."""

    step: PivotStep
    pivot: Pivot
    target: Offer | None


def pivot_id_of(change: OfferChange) -> str:
    """`<UTC day>/<UTC second>#<offer>#<stream record>`: sorts by time, the same for every delivery."""
    at = datetime.fromtimestamp(change.changed_at, UTC)
    return f"{at:%Y-%m-%d}/{at:%Y-%m-%dT%H:%M:%SZ}#{change.offer_id}#{change.change_id}"


Report = Callable[[PivotDecision], None]  # told of each step once it is stored, whatever fails after it


def open_pivot(change: OfferChange, *, boost: int, store: InventoryStore, now: int, report: Report) -> None:
    """Answer one stockout, unless it was answered before; the next best gets *boost* priority points."""
    if change.after is None:
        return
    pivot_id, category = pivot_id_of(change), change.after.category
    for _ in range(MAX_TRIES):
        if store.get_pivot(pivot_id) is not None:
            return
        earlier = store.situations([change.offer_id])[change.offer_id].state.open_pivot_id
        if earlier is not None:
            # Restocked and sold out again before the restock was looked at.
            close_pivot(earlier, store=store, now=now, report=report)
        target = _next_best(category, change.offer_id, store, now)
        to_offer = target.offer_id if target else None
        pivot = Pivot(pivot_id, change.offer_id, category, change.changed_at, to_offer, boost)
        if store.save_pivot(None, pivot, _alert(pivot, change.after)):
            report(PivotDecision(PivotStep.OPENED, pivot, target))
            return
    raise Busy(f"the pivot from {change.offer_id} cannot be written: its candidates keep changing")


def move_pivot(pivot_id: str, *, away_from: str, store: InventoryStore, now: int, report: Report) -> None:
    """Give the boost of an open pivot to the next candidate, unless it had moved or closed already."""
    for _ in range(MAX_TRIES):
        pivot = store.get_pivot(pivot_id)
        if pivot is None or not pivot.is_open or pivot.to_offer != away_from:
            return
        target = _next_best(pivot.category, pivot.from_offer, store, now, also_not=away_from)
        moved = replace(
            pivot, to_offer=target.offer_id if target else None, moved_from=(*pivot.moved_from, away_from)
        )
        if store.save_pivot(pivot, moved, None):
            report(PivotDecision(PivotStep.MOVED, moved, target))
            return
    raise Busy(f"the pivot {pivot_id} cannot be moved: its candidates keep changing")


def close_pivot(pivot_id: str, *, store: InventoryStore, now: int, report: Report) -> None:
    """Take the boost of a pivot back, unless it was closed already."""
    for _ in range(MAX_TRIES):
        pivot = store.get_pivot(pivot_id)
        if pivot is None or not pivot.is_open:
            return
        closed = replace(pivot, undone_at=now)
        if store.save_pivot(pivot, closed, None):
            report(PivotDecision(PivotStep.CLOSED, closed, None))
            return
    raise Busy(f"the pivot {pivot_id} cannot be closed: it keeps moving")


def _next_best(
    category: str, from_offer: str, store: InventoryStore, now: int, also_not: str | None = None
) -> Offer | None:
    """The available offer of the category with the highest base priority that carries no boost yet."""
    for offer_ids in _by_priority(category, store):
        records = store.get_many(offer_ids)
        for offer_id in offer_ids:
            offer = records.get(offer_id)
            if offer is None or offer_id in (from_offer, also_not) or not _may_be_boosted(offer, now):
                continue
            # The state decides: a foreign client may have overwritten the attribute, or the read be old.
            situation = store.situations([offer_id])[offer_id]
            offer = situation.offer
            if offer is not None and situation.state.boosted_by is None and _may_be_boosted(offer, now):
                return offer
    return None


def _may_be_boosted(offer: Offer, now: int) -> bool:
    return offer.priority_boost == 0 and offer.is_available(now)


def _by_priority(category: str, store: InventoryStore) -> Iterator[list[str]]:
    """Ids of the category's offers in stock by descending priority, page by page."""
    name = category_list(category)
    head = store.stored_boards(BY_PRIORITY, [name])[name].base
    yield [entry.offer_id for entry in head.entries]
    after = head.frontier
    while after is not None:
        page = store.read_on(BY_PRIORITY, name, Order.BASE, after, PAGE)
        yield [entry.offer_id for entry in page]
        after = sort_key(page[-1], BY_PRIORITY, Order.BASE) if len(page) == PAGE else None


def _alert(pivot: Pivot, offer: Offer) -> Message:
    """The stockout alert that goes out once per stockout."""
    return Message(
        message_id=pivot.pivot_id,
        topic=Topic.STOCKOUT_ALERT,
        partition_key=offer.offer_id,
        body={
            "offer_id": offer.offer_id,
            "offer_name": offer.offer_name,
            "category": offer.category,
            "pivot_id": pivot.pivot_id,
            "to_offer": pivot.to_offer,
        },
        written_at_ms=pivot.opened_at * 1_000,
    )
