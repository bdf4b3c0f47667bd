"""What happens after an offer changed: its places in the ranked lists, the counter, and pivots.

Everything but the opening of a pivot is decided from how things stand now, so it does not matter how often
or how late a record is delivered, nor who wrote to the table. A pivot opens on the edge from some stock to
none, once per stream record of such an edge. Besides, records tell which places a process that died may
have left on boards.
"""

from collections.abc import Iterator, Sequence

from offerloop.offers.choose_pivot import PivotDecision, Report, close_pivot, move_pivot, open_pivot
from offerloop.offers.model import PIVOT_BOOST, Offer, OfferChange, OfferStatus
from offerloop.offers.ports import InventoryStore, Situation
from offerloop.offers.rank_offers import Place, place_of, settle_listings


def _unreported(_: PivotDecision) -> None:
    """Nobody listens."""


def watch_inventory(
    changes: Sequence[OfferChange],
    *,
    store: InventoryStore,
    now: int,
    report: Report = _unreported,
    boost: int = PIVOT_BOOST,
) -> int:
    """Bring everything derived from these offers up to date and answer their stockouts.

    Safe to repeat with any part of the batch.

    Args:
        report: told of each step of a pivot right after it is stored; a repeated batch does not repeat
            the step, so what fails later must not swallow the news.
        boost: priority points, 0..100, that pivots opened from now on give; open ones keep theirs.
    Returns:
        How many places in ranked lists changed.
    """
    offer_ids = list(dict.fromkeys(change.offer_id for change in changes))
    situations = store.situations(offer_ids)
    listings_changed = settle_listings(situations, store.rankings(), store, _places_in(changes))
    stockouts = [change for change in changes if change.is_stockout]
    for change in stockouts:
        open_pivot(change, boost=boost, store=store, now=now, report=report)
    if stockouts:
        situations = store.situations(offer_ids)  # opening a pivot changes the states
    for offer_id, situation in situations.items():
        _settle_pivots(offer_id, situation, store, now, report)
        _settle_attributes(offer_id, situation, store)
    return listings_changed


def _places_in(changes: Sequence[OfferChange]) -> Iterator[tuple[str, Place | None]]:
    """The places that the offers had by the records; None = in no list."""
    for change in changes:
        yield change.offer_id, place_of(change.before)
        yield change.offer_id, place_of(change.after)


def _settle_pivots(
    offer_id: str, situation: Situation, store: InventoryStore, now: int, report: Report
) -> None:
    """Undo the pivot of an offer that has stock again or is gone; move on from a target that left."""
    offer, state = situation.offer, situation.state
    if state.open_pivot_id and (offer is None or offer.inventory_count > 0):
        close_pivot(state.open_pivot_id, store=store, now=now, report=report)
    if state.boosted_by and not _stands_in(offer, state.boosted_by, store, now):
        move_pivot(state.boosted_by, away_from=offer_id, store=store, now=now, report=report)


def _stands_in(offer: Offer | None, pivot_id: str, store: InventoryStore, now: int) -> bool:
    """Whether an offer can go on standing in: available, and still of the category that it was chosen for."""
    if offer is None or not offer.is_available(now):
        return False
    pivot = store.get_pivot(pivot_id)
    return pivot is None or pivot.category == offer.category


def _settle_attributes(offer_id: str, situation: Situation, store: InventoryStore) -> None:
    """Book what foreign clients did to the stock, and repair what they overwrote or left out."""
    offer, state = situation.offer, situation.state
    if offer is None:
        return
    adjusted = offer.inventory_count + offer.held_count + offer.redeemed_count - offer.received_count
    if adjusted != state.adjusted_count:
        store.save_adjusted(offer, adjusted)
    pivot = store.get_pivot(state.boosted_by) if state.boosted_by else None
    boost = 0 if pivot is None else pivot.boost
    if offer.priority_boost != boost:
        store.save_boost(offer_id, state, boost)
    if offer.expires_at is not None and offer.status is not OfferStatus.EXPIRED and not situation.end_listed:
        store.list_end(offer_id)
