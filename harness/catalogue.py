"""A large catalogue into the running system in one go, and the wait until the monitor has listed it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from handlers.aws.keys import offer_key, product_key
from handlers.aws.offer_rows import offer_item, offer_of
from handlers.aws.offer_store import DynamoOfferStore
from handlers.aws.product_rows import product_item, product_of
from handlers.aws.serving import DynamoContextReader
from handlers.aws.table_access import MAX_BATCH_GET, TableAccess, Tables
from harness.seed import in_stock
from harness.settings import Refusal
from harness.system import RunningSystem
from offerloop.offers.model import Offer
from offerloop.orders.model import Product

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


def load_products(system: RunningSystem, products: Sequence[Product], written: Share) -> dict[str, Product]:
    """Write the products that are not there yet.

    Products that exist stay as they are, with their prices, their stock and their counts.

    Args:
        products: each with its own id.
        written: progress.
    Returns:
        All of them as the shop has them, by id.
    Raises:
        Refusal: an existing product is of another category, so that no offer of ours fits it.
    """
    tables, access = Tables.with_prefix(system.prefix), TableAccess(system.client("dynamodb"))
    chunks = [products[start : start + MAX_BATCH_GET] for start in range(0, len(products), MAX_BATCH_GET)]

    def write(chunk: Sequence[Product]) -> dict[str, Product]:
        keys = [product_key(product.product_id) for product in chunk]
        rows = access.get_batch({tables.products: keys}, consistent=True).values()
        found = {product.product_id: product for product in map(product_of, rows)}
        for product in chunk:
            there = found.get(product.product_id, product)
            _check_category("product", product.product_id, there.category, product.category)
        missing = {each.product_id: each for each in chunk if each.product_id not in found}
        access.put_batch(tables.products, [product_item(product) for product in missing.values()])
        return found | missing

    shelf: dict[str, Product] = {}
    with ThreadPoolExecutor(WRITERS) as pool:
        for done, found in enumerate(pool.map(write, chunks), start=1):
            shelf |= found
            written(done / len(chunks))
    return shelf


def offers_as_they_are(system: RunningSystem, offer_ids: Sequence[str]) -> dict[str, Offer]:
    """Read offers, by id."""
    store = DynamoOfferStore(system.client("dynamodb"), Tables.with_prefix(system.prefix))
    chunks = [offer_ids[start : start + MAX_BATCH_GET] for start in range(0, len(offer_ids), MAX_BATCH_GET)]
    return {offer_id: offer for chunk in chunks for offer_id, offer in store.get_many(chunk).items()}


def _missing(access: TableAccess, tables: Tables, chunk: Sequence[Offer]) -> list[Offer]:
    """The offers of a chunk that do not exist."""
    keys = [offer_key(offer.offer_id) for offer in chunk]
    found = map(offer_of, access.get_batch({tables.offers: keys}, consistent=True).values())
    categories = {offer.offer_id: offer.category for offer in found}
    for offer in chunk:
        category = categories.get(offer.offer_id, offer.category)
        _check_category("offer", offer.offer_id, category, offer.category)
    return [offer for offer in chunk if offer.offer_id not in categories]


def _check_category(what: str, which: str, there: str, wanted: str) -> None:
    if there != wanted:
        raise Refusal(
            f"{what} {which} is there already, in category {there!r} and not {wanted!r}: "
            "empty the system with `make reset`, or choose another product.prefix"
        )


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
