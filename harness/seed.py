"""The sample data: five offers with ends counted from the moment of seeding, three users, five products, and
five pools of promo codes."""

import json
import time
from contextlib import suppress
from pathlib import Path

from handlers.aws.activity_store import DynamoActivityStore
from handlers.aws.code_store import DynamoCodeStore
from handlers.aws.offer_store import DynamoOfferStore
from handlers.aws.product_store import DynamoProductStore
from handlers.aws.serving import DynamoContextReader
from handlers.aws.table_access import Tables
from harness.system import REPOSITORY, RunningSystem
from offerloop.codes.model import Pool, SupplierKind
from offerloop.codes.ports import CodeStore
from offerloop.codes.take_in import take_in_by_amount
from offerloop.errors import OfferExists, PoolExists, ProductExists
from offerloop.offers.model import DiscountType, Offer, Shopper
from offerloop.orders.model import Product

SEED_FOLDER = REPOSITORY / "sam" / "seed"
LISTED_WITHIN_S = 30


def seed(system: RunningSystem) -> None:
    """Load the sample data and wait until the deployed monitor has listed every offer.

    Offers that exist are left as they are, so seeding twice changes nothing.

    Raises:
        TimeoutError: the monitor did not list the offers within LISTED_WITHIN_S seconds.
    """
    tables, dynamodb = Tables.with_prefix(system.prefix), system.client("dynamodb")
    activity = DynamoActivityStore(dynamodb, tables)
    for shopper in sample_shoppers():
        if activity.get_shopper(shopper.user_id) is None:
            activity.put_shopper(shopper)
    offers = DynamoOfferStore(dynamodb, tables)
    for offer in sample_offers(int(time.time())):
        with suppress(OfferExists):
            offers.create(offer, None)
    products = DynamoProductStore(dynamodb, tables)
    for product in sample_products():
        with suppress(ProductExists):
            products.create(product, None)
    # The sample codes can be read by everybody: where others can spend them, there are none.
    seed_pools(DynamoCodeStore(dynamodb, tables), with_codes=system.target != "aws")
    _wait_until_listed(DynamoContextReader(dynamodb, tables), in_stock(offers))


def seed_pools(codes: CodeStore, folder: Path = SEED_FOLDER, *, with_codes: bool = True) -> None:
    """Create the sample pools and fill them for the first time; what was seen before is left as it is."""
    for pool in sample_pools(folder):
        with suppress(PoolExists):
            codes.create_pool(pool, None)
    if with_codes:
        take_in_by_amount(json.loads((folder / "initial_codes.json").read_text()), codes=codes)


def sample_pools(folder: Path = SEED_FOLDER) -> list[Pool]:
    """The sample pools, worth amounts in minor units."""
    rows = json.loads((folder / "pools.json").read_text())
    return [Pool(**row | {"supplier": SupplierKind(row["supplier"])}) for row in rows]


def sample_offers(now: int, folder: Path = SEED_FOLDER) -> list[Offer]:
    """The sample offers, ending `expires_in_s` after *now* (epoch seconds)."""
    offers = []
    for row in json.loads((folder / "offers.json").read_text()):
        expires_at = now + row.pop("expires_in_s")
        row["discount_type"] = DiscountType(row["discount_type"])
        offers.append(Offer(**row, expires_at=expires_at, received_count=row["inventory_count"]))
    return offers


def sample_shoppers(folder: Path = SEED_FOLDER) -> list[Shopper]:
    """The sample users with their preferred categories."""
    rows = json.loads((folder / "users.json").read_text())
    return [Shopper(row["user_id"], row["segment"], tuple(row["preferences"])) for row in rows]


def sample_products(folder: Path = SEED_FOLDER) -> list[Product]:
    """The sample products, with prices in minor units."""
    rows = json.loads((folder / "products.json").read_text())
    return [Product(**row, received_count=row["inventory_count"]) for row in rows]


def in_stock(offers: DynamoOfferStore) -> int:
    """How many offers should be listed, counted one by one."""
    count, cursor = 0, None
    while True:
        page = offers.page(200, cursor)
        count += sum(offer.in_stock for offer in page.offers)
        cursor = page.cursor
        if cursor is None:
            return count


def _wait_until_listed(contexts: DynamoContextReader, expected: int) -> None:
    ends = time.monotonic() + LISTED_WITHIN_S
    while contexts.context("USER001", int(time.time())).total_available != expected:
        if time.monotonic() > ends:
            raise TimeoutError(
                f"the inventory monitor did not list {expected} offers within {LISTED_WITHIN_S} s: "
                "read `make logs FUNCTION=offer-inventory-monitor`"
            )
        time.sleep(0.05)
