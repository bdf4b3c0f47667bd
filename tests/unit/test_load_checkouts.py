"""Visits that end at the till: what is put into a basket, ordered, and looked at afterwards."""

from collections import Counter
from collections.abc import Callable
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtests.checkouts import VISITS, checkout_visit, fill_basket, shop_visit
from loadtests.plan import VisitKind
from loadtests.visits import REQUEST_NAMES, Answer, InventoryManager, Request, Steps, Visitor, visit
from offerloop.offers.model import DiscountType
from simulator.scenario import load_scenario
from simulator.shoppers.checkout import ListedProduct
from simulator.shoppers.shop import ServedOffer
from tests.load_steps import sent

POPULATION = load_scenario("baseline").population
LAPTOP = {
    "productId": "LAPTOP001",
    "category": "electronics",
    "price": 1299.99,
    "stock": 50,
    "status": "ACTIVE",
}
COFFEE = {"productId": "COFFEE001", "category": "groceries", "price": 18.49, "stock": 500, "status": "ACTIVE"}
OFFERS = [
    {
        "offer_id": "OFF001",
        "category": "electronics",
        "discount_type": "PERCENTAGE",
        "discount_value": 25,
        "inventory_count": 50,
    },
    {
        "offer_id": "OFF009",
        "category": "travel",
        "discount_type": "PERCENTAGE",
        "discount_value": 45,
        "inventory_count": 50,
    },
]
Shop = Callable[[Request], Answer]


def a_shop(*products: dict[str, object], order: Answer | None = None, status: str = "COMPLETED") -> Shop:
    """A shop that sells some products and says the same of every order."""
    answers = {
        "recommend": Answer({"recommended_offers": OFFERS}),
        "list products": Answer({"products": list(products)}),
        "place order": order or Answer({"orderId": "order-1"}),
        "order status": Answer({"status": status}),
    }
    return lambda request: answers.get(request.name, Answer({}))


def names(requests: list[Request]) -> list[str]:
    return [request.name for request in requests]


def a_visitor(number: int = 0, *, hunting: bool = False) -> Visitor:
    return Visitor(f"U{number}", POPULATION, seed=1, hunting=hunting)


def visits(kind: Callable[[Visitor, Random], Steps], shop: Shop, count: int = 400) -> list[list[Request]]:
    return [sent(kind(a_visitor(number), Random(number)), shop) for number in range(count)]


def orders(of: list[list[Request]]) -> list[Request]:
    return [request for requests in of for request in requests if request.name == "place order"]


def test_a_checkout_lists_products_orders_once_and_looks_at_its_own_order():
    requests = sent(checkout_visit(a_visitor(), Random(1)), a_shop(LAPTOP))

    assert names(requests) == ["list products", "place order", "order status"]
    [_, order, status] = requests
    assert (order.method, order.path, order.once) == ("POST", "/orders", True)
    assert (order.body["customerId"], order.body["customerEmail"]) == ("U0", "U0@shoppers.test")
    assert "customerPhone" not in order.body
    assert (status.method, status.path) == ("GET", "/orders/order-1")


def test_every_total_is_what_the_lines_add_up_to():
    for order in orders(visits(checkout_visit, a_shop(LAPTOP, COFFEE))):
        lines = sum(round(100 * item["price"]) * item["quantity"] for item in order.body["items"])
        assert round(100 * order.body["totalAmount"]) == lines


def test_an_order_in_progress_is_looked_at_three_times_and_a_final_one_once():
    def looks(status: str) -> int:
        return max(
            names(each).count("order status")
            for each in visits(checkout_visit, a_shop(LAPTOP, status=status))
        )

    assert (looks("PENDING"), looks("FULFILLMENT"), looks("COMPLETED"), looks("FAILED")) == (3, 3, 1, 1)


def test_a_few_cancel_and_some_look_at_all_their_orders():
    counts = Counter(name for requests in visits(checkout_visit, a_shop(LAPTOP)) for name in names(requests))

    assert counts["place order"] == 400
    assert 5 < counts["cancel order"] < 40
    assert 50 < counts["list orders"] < 110


@pytest.mark.parametrize(
    "shop",
    [
        a_shop(),
        a_shop({**LAPTOP, "stock": 0}, {**COFFEE, "status": "DISCONTINUED"}),
        lambda _: Answer(code="busy"),
    ],
    ids=["nothing is sold", "all is sold out", "nobody answers"],
)
def test_nobody_orders_where_nothing_can_be_bought(shop):
    assert {tuple(names(requests)) for requests in visits(checkout_visit, shop, 20)} == {("list products",)}


