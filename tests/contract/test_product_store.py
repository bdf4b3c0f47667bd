"""`ProductStore`: the catalogue."""

from dataclasses import replace

import pytest

from offerloop.errors import InvalidInput, ProductExists, UnknownProduct
from offerloop.orders.model import ProductStatus
from offerloop.orders.ports import StaleOrder
from tests.factories import an_answered
from tests.orders import a_product


@pytest.mark.parametrize("price", [1, 99, 100, 1_250, 129_999, 123_456_789])
def test_a_product_comes_back_as_it_was_created(stores, price):
    product = a_product(
        name="Größe ✨", price=price, status=ProductStatus.DISCONTINUED, held_count=2, sold_count=3
    )

    stores.products.create(product, None)

    assert stores.products.get("LAPTOP001") == product


def test_an_id_is_created_once(stores):
    stores.products.create(a_product(), None)

    with pytest.raises(ProductExists):
        stores.products.create(a_product(price=1), None)

    assert stores.products.get("LAPTOP001") == a_product()


def test_an_unknown_product_is_refused_by_every_operation(stores):
    with pytest.raises(UnknownProduct):
        stores.products.get("NONE")
    with pytest.raises(UnknownProduct):
        stores.products.change("NONE", {"price": 1})
    with pytest.raises(UnknownProduct):
        stores.products.change("NONE", {})
    with pytest.raises(UnknownProduct):
        stores.products.restock("NONE", 1, None)


def test_a_twin_of_an_answered_creation_is_stale(stores):
    stores.products.create(a_product(), an_answered())

    with pytest.raises(StaleOrder):
        stores.products.create(a_product(), an_answered())

    assert stores.products.find("shop:POST /x", "k1") == an_answered()


def test_a_refused_creation_leaves_no_answer(stores):
    stores.products.create(a_product(), None)

    with pytest.raises(ProductExists):
        stores.products.create(a_product(), an_answered())

    assert stores.products.find("shop:POST /x", "k1") is None


def test_changes_touch_only_what_they_name(stores):
    stores.products.create(a_product(), None)

    changed = stores.products.change(
        "LAPTOP001", {"name": "Laptop", "category": "office", "price": 99_905, "status": "DISCONTINUED"}
    )

    expected = replace(
        a_product(), name="Laptop", category="office", price=99_905, status=ProductStatus.DISCONTINUED
    )
    assert (changed, stores.products.get("LAPTOP001")) == (expected, expected)
    assert stores.products.change("LAPTOP001", {}) == expected


def test_a_restock_counts_as_received_and_once_per_key(stores):
    stores.products.create(a_product(), None)
    stores.products.restock("LAPTOP001", 5, an_answered())

    with pytest.raises(StaleOrder):
        stores.products.restock("LAPTOP001", 5, an_answered())
    stores.products.restock("LAPTOP001", 1, None)

    restocked = stores.products.get("LAPTOP001")
    assert (restocked.inventory_count, restocked.received_count) == (16, 16)


def test_pages_hold_every_product_once(stores):
    ids = {f"P{number:02d}" for number in range(13)}
    for product_id in ids:
        stores.products.create(a_product(product_id), None)

    pages, cursor = [], None
    while not pages or cursor is not None:
        page = stores.products.page(5, cursor)
        pages.append([product.product_id for product in page.products])
        cursor = page.cursor

    assert [len(page) for page in pages] == [5, 5, 3]
    assert {product_id for page in pages for product_id in page} == ids


def test_an_empty_catalogue_and_a_full_last_page_have_no_cursor(stores):
    assert (stores.products.page(5, None).products, stores.products.page(5, None).cursor) == ((), None)
    stores.products.create(a_product(), None)

    page = stores.products.page(1, None)

    assert (page.products, page.cursor) == ((a_product(),), None)


@pytest.mark.parametrize("cursor", ["", "%%%", "🎁", "A", "_____w"])
def test_a_foreign_cursor_is_refused(stores, cursor):
    with pytest.raises(InvalidInput):
        stores.products.page(5, cursor)
