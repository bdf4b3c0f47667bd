"""A large catalogue into the running system in one go, and the wait until the monitor has listed it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from handlers.aws.keys import offer_key
from handlers.aws.offer_rows import offer_item, offer_of
from handlers.aws.offer_store import DynamoOfferStore
from handlers.aws.serving import DynamoContextReader
from handlers.aws.table_access import MAX_BATCH_GET, TableAccess, Tables
from harness.seed import in_stock
from harness.settings import Refusal
from harness.system import RunningSystem
from offerloop.offers.model import Offer

WRITERS = 4
POLL_S = 0.25
STALLED_AFTER_S = 60.0  # without one more offer listed

Share = Callable[[float], None]  # called with the share done, 0..1


def load_catalogue(system: RunningSystem, offers: Sequence[Offer], written: Share, listed: Share) -> int:
    """Write the offers that are not there yet and wait until the inventory monitor has listed them.

    Offers that exist stay as they are, with their stock and their counts.

    Args:
        offers: each with its own id.
        written, listed: progress of the two steps.
    Returns:
        How many were written.
    Raises:
        Refusal: an existing offer is of another category, so that its events would be refused.
        TimeoutError: the monitor stopped listing.
    """
    tables, client = Tables.with_prefix(system.prefix), system.client("dynamodb")
    access = TableAccess(client)
    contexts = DynamoContextReader(client, tables)
    before = _available(contexts)
    chunks = [offers[start : start + MAX_BATCH_GET] for start in range(0, len(offers), MAX_BATCH_GET)]

    def write(chunk: Sequence[Offer]) -> int:
        missing = _missing(access, tables, chunk)
        access.put_batch(tables.offers, [offer_item(offer) for offer in missing])
        return sum(offer.in_stock for offer in missing)

    new = 0
    with ThreadPoolExecutor(WRITERS) as pool:
        for done, count in enumerate(pool.map(write, chunks), start=1):
            new += count
            written(done / len(chunks))
    if new:
        _wait_until_listed(
            contexts, before, before + new, listed, lambda: in_stock(DynamoOfferStore(client, tables))
        )
    listed(1.0)
    return new


def _missing(access: TableAccess, tables: Tables, chunk: Sequence[Offer]) -> list[Offer]:
    """The offers of a chunk that do not exist."""
    keys = [offer_key(offer.offer_id) for offer in chunk]
    found = map(offer_of, access.get_batch({tables.offers: keys}, consistent=True).values())
    categories = {offer.offer_id: offer.category for offer in found}
    for offer in chunk:
        category = categories.get(offer.offer_id, offer.category)
        if category != offer.category:
            raise Refusal(
                f"offer {offer.offer_id} is there already, in category {category!r} and not "
                f"{offer.category!r}: empty the system with `make reset`, or choose another product.prefix"
            )
    return [offer for offer in chunk if offer.offer_id not in categories]


def _available(contexts: DynamoContextReader) -> int:
    return contexts.context("USER001", int(time.time())).total_available


def _wait_until_listed(
    contexts: DynamoContextReader, before: int, expected: int, listed: Share, recount: Callable[[], int]
) -> None:
    """Wait until the counter of available offers stands at *expected*.

    Traffic may move the counter meanwhile; when it rests elsewhere, the offers themselves are counted.
    """
    available, moved_at = before, time.monotonic()
    while available != expected:
        time.sleep(POLL_S)
        now_available = _available(contexts)
        if now_available != available:
            available, moved_at = now_available, time.monotonic()
            listed(min(1.0, max(0.0, (available - before) / max(1, expected - before))))
        elif time.monotonic() - moved_at > STALLED_AFTER_S:
            if recount() == available:
                return
            raise TimeoutError(
                f"the inventory monitor listed {available} of {expected} offers and stopped: "
                "read `make logs FUNCTION=offer-inventory-monitor`"
            )
