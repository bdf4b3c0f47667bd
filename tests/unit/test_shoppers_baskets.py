"""What goes into baskets, and what customers do with their orders."""

import random
from collections import Counter
from math import exp, log
from statistics import correlation, mean, median, stdev

import pytest
import simpy

from offerloop.errors import AmountMismatch, OutOfStock
from offerloop.offers.model import DiscountType
from offerloop.orders.model import MAX_LINES, OrderStatus
from offerloop.orders.refund_order import RefundedLine
from simulator.scenario.model import Afterwards, Basket, Lines, PricePoint
from simulator.shoppers import baskets
from simulator.shoppers.baskets import Shelves, basket_size
from simulator.shoppers.buying import Buying
from simulator.shoppers.checkout import BasketLine, Checkout, ListedProduct
from simulator.shoppers.clocks import VirtualClock
from simulator.shoppers.shop import Refused, ServedOffer
from simulator.shoppers.streams import Streams

# STATS of the grocer: ln(value) 2.79 and 1.24, ln(lines) 1.57 and 1.17, correlation 0.72.
GROCER = Basket(mu=2.79, sigma=1.24, lines=Lines(mu=1.57, sigma=1.17, correlation=0.72))
OFFER = ServedOffer("OFF001", "dairy", DiscountType.PERCENTAGE, 2_500, 10)


def rows(number: int, seed: int = 1) -> list[list[float]]:
    rng = random.Random(seed)
    return [[rng.random() for _ in range(baskets.NUMBERS)] for _ in range(number)]


def grocer_products(number: int = 1_000) -> list[ListedProduct]:
    rng = random.Random(2)
    categories = ("dairy", "bakery", "produce")
    return [
        ListedProduct(f"P{n:04d}", categories[n % 3], max(1, round(100 * exp(rng.gauss(0.62, 0.79)))))
        for n in range(number)
    ]


def test_sizes_of_baskets_are_those_of_the_recording():
    sizes = [basket_size(GROCER, row) for row in rows(4_000)]
    values, lines = [log(value / 100) for value, _ in sizes], [count for _, count in sizes]

    assert mean(values) == pytest.approx(2.79, abs=0.06)
    assert stdev(values) == pytest.approx(1.24, abs=0.05)
    assert median(lines) == pytest.approx(5, abs=0.5)
    assert (min(lines), max(lines)) == (1, MAX_LINES)
    assert correlation(values, [log(count) for count in lines]) == pytest.approx(0.7, abs=0.05)


def test_a_basket_comes_near_the_value_that_was_drawn_for_it():
    shelves = Shelves(grocer_products())
    drawn, bought = [], []
    for row in rows(2_000):
        drawn.append(basket_size(GROCER, row)[0])
        lines = shelves.basket(OFFER, GROCER, row, whole=True)
        bought.append(Checkout("ann", lines).total)

    assert median(bought) == pytest.approx(median(drawn), rel=0.15)
    assert mean(bought) == pytest.approx(mean(drawn), rel=0.25)
    near = sum(0.5 < got / aimed < 2 for got, aimed in zip(bought, drawn, strict=True))
    assert near > 0.85 * len(drawn)


def test_a_basket_has_one_unit_with_the_offer_and_names_no_other_product_twice():
    shelves = Shelves(grocer_products(30))

    for row in rows(300):
        first, *others = shelves.basket(OFFER, GROCER, row, whole=True)

        assert (first.offer, first.quantity, first.product.category) == (OFFER, 1, "dairy")
        assert {line.offer for line in others} <= {None}
        assert max(Counter(line.product.product_id for line in others).values(), default=1) == 1
        assert len(others) < MAX_LINES
        assert shelves.basket(OFFER, GROCER, row, whole=False) == (first,)


def test_price_points_come_as_often_as_they_should():
    section = Basket(mu=3.0, sigma=0.5, price_points=(PricePoint(value_hundredths=1_177, share=0.25),))

    sizes = [basket_size(section, row) for row in rows(2_000)]

    assert sum(value == 1_177 for value, _ in sizes) == pytest.approx(500, abs=60)
    assert {lines for _, lines in sizes} == {1}


