"""The assistant's one door to orders, over every store: one's own orders, and nothing of anybody else's."""

import pytest

from offerloop.assistant.answer_question import answer_question
from offerloop.assistant.own_orders import OwnOrders
from offerloop.orders import steps
from tests.factories import NOON_MS
from tests.orders import a_stored_order

OLD = a_stored_order("abc12345-1111-4000-8000-000000000001", placed_at_ms=NOON_MS - 1_000)
NEW = a_stored_order("77777777-2222-4000-8000-000000000002")
BOBS = a_stored_order("abc12399-3333-4000-8000-000000000003", customer_id="bob")


@pytest.fixture
def own(stores):
    for order in (OLD, NEW, BOBS):
        stores.orders.write(steps.placing(order, None))
    return OwnOrders("ann", stores.orders)


def test_the_newest_orders_are_ones_own(own):
    assert own.newest(5) == (NEW, OLD)
    assert own.newest(1) == (NEW,)


def test_orders_are_found_by_their_ids_and_beginnings_where_they_are_ones_own(own):
    found = {reference: own.called(reference) for reference in (OLD.order_id, "abc123", "777777", "77777")}

    assert found == {OLD.order_id: (OLD,), "abc123": (OLD,), "777777": (NEW,), "77777": ()}


@pytest.mark.parametrize(
    "reference", [BOBS.order_id, "abc12399", BOBS.order_id[:-1], "f" * 36, "*", "order#"]
)
def test_anothers_order_is_not_there_like_one_that_is_nowhere(own, reference):
    assert own.called(reference) == ()


def test_a_question_is_answered_alike_over_every_store(own, stores):
    answer = answer_question("Show me my recent orders", "ann", store=stores.orders, model=None)

    assert answer.orders == (NEW.order_id, OLD.order_id)
    assert BOBS.order_id not in answer.text
