"""Visitors act on what they are served; the inventory manager on what is in stock."""

from collections.abc import Callable
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtests.visits import Answer, InventoryManager, Request, Visitor, visit
from simulator.scenario import load_scenario
from tests.load_steps import sent

POPULATION = load_scenario("baseline").population
OFFERS = [
    {"offer_id": "A", "category": "apparel", "discount_value": 10},
    {"offer_id": "B", "category": "outdoors", "discount_value": 45},
]


def serve(request: Request) -> Answer:
    return Answer({"recommended_offers": OFFERS} if request.name == "recommend" else {"event_id": "1"})


def visits_of(visitor: Visitor, answer: Callable[[Request], Answer], count: int = 300) -> list[list[Request]]:
    return [sent(visit(visitor, Random(number)), answer) for number in range(count)]


def test_a_visit_asks_first_and_then_reports_only_on_what_was_served():
    for requests in visits_of(Visitor("ann", POPULATION, seed=1), serve):
        first, *others = requests
        assert (first.name, first.body) == ("recommend", {"user_id": "ann"})
        assert {(event.body["offer_id"], event.body["category"]) for event in others} <= {
            ("A", "apparel"),
            ("B", "outdoors"),
        }
        assert all(event.once for event in others)


def test_nobody_goes_on_where_nothing_was_served():
    assert {
        len(requests) for requests in visits_of(Visitor("ann", POPULATION, seed=1), lambda _: Answer())
    } == {1}


def test_a_visit_is_fruitless_where_nothing_appeals_and_not_where_nobody_answers():
    def outcome(answer: Answer) -> bool:
        steps = visit(Visitor("ann", POPULATION, seed=1), Random(1))
        next(steps)
        with pytest.raises(StopIteration) as end:
            steps.send(answer)
        return end.value.value

    assert outcome(Answer()) is False
    assert outcome(Answer(code="busy")) is True


def test_a_redemption_that_is_refused_makes_one_ask_again_once():
    def sold_out(request: Request) -> Answer:
        return Answer(code="out_of_stock") if request.name == "redeem" else serve(request)

    visits = visits_of(Visitor("ann", POPULATION, seed=1, hunting=True), sold_out)
    refused = [requests for requests in visits if requests[-1].name == "redeem" or len(requests) > 8]
    asked = [sum(request.name == "recommend" for request in requests) for requests in visits]

    assert refused
    assert set(asked) == {1, 2}


def test_bargain_hunters_look_at_the_largest_discount_first_and_redeem_more():
    def redeemed(hunting: bool) -> int:
        visits = visits_of(Visitor("ann", POPULATION, seed=1, hunting=hunting), serve)
        return sum(request.name == "redeem" for requests in visits for request in requests)

    hunts = visits_of(Visitor("ann", POPULATION, seed=1, hunting=True), serve)
    first_viewed = [requests[1].body["offer_id"] for requests in hunts if len(requests) > 1]

    assert first_viewed.count("B") > 0.7 * len(first_viewed)
    assert redeemed(hunting=True) > redeemed(hunting=False)


def test_the_same_person_has_the_same_taste_in_every_visit_and_process():
    appeals = [Visitor("ann", POPULATION, seed=1).appeal(OFFERS[0]) for _ in range(2)]

    assert appeals[0] == appeals[1]
    assert {Visitor(f"U{n}", POPULATION, seed=1).appeal(OFFERS[0]) for n in range(20)} != set(appeals)


def test_a_visit_averages_some_three_events():
    visits = [sent(visit(Visitor(f"U{n}", POPULATION, seed=1), Random(n)), serve) for n in range(1_000)]
    events = sum(request.name != "recommend" for requests in visits for request in requests)

    assert 2.5 < events / len(visits) < 3.5


def test_the_manager_refills_what_runs_out_and_takes_the_last_sale_back():
    stock = [
        {**OFFERS[0], "inventory_count": 3, "status": "ACTIVE", "discount_type": "PERCENTAGE"},
        {**OFFERS[1], "inventory_count": 0, "status": "PAUSED", "discount_type": "PERCENTAGE"},
    ]

    def answer(request: Request) -> Answer:
        return Answer({"offers": stock} if request.name == "list offers" else {})

    manager = InventoryManager(Random(1))
    changed = ("change price", "PATCH", "/offers/A")
    first, second = (sent(manager.round(), answer) for _ in range(2))
    last = sent(manager.end_sale(), answer)

    assert [(each.name, each.method, each.path, each.body) for each in first] == [
        ("list offers", "GET", "/offers?limit=200", None),
        ("restock", "POST", "/offers/A/restock", {"units": 100}),
        (*changed, {"discount_value": 15}),
    ]
    assert [(each.name, each.body) for each in second] == [
        ("change price", {"discount_value": 10}),
        ("list offers", None),
        ("restock", {"units": 100}),
        ("change price", {"discount_value": 15}),
    ]
    assert [(each.path, each.body) for each in last] == [("/offers/A", {"discount_value": 10})]
    assert sent(manager.end_sale(), answer) == []


@given(st.integers(0, 2**32), st.integers(0, 10))
def test_after_any_number_of_rounds_every_price_is_as_it_was(seed, rounds):
    prices = {"A": 10, "B": 45, "C": 97}

    def shop(request: Request) -> Answer:
        if request.name == "change price":
            prices[request.path.removeprefix("/offers/")] = request.body["discount_value"]
        facts = {"inventory_count": 50, "status": "ACTIVE", "discount_type": "PERCENTAGE"}
        return Answer(
            {"offers": [{"offer_id": name, "discount_value": prices[name], **facts} for name in prices]}
        )

    manager = InventoryManager(Random(seed))
    for _ in range(rounds):
        sent(manager.round(), shop)
        assert sorted(prices[name] - before for name, before in (("A", 10), ("B", 45), ("C", 97))) == [
            0,
            0,
            5,
        ]
    sent(manager.end_sale(), shop)

    assert prices == {"A": 10, "B": 45, "C": 97}


def test_a_raised_discount_has_two_decimals_whatever_floats_make_of_it():
    offer = {"offer_id": "A", "discount_value": 12.13, "discount_type": "PERCENTAGE"}
    listed = Answer({"offers": [offer | {"status": "ACTIVE", "inventory_count": 1_000}]})

    [*_, change] = sent(InventoryManager(Random(1)).round(), lambda _: listed)

    assert change.body == {"discount_value": 17.13}
