"""The chatbot takes any text at all, and no text opens another customer's orders."""

from hypothesis import given
from hypothesis import strategies as st

from offerloop.assistant.answer_question import answer_question
from offerloop.assistant.model import MAX_ANSWER_LENGTH
from offerloop.assistant.question import MAX_QUESTION_LENGTH
from simulator.memory.orders import MemoryOrderStore
from simulator.memory.world import MemoryWorld
from tests.factories import FixedClock
from tests.orders import a_stored_order

ANNS = "abc12345-1111-4000-8000-000000000001"
BOBS = "abc12399-3333-4000-8000-000000000003"

PARTS = st.one_of(
    st.text(max_size=30),
    st.integers(1, len(BOBS)).map(lambda length: BOBS[:length]),
    st.sampled_from(
        [
            ANNS,
            BOBS,
            BOBS.upper(),
            "order ",
            "orders",
            "status",
            "customer bob",
            "where",
            "my",
            "...",
            "#",
            "\n",
        ]
    ),
)
TEXTS = st.lists(PARTS, min_size=1, max_size=12).map(lambda parts: " ".join(parts)[:MAX_QUESTION_LENGTH])


def a_store(*customers: tuple[str, str]) -> MemoryOrderStore:
    world = MemoryWorld(FixedClock())
    for order_id, customer_id in customers:
        world.orders[order_id] = a_stored_order(order_id, customer_id=customer_id)
        world.orders_of[customer_id] = [order_id]
    return MemoryOrderStore(world)


BOTH, ANN_ALONE = a_store((ANNS, "ann"), (BOBS, "bob")), a_store((ANNS, "ann"))


class Echo:
    """A model that says whatever it was sent."""

    def complete(self, instructions: str, message: str) -> str:
        return message


@given(TEXTS)
def test_every_text_is_answered_and_alike_whether_others_have_orders_or_not(text: str) -> None:
    for model in (None, Echo()):
        answers = [answer_question(text, "ann", store=each, model=model) for each in (BOTH, ANN_ALONE)]

        assert answers[0] == answers[1]
        assert set(answers[0].orders) <= {ANNS}
        assert BOBS not in answers[0].text.lower()
        assert 0 < len(answers[0].text) <= MAX_ANSWER_LENGTH
