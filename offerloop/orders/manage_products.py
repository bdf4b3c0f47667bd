"""What a trusted shop server does with products: create, change, restock. Reading is the store's own."""

from collections.abc import Mapping
from functools import partial

from offerloop.changes import check_changeable
from offerloop.clock import Clock, now_s
from offerloop.errors import FieldError, InvalidInput
from offerloop.idempotency import Answer, IdempotentRequest, answer_once
from offerloop.orders.model import Product
from offerloop.orders.ports import ProductStore

MAX_STOCK = 10**9
MAX_PRICE = 10**9
CHANGEABLE = frozenset({"name", "category", "price", "status"})


def create_product(
    product: Product, *, store: ProductStore, clock: Clock, request: IdempotentRequest | None = None
) -> Answer:
    """Create a product; its first stock counts as received.

    Returns:
        `{"productId"}`; the same again for a request that was answered before.
    Raises:
        InvalidInput, ProductExists, IdempotencyKeyReused
    """
    _check_price(product.price)
    if not 0 <= product.inventory_count <= MAX_STOCK:
        raise InvalidInput("the product breaks a rule", [FieldError("stock", f"must be 0..{MAX_STOCK}")])
    now = now_s(clock)
    answer: Answer = {"productId": product.product_id}
    return answer_once(request, answer, partial(store.create, product), store=store, now=now)


def change_product(product_id: str, changes: Mapping[str, str | int], *, store: ProductStore) -> Product:
    """Set some attributes of a product; orders that were placed keep the price that they were placed at.

    Args:
        changes: by `Product` field name, each in CHANGEABLE.
    Raises:
        UnknownProduct, InvalidInput
    """
    check_changeable(changes, CHANGEABLE)
    if "price" in changes:
        _check_price(int(changes["price"]))
    return store.change(product_id, changes)


def restock_product(
    product_id: str,
    units: int,
    *,
    store: ProductStore,
    clock: Clock,
    request: IdempotentRequest | None = None,
) -> Answer:
    """Add units to a product's stock.

    Args:
        units: 1..10**9.
    Returns:
        `{"productId", "restockedUnits"}`; the same again for a request that was answered before.
    Raises:
        UnknownProduct, InvalidInput, IdempotencyKeyReused
    """
    if not 0 < units <= MAX_STOCK:
        raise InvalidInput("units out of range", [FieldError("units", f"must be 1..{MAX_STOCK}")])
    now = now_s(clock)
    answer: Answer = {"productId": product_id, "restockedUnits": units}
    return answer_once(request, answer, partial(store.restock, product_id, units), store=store, now=now)


def _check_price(price: int) -> None:
    if not 0 < price <= MAX_PRICE:
        raise InvalidInput("the product breaks a rule", [FieldError("price", "must be > 0")])
