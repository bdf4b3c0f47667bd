"""Products as rows of the table, also those that foreign clients wrote by hand."""

from collections.abc import Mapping

from handlers.aws.attributes import Item, Value, hundredths, n, n_hundredths, number, s, text
from handlers.aws.keys import PRODUCT_PREFIX, product_key
from offerloop.orders.model import Product, ProductStatus

_STATUSES = {status.value: status for status in ProductStatus}


def product_of(item: Item) -> Product:
    """The product in a METADATA row.

    A foreign client may have left out anything but the key. Missing: ACTIVE, no stock, no price, no counts.
    A status that we do not know is never sold: DISCONTINUED.
    """
    product_id = item["PK"]["S"].removeprefix(PRODUCT_PREFIX)
    return Product(
        product_id=product_id,
        name=text(item, "name", product_id),
        category=text(item, "category"),
        price=hundredths(item, "price"),
        inventory_count=number(item, "inventory_count"),
        status=_STATUSES.get(text(item, "status", "ACTIVE"), ProductStatus.DISCONTINUED),
        held_count=number(item, "held_count"),
        sold_count=number(item, "sold_count"),
        received_count=number(item, "received_count"),
    )


def product_item(product: Product) -> dict[str, Value]:
    """The METADATA row of a product; its price in major units (1299.99)."""
    return product_key(product.product_id) | {
        "name": s(product.name),
        "category": s(product.category),
        "price": n_hundredths(product.price),
        "inventory_count": n(product.inventory_count),
        "status": s(product.status.value),
        "held_count": n(product.held_count),
        "sold_count": n(product.sold_count),
        "received_count": n(product.received_count),
    }


def attributes_of(changes: Mapping[str, str | int]) -> dict[str, Value]:
    """Changes by `Product` field name as attributes."""
    attributes: dict[str, Value] = {}
    for name, value in changes.items():
        if name == "price":
            attributes[name] = n_hundredths(int(value))
        else:
            attributes[name] = n(value) if isinstance(value, int) else s(str(value))
    return attributes
