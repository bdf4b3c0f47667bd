"""What shoppers do with promo codes and points: claim, pay with them, keep what was not used."""

import json
from collections import deque
from typing import Any

import httpx
import simpy

from offerloop.errors import CodeNotGood, HolderLimitReached, InsufficientBonus, OutOfStock, PoolEmpty
from offerloop.offers.model import DiscountType
from offerloop.orders.model import OrderStatus
from simulator.scenario.model import Afterwards, Basket, Points
from simulator.shoppers.buying import Buying
from simulator.shoppers.checkout import BasketLine, Checkout, ClaimedCode, ListedProduct
from simulator.shoppers.clocks import VirtualClock
from simulator.shoppers.http_shop import HttpShop, order_body
from simulator.shoppers.population import Person
from simulator.shoppers.report import order_table
from simulator.shoppers.rewards import CodeHabits, Purses
from simulator.shoppers.shop import Refused, ServedOffer
from simulator.shoppers.streams import Streams
from simulator.shoppers.tally import Tally

OFFER = ServedOffer("OFF001", "dairy", DiscountType.PERCENTAGE, 2_500, 10)
GOODS = 375  # one product of 5.00 with a quarter off
CODE, OTHER = ClaimedCode("BON1", 100), ClaimedCode("BON2", 100)
ALWAYS = CodeHabits("spring", 1.0)
ALL_POINTS = Points(used_share=1.0)


class Ann:
    number, user_id = 7, "ann"


class PatientTill:
    """A `Till` of one product that gives its answers one after the other, the last one for ever.

    Attributes:
        checkouts: baskets that it was handed; claims: for whom a code of which pool was claimed.
    """

    def __init__(self, **answers: list[Any]) -> None:
        given = {"check_out": ["order-1"], "order_status": [OrderStatus.COMPLETED], "usable_points": [0]}
        self._answers = {name: deque(each) for name, each in (given | answers).items()}
        self.checkouts: list[Checkout] = []
        self.claims: list[tuple[str, str]] = []

    def products(self) -> list[ListedProduct]:
        return [ListedProduct("P1", "dairy", 500)]

    def check_out(self, checkout: Checkout) -> object:
        self.checkouts.append(checkout)
        return self._next("check_out")

    def claim_code(self, customer_id: str, pool_id: str) -> object:
        self.claims.append((customer_id, pool_id))
        return self._next("claim_code")

    def usable_points(self, _: str) -> object:
        return self._next("usable_points")

    def order_status(self, _: str) -> object:
        return self._next("order_status")

    def cancel(self, _: str) -> None:
        """In time."""

    def refund(self, _order_id: str, _lines: object) -> None:
        """As asked."""

    def _next(self, name: str) -> object:
        answers = self._answers[name]
        return answers.popleft() if len(answers) > 1 else answers[0]


def bought(
    till: PatientTill,
    times: int = 1,
    codes: CodeHabits | None = ALWAYS,
    points: Points | None = None,
    **habits: float,
) -> Tally:
    """What is counted when Ann buys some times, each time with all that she does afterwards."""
    env, tally = simpy.Environment(), Tally()
    call = VirtualClock(env).call
    purses = Purses(env, till, call, tally, Streams(1).moments("purse"), codes=codes, points=points)
    numbers = Streams(1).moments("purchase")
    basket, afterwards = Basket(mu=1.0, sigma=0.1), Afterwards(**habits)
    buying = Buying(env, till, call, tally, basket, afterwards, numbers, purses=purses)
    buying.read_products()
    for visit in range(times):
        env.process(buying.buy(Ann(), OFFER, visit, 0, whole=True))
        env.run()
    return tally


def paid(till: PatientTill) -> list[tuple[str | None, int, int]]:
    """Code, points and total of every basket."""
    return [(each.code.code if each.code else None, each.use_bonus, each.total) for each in till.checkouts]


def test_a_code_is_claimed_for_the_customer_and_taken_off_the_order():
    till = PatientTill(claim_code=[CODE])

    tally = bought(till)

    assert till.claims == [("ann", "spring")]
    assert paid(till) == [("BON1", 0, GOODS - 100)]
    assert (tally.codes_claimed, tally.orders_with_code, tally.cents_by_code) == (1, 1, 100)
    assert tally.cents_ordered == GOODS - 100