def test_the_offers_discount_is_taken_off_as_the_shop_takes_it_off():
    product = ListedProduct("P1", "dairy", 1_999)
    amount_off = ServedOffer("OFF2", "dairy", DiscountType.FIXED_AMOUNT, 2_500, 10)

    totals = [BasketLine(product, 2, offer).amount for offer in (None, OFFER, amount_off)]

    assert totals == [3_998, 2 * 1_499, 0]


class TestTill:
    """A `Till` that answers as it is told and notes what is asked."""

    __test__ = False

    def __init__(self, **answers: object) -> None:
        self.asked: list[tuple[str, object]] = []
        self._answers = answers
        self.price = 500

    def __getattr__(self, name: str):
        def ask(*arguments: object) -> object:
            self.asked.append((name, arguments[-1] if arguments else None))
            return self._answers.get(name)

        return ask

    def products(self) -> list[ListedProduct]:
        self.asked.append(("products", None))
        return [ListedProduct("P1", "dairy", self.price)]


class Noted:
    """A `PurchaseWitness`."""

    def __init__(self) -> None:
        self.told: list[tuple[object, ...]] = []

    def ordered(self, person, checkout, refused):
        self.told.append(("ordered", checkout.total, refused))

    def looked_up(self, person, status):
        self.told.append(("looked_up", status))

    def called_off(self, person, refused):
        self.told.append(("called_off", refused))

    def gave_back(self, person, refused):
        self.told.append(("gave_back", refused))


class Ann:
    number, user_id = 7, "ann"


def bought(till: TestTill, times: int = 1, **habits: float) -> list[tuple[object, ...]]:
    """What is told when Ann buys, with everything that she does afterwards."""
    env, witness = simpy.Environment(), Noted()
    basket = Basket(mu=1.0, sigma=0.1)
    buying = Buying(
        env,
        till,
        VirtualClock(env).call,
        witness,
        basket,
        Afterwards(**habits),
        Streams(1).moments("purchase"),
        phone_of=lambda _: "+447700900123",
    )
    buying.read_products()

    def visits():
        for visit in range(times):
            yield from buying.buy(Ann(), OFFER, visit, 0, whole=True)

    env.process(visits())
    env.run()
    return witness.told


def test_an_order_is_looked_up_and_that_is_all():
    till = TestTill(check_out="order-1", order_status=OrderStatus.COMPLETED)

    assert bought(till) == [("ordered", 375, None), ("looked_up", OrderStatus.COMPLETED)]
    [checkout] = [given for name, given in till.asked if name == "check_out"]
    assert (checkout.customer_id, checkout.phone, checkout.units) == ("ann", "+447700900123", 1)


def test_what_is_called_off_in_time_is_not_looked_for():
    till = TestTill(check_out="order-1", cancel=None)

    assert bought(till, cancelled_share=1.0) == [("ordered", 375, None), ("called_off", None)]


def test_whoever_is_too_late_to_call_it_off_gives_it_back():
    late = Refused("order_not_open")
    till = TestTill(check_out="order-1", cancel=late, order_status=OrderStatus.COMPLETED)

    told = bought(till, times=20, cancelled_share=1.0, returned_share=1.0)

    assert Counter(name for name, *_ in told) == dict.fromkeys(
        ("ordered", "called_off", "looked_up", "gave_back"), 20
    )
    returned = Counter(given for name, given in till.asked if name == "refund")
    assert returned.keys() == {(), (RefundedLine("P1", 1),)}  # some whole, some a unit


def test_an_order_that_failed_is_not_given_back():
    till = TestTill(check_out="order-1", order_status=OrderStatus.FAILED)

    assert bought(till, returned_share=1.0)[-1] == ("looked_up", OrderStatus.FAILED)


def test_a_refused_order_leads_to_nothing():
    till = TestTill(check_out=Refused(OutOfStock.code))

    assert bought(till, cancelled_share=1.0) == [("ordered", 375, Refused(OutOfStock.code))]


def test_prices_that_changed_are_read_anew():
    till = TestTill(check_out=Refused(AmountMismatch.code))
    till_before = len([name for name, _ in till.asked if name == "products"])

    bought(till)

    assert [name for name, _ in till.asked].count("products") == till_before + 2
