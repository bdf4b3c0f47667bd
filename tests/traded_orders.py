"""Some minutes of trade at one till, on any store: orders that complete, fail, are cancelled and refunded."""

import random
from dataclasses import dataclass, field

from offerloop.errors import PaymentUnavailable
from offerloop.orders.cancel_order import cancel_order
from offerloop.orders.messages import NoticeKind, notice
from offerloop.orders.model import IN_PROGRESS, Order, OrderStatus
from offerloop.orders.notices import NoticeLog
from offerloop.orders.ports import OrderStore, Payment, PaymentStatus
from offerloop.orders.process_order import Processing, advance, fail_order
from offerloop.orders.refund_order import RefundedLine, refund_order
from offerloop.orders.send_notice import NoticeDesk, NoticeNotSent, NoticeRules, notice_of, send_notice
from simulator.memory.ids import SeededIds
from tests.factories import FixedClock
from tests.orders import CAPTURED, Post, Till, a_line, an_order_command, placed

ENDS = {OrderStatus.COMPLETED: NoticeKind.COMPLETED, OrderStatus.FAILED: NoticeKind.FAILED}
PRICES = {"LAPTOP001": 129_999, "HEADPHONES001": 14_999, "SNEAKERS001": 8_995, "COFFEE001": 1_849}
PHONES = ("+447700900123", "+447700900456", "+447700900789")
OPTED_OUT, REFUSED, FOREIGN = "+447700900111", "+447700900222", "+15550100"
DECLINED = Payment(PaymentStatus.DECLINED, "insufficient funds")


@dataclass
class Texts:
    """A `NoticeSender` that one phone cannot be reached through."""

    sent: list[tuple[str, str]] = field(default_factory=list)

    def announce(self, text: str) -> None:
        pass

    def send(self, phone: str, text: str) -> None:
        if phone == REFUSED:
            raise NoticeNotSent("not reached")
        self.sent.append((phone, text))


class Trade:
    """Orders at one till, each carried on at once, with a clock of its own that passes meanwhile."""

    def __init__(self, store: OrderStore, log: NoticeLog, clock: FixedClock, seed: int = 1) -> None:
        self.store, self.clock = store, clock
        self.till = Till()
        self.processing = Processing(store, self.till, Post(), clock)
        self.desk = NoticeDesk(log, Texts(), NoticeRules(10, ("+447700900",)), clock)
        self.ids = SeededIds(seed)
        self.choose = random.Random(seed)
        log.opt_out(OPTED_OUT)

    def order(
        self,
        product_id: str = "LAPTOP001",
        units: int = 1,
        until: OrderStatus | None = None,
        **changes: object,
    ) -> Order:
        """Place an order and carry it on, to the status *until* or to its end, with the texts it brings."""
        command = an_order_command(a_line(product_id, units, PRICES[product_id]), **changes)
        order_id = placed(command, self.store, self.clock, self.ids)
        self.clock.move_on(0.2)
        order = self.store.get(order_id)
        self.text(order, NoticeKind.CREATED)
        while order.status in IN_PROGRESS and order.status is not until:
            self.clock.move_on(self.choose.lognormvariate(-3, 1))
            try:
                order = advance(order, self.processing)
            except PaymentUnavailable:
                order = fail_order(order, "the order could not be processed", self.processing)
        if order.status in ENDS:
            self.text(order, ENDS[order.status])
        return order

    def text(self, order: Order, kind: NoticeKind) -> None:
        """Send the text message that a transition asks for."""
        send_notice(notice_of(notice(order, kind)), self.desk)

    def some_minutes(self, orders: int = 60) -> None:
        """Sixty orders: one in eight is declined, some fail otherwise, the last three are on their way."""
        for at in range(orders):
            self.clock.move_on(self.choose.expovariate(1 / 7))
            answer = None if at % 20 == 12 else DECLINED if at % 8 == 5 else CAPTURED
            self.till.answer = lambda _, answer=answer: answer  # type: ignore[misc]
            phone = (*PHONES, None, OPTED_OUT, REFUSED, FOREIGN)[at % 7]
            product = self.choose.choice(list(PRICES))
            units = 900 if at % 15 == 9 else 3 if at % 11 == 4 else self.choose.choice((1, 1, 2))
            until = OrderStatus.PAYMENT_PROCESSING if at >= orders - 3 else None
            order = self.order(product, units, until, customer_id=f"customer{at % 17:03}", phone=phone)
            if at % 11 == 4 and order.status is OrderStatus.COMPLETED:
                self.refund(order, at)
        waiting = self.order(until=OrderStatus.INVENTORY_CHECK)
        cancel_order(waiting.order_id, store=self.store, clock=self.clock)
        self.clock.move_on(90)

    def refund(self, order: Order, at: int) -> None:
        """Every other one as a whole."""
        self.clock.move_on(2)
        lines = [] if at % 2 else [RefundedLine(order.lines[0].product_id, 1)]
        refund_order(order.order_id, lines, store=self.store, clock=self.clock, reason="scratched")