def test_a_code_worth_more_than_the_order_makes_it_free():
    till = PatientTill(claim_code=[ClaimedCode("BON1", 10_000)])

    tally = bought(till, points=ALL_POINTS)

    assert paid(till) == [("BON1", 0, 0)]
    assert tally.cents_by_code == GOODS


def test_whoever_finds_the_pool_empty_pays_in_full_and_asks_again_next_time():
    till = PatientTill(claim_code=[Refused(PoolEmpty.code), CODE])

    tally = bought(till, times=2)

    assert paid(till) == [(None, 0, GOODS), ("BON1", 0, GOODS - 100)]
    assert tally.refusals == {PoolEmpty.code: 1}
    assert tally.orders_placed == 2


def test_whoever_has_claimed_as_many_as_one_may_asks_no_more():
    till = PatientTill(claim_code=[Refused(HolderLimitReached.code)])

    bought(till, times=5)

    assert len(till.claims) == 1
    assert len(till.checkouts) == 5


def test_the_code_of_an_order_that_did_not_come_about_is_used_in_the_next():
    """Refused, failed, called off and given back as a whole: each time the code is the customer's again."""
    out_of_stock = [Refused(OutOfStock.code), "order-1"]
    failed = [OrderStatus.FAILED, OrderStatus.COMPLETED]
    for answers, habits in (
        ({"check_out": out_of_stock}, {}),
        ({"order_status": failed}, {}),
        ({}, {"cancelled_share": 1.0}),
    ):
        till = PatientTill(claim_code=[CODE, OTHER], **answers)

        bought(till, times=2, **habits)

        assert [code for code, _, _ in paid(till)] == ["BON1", "BON1"]
        assert len(till.claims) == 1


def test_the_code_of_an_order_of_which_a_unit_came_back_is_used_up_and_that_of_a_whole_one_is_not():
    till = PatientTill(claim_code=[ClaimedCode(f"BON{at}", 100) for at in range(40)])

    bought(till, times=30, returned_share=1.0)

    codes = [code for code, _, _ in paid(till)]
    assert 30 > len(set(codes)) == len(till.claims) > 5


def test_a_code_that_is_not_good_is_thrown_away_and_the_order_paid_in_full():
    till = PatientTill(claim_code=[CODE, OTHER], check_out=[Refused(CodeNotGood.code), "order-1"])

    tally = bought(till, times=2)

    assert [code for code, _, _ in paid(till)] == ["BON1", None, "BON2"]
    assert tally.refusals == {CodeNotGood.code: 1}
    assert (tally.orders_placed, tally.orders_with_code) == (2, 1)


def test_a_part_of_the_usable_points_is_used_and_never_more_than_is_left_to_pay():
    for usable, part, used in ((100, 1.0, 100), (101, 0.5, 50), (9_999, 1.0, GOODS), (0, 1.0, 0)):
        till = PatientTill(usable_points=[usable])

        tally = bought(till, codes=None, points=Points(used_share=1.0, used_part=part))

        assert paid(till) == [(None, used, GOODS - used)]
        assert (tally.points_used, tally.orders_with_points) == (used, int(used > 0))


def test_too_few_points_are_counted_and_the_order_is_paid_with_money_and_the_code_kept():
    too_few = [Refused(InsufficientBonus.code), "order-1"]
    till = PatientTill(claim_code=[CODE, OTHER], usable_points=[50], check_out=too_few)

    tally = bought(till, times=2, points=ALL_POINTS)

    assert paid(till) == [("BON1", 50, GOODS - 150), (None, 0, GOODS), ("BON1", 50, GOODS - 150)]
    assert tally.refusals == {InsufficientBonus.code: 1}


def test_points_that_cannot_be_asked_for_are_not_used():
    till = PatientTill(usable_points=[Refused("unreachable")])

    tally = bought(till, codes=None, points=ALL_POINTS)

    assert paid(till) == [(None, 0, GOODS)]
    assert tally.refusals == {"unreachable": 1}


def test_nobody_claims_or_asks_where_the_shares_are_nothing():
    till = PatientTill()

    bought(till, times=20, codes=CodeHabits("spring", 0.0), points=Points(used_share=0.0))

    assert till.claims == []
    assert paid(till) == [(None, 0, GOODS)] * 20