def test_a_refused_order_is_not_looked_at():
    refusing = a_shop(LAPTOP, order=Answer(code="out_of_stock"))

    assert {tuple(names(requests)) for requests in visits(checkout_visit, refusing, 20)} == {
        ("list products", "place order")
    }


def test_a_shopper_redeems_by_the_order_what_a_product_is_sold_for_and_by_an_event_what_not():
    seen = visits(shop_visit, a_shop(LAPTOP, COFFEE))

    used = [item["offerId"] for order in orders(seen) for item in order.body["items"] if "offerId" in item]
    redeemed = {
        request.body["offer_id"] for requests in seen for request in requests if request.name == "redeem"
    }
    assert set(used) == {"OFF001"}
    assert redeemed == {"OFF009"}


def test_an_offer_takes_its_discount_off_one_unit():
    seen = visits(shop_visit, a_shop(LAPTOP))
    with_offer = [order for order in orders(seen) if "offerId" in order.body["items"][0]]

    assert with_offer
    for order in with_offer:
        [line] = order.body["items"]
        assert (line["quantity"], line["price"], order.body["totalAmount"]) == (1, 1299.99, 974.99)


def test_most_shoppers_leave_without_an_order():
    seen = visits(shop_visit, a_shop(LAPTOP, COFFEE))

    assert 0.3 < len(orders(seen)) / len(seen) < 0.8
    assert all(names(requests)[0] == "recommend" for requests in seen)


products = st.lists(
    st.builds(
        ListedProduct,
        product_id=st.uuids().map(str),
        category=st.sampled_from(["electronics", "groceries"]),
        price=st.integers(1, 10**6),
    ),
    max_size=30,
    unique_by=lambda product: product.product_id,
)


@given(products, st.integers(0, 2**32), st.integers(0, 3))
def test_a_basket_has_each_product_once_and_each_offer_on_its_category(sold, seed, offers):
    wanted = [
        ServedOffer(f"OFF{number}", "electronics", DiscountType.PERCENTAGE, 2_500, 9)
        for number in range(offers)
    ]

    lines = fill_basket(sold, wanted, Random(seed))

    ids = [line.product.product_id for line in lines]
    assert len(set(ids)) == len(ids) <= 20
    assert bool(lines) == bool(sold)
    electronics = sum(product.category == "electronics" for product in sold)
    with_offer = [line for line in lines if line.offer is not None]
    assert len(with_offer) == min(offers, electronics)
    assert {(line.product.category, line.quantity) for line in with_offer} <= {("electronics", 1)}


def test_baskets_are_small_and_differ():
    sold = [ListedProduct(f"P{number}", "c", 100) for number in range(10)]
    baskets = [fill_basket(sold, [], Random(number)) for number in range(1_000)]

    assert 1.8 < sum(map(len, baskets)) / 1_000 < 2.2
    units = [line.quantity for basket in baskets for line in basket]
    assert 1.2 < sum(units) / len(units) < 1.5


def test_browsing_is_what_it_was_and_sends_nothing_to_the_till():
    assert VISITS[VisitKind.BROWSE] is visit
    sent_names = {name for requests in visits(visit, a_shop(LAPTOP)) for name in names(requests)}
    assert sent_names <= {"recommend", "track", "redeem"}


def test_every_request_has_a_name_for_which_an_objective_can_be_set():
    shop = a_shop(LAPTOP, COFFEE)
    seen = {name for kind in VISITS.values() for each in visits(kind, shop) for name in names(each)}

    assert seen <= set(REQUEST_NAMES)


def test_the_manager_refills_products_where_orders_are_sent_and_leaves_them_otherwise():
    shop = a_shop({**LAPTOP, "stock": 99}, {**COFFEE, "stock": 100})

    keeping = sent(InventoryManager(Random(1), products=True).round(), shop)
    leaving = sent(InventoryManager(Random(1)).round(), shop)

    assert [(each.name, each.path, each.body) for each in keeping] == [
        ("list offers", "/offers?limit=200", None),
        ("list products", "/products?limit=200", None),
        ("restock product", "/products/LAPTOP001/restock", {"units": 500}),
    ]
    assert names(leaving) == ["list offers"]
