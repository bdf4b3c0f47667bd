"""What accepted requests add up to; one that is repeated under its key adds nothing."""

from collections import Counter

from offerloop.idempotency import KEPT_FOR_S
from simulator.hunt.answers import Answer
from simulator.hunt.code_steps import ClaimCode
from simulator.hunt.script import (
    CreateOffer,
    CreateProduct,
    PlaceOrder,
    RefundOrder,
    RemoveOffer,
    RemoveProduct,
    Restock,
    RestockProduct,
    SetProductStock,
    Step,
    Track,
)


class Ledger:
    """Books accepted steps.

    Attributes:
        received: units that each offer was created or restocked with.
        products_received: the same of products, with what foreign clients booked.
        events: how many events were tracked, and how many redemptions orders led to.
        orders: ids of the orders that were accepted.
        given_back: minor units that refunds promised, by order id.
        claims: how many claims were answered with each promo code.
    """

    def __init__(self) -> None:
        self.received: Counter[str] = Counter()
        self.products_received: Counter[str] = Counter()
        self.events = 0
        self.orders: set[str] = set()
        self.given_back: Counter[str] = Counter()
        self.claims: Counter[str] = Counter()
        self._kept_until: dict[tuple[str, str, str], int] = {}

    def accepted(self, step: Step, answer: Answer, now: int) -> None:
        """Book a step that was not refused at *now* (epoch seconds)."""
        match step:
            case CreateOffer():
                self.received[step.offer] = step.stock
            case RemoveOffer():
                self.received.pop(step.offer, None)
            case Restock() if self._is_new((step.do, step.offer), step.key, now):
                self.received[step.offer] += step.units
            case Track() if self._is_new((step.do, ""), step.key, now):
                self.events += 1
            case CreateProduct():
                self.products_received[step.product] = step.stock
            case RemoveProduct():
                self.products_received.pop(step.product, None)
            case RestockProduct() if self._is_new((step.do, step.product), step.key, now):
                self.products_received[step.product] += step.units
            case SetProductStock():
                self.products_received[step.product] += _number(answer, "booked")
            case PlaceOrder() if self._is_new((step.do, ""), step.key, now):
                self.orders.add(str(answer["order"]))
            case RefundOrder() if self._is_new((step.do, ""), step.key, now):
                self.given_back[str(answer["order"])] += _number(answer, "given_back")

            case ClaimCode() if self._is_new((step.do, ""), step.key, now):
                self.claims[str(answer["code"])] += 1

    def _is_new(self, scope: tuple[str, str], key: str | None, now: int) -> bool:
        if key is None:
            return True
        kept_until = self._kept_until.get((*scope, key), 0)
        if kept_until > now:
            return False
        self._kept_until[(*scope, key)] = now + KEPT_FOR_S
        return True


def _number(answer: Answer, name: str) -> int:
    number = answer[name]
    assert isinstance(number, int)
    return number