def test_what_a_customer_buys_is_the_same_with_a_purse_and_without():
    """Codes and points draw from a stream of their own: a policy for them changes no basket."""
    with_purse, without = PatientTill(claim_code=[CODE]), PatientTill()

    bought(with_purse, times=10, points=ALL_POINTS)
    bought(without, times=10, codes=None)

    assert [each.lines for each in with_purse.checkouts] == [each.lines for each in without.checkouts]


# -- over HTTP ---------------------------------------------------------------------------------------


class Asked:
    """A transport that answers by method and path, and notes what it is asked."""

    def __init__(self, answers: dict[str, tuple[int, dict[str, Any]]]) -> None:
        self.answers, self.requests = answers, list[tuple[str, Any, str | None]]()

    def __call__(self, request: httpx.Request) -> httpx.Response:
        name = f"{request.method} {request.url.raw_path.decode()}"
        body = json.loads(request.content) if request.content else None
        self.requests.append((name, body, request.headers.get("Idempotency-Key")))
        status, answer = self.answers[name]
        return httpx.Response(status, json=answer)


def http_shop(answers: dict[str, tuple[int, dict[str, Any]]]) -> tuple[HttpShop, Asked]:
    asked = Asked(answers)
    return HttpShop("http://shop", "secret", transport=httpx.MockTransport(asked)), asked


def test_a_claim_names_pool_and_holder_under_a_key_of_its_own():
    claimed = {"success": True, "promo_code": "BON1", "amount": 10.5, "currency": "EUR"}
    shop, asked = http_shop({"POST /codes/claim": (200, claimed)})

    assert [shop.claim_code("ann", "spring") for _ in range(2)] == [ClaimedCode("BON1", 1_050)] * 2
    assert [body for _, body, _ in asked.requests] == [{"pool": "spring", "holder": "ann"}] * 2
    keys = [key for _, _, key in asked.requests]
    assert None not in keys
    assert len(set(keys)) == 2


def test_a_refused_claim_keeps_its_code():
    shop, _ = http_shop({"POST /codes/claim": (409, {"code": "pool_empty", "success": False})})

    assert shop.claim_code("ann", "spring") == Refused("pool_empty")


def test_usable_points_are_those_that_are_not_held_in_minor_units():
    account = {"balance": 12.34, "usable": 10.3, "held": 2.04}
    shop, _ = http_shop({"GET /customers/ann%2Fe/bonus?limit=1": (200, account)})

    assert shop.usable_points("ann/e") == 1_030


def test_the_level_of_a_pool_is_what_it_can_give_out():
    level = {"poolId": "spring", "level": {"free": 7, "given": 2, "void": 1}}
    shop, _ = http_shop(
        {"GET /pools/spring": (200, level), "GET /pools/none": (404, {"code": "unknown_pool"})}
    )

    assert (shop.codes_left("spring"), shop.codes_left("none")) == (7, Refused("unknown_pool"))


def test_an_order_says_its_code_and_its_points_and_the_total_that_is_left():
    line = BasketLine(ListedProduct("P1", "dairy", 500), 1)
    plain = order_body(Checkout("ann", (line,)))
    paid_with_both = order_body(Checkout("ann", (line,), code=CODE, use_bonus=30))

    assert paid_with_both == plain | {"promoCode": "BON1", "useBonus": 0.3, "totalAmount": 3.7}
    assert not {"promoCode", "useBonus"} & plain.keys()


def test_the_summary_says_what_codes_and_points_paid_for():
    person: Person = Ann()  # type: ignore[assignment]
    tally, line = Tally(), BasketLine(ListedProduct("P1", "dairy", 500), 1)
    tally.claimed(person, CODE)
    tally.ordered(person, Checkout("ann", (line,), code=CODE, use_bonus=30), None)

    table = order_table(tally)

    rows = dict(zip(*(list(column.cells) for column in table.columns), strict=True))
    assert (rows["promo codes claimed"], rows["with a promo code"]) == ("1", "1")
    assert (rows["paid by codes"], rows["paid with points"], rows["value"]) == ("1.00", "0.30", "3.70")
