"""Answer a customer's question about its orders: by a language model if there is one, else by a template."""

from collections.abc import Sequence
from enum import StrEnum

from offerloop.assistant import templates
from offerloop.assistant.model import LanguageModel, ModelGaveNoAnswer, ask
from offerloop.assistant.own_orders import OwnOrders
from offerloop.assistant.question import Intent, Question, understand
from offerloop.assistant.templates import MAX_SHOWN
from offerloop.orders.model import Order
from offerloop.orders.ports import OrderStore
from offerloop.record import record

ID_SHOWN_LENGTH = 8  # as in text messages


class Source(StrEnum):
    BEDROCK = "bedrock"
    TEMPLATE = "template"


@record(frozen=True, slots=True)
class ChatAnswer:
    """What the customer is told.

    Attributes:
        orders: ids of the customer's own orders that the text speaks of.
        fallback: why a model that there is did not answer, in one word; None where it did or was not asked.
    """

    text: str
    source: Source
    orders: tuple[str, ...]
    intent: Intent
    fallback: str | None = None


def answer_question(
    text: str, customer_id: str, *, store: OrderStore, model: LanguageModel | None
) -> ChatAnswer:
    """Answer one question.

    What may be seen is decided here, by who asks, before any model is asked: orders are read through
    `OwnOrders` alone. A question that names an order which is not the customer's gets one answer, the same
    whether there is such an order or not, and no model sees it.

    Args:
        customer_id: who asks; never taken from the text.
        model: None = templates alone.
    """
    question = understand(text)
    if any(named != customer_id.lower() for named in question.customers):
        return ChatAnswer(templates.OTHERS, Source.TEMPLATE, (), question.intent)
    orders = _asked_about(question, OwnOrders(customer_id, store))
    if orders is None:
        return ChatAnswer(templates.NOT_FOUND, Source.TEMPLATE, (), question.intent)
    fallback = None
    if model is not None and orders and question.intent is not Intent.HELP:
        try:
            answer = ask(model, text, orders)
        except ModelGaveNoAnswer as silence:
            fallback = silence.reason
        else:
            return ChatAnswer(answer, Source.BEDROCK, _spoken_of(answer, orders), question.intent)
    chosen = orders if _is_of_several(question) else orders[:1]
    written = templates.written(question, chosen)
    return ChatAnswer(
        written, Source.TEMPLATE, _spoken_of(written, chosen), question.intent, fallback=fallback
    )


def _asked_about(question: Question, own: OwnOrders) -> tuple[Order, ...] | None:
    """The orders that a question is about, the newest where it names none; None = one is not there."""
    if not question.references:
        return () if question.intent is Intent.HELP else own.newest(MAX_SHOWN)
    found: dict[str, Order] = {}
    for reference in question.references:
        called = own.called(reference)
        if not called:
            return None
        found |= {order.order_id: order for order in called}
    return tuple(found.values())[:MAX_SHOWN]


def _is_of_several(question: Question) -> bool:
    return bool(question.references) or question.of_several or question.intent is Intent.RECENT


def _spoken_of(text: str, orders: Sequence[Order]) -> tuple[str, ...]:
    return tuple(order.order_id for order in orders if order.order_id[:ID_SHOWN_LENGTH] in text)
