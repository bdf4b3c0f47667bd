"""The orders functions in memory: the use cases on the memory adapters, wired as the handlers wire them."""

from collections.abc import Callable, Sequence

from offerloop.clock import Clock, Ids
from offerloop.orders.cancel_order import cancel_order
from offerloop.orders.manage_products import create_product, restock_product
from offerloop.orders.model import IN_PROGRESS, Address, Order, OrderStatus, Product
from offerloop.orders.place_order import PlaceOrder, RequestedLine, place_order
from offerloop.orders.ports import OrderStep
from offerloop.orders.process_order import Processing, advance
from offerloop.orders.record_redemption import record_redemptions, redemption_of
from offerloop.orders.refund_order import RefundedLine, refund_order
from offerloop.orders.send_notice import NoticeDesk, NoticeRules, notice_of, send_notice
from offerloop.orders.settle_payment import settle_payment, settlement_of
from offerloop.orders.watch_orders import give_up, release_ended_holds, take_up_forgotten
from offerloop.outbox import Message, Topic, Transport
from offerloop.standins.carrier import StandInCarrier
from offerloop.standins.payments import Behaviour, Mode
from simulator.memory.activity import MemoryActivityStore
from simulator.memory.orders import MemoryNoticeLog, MemoryOrderStore, MemoryProductStore
from simulator.memory.payments import MemoryGateway
from simulator.memory.world import MemoryWorld
from simulator.scenario.model import Payments
from simulator.shoppers.checkout import Checkout

CURRENCY = "EUR"
GIVEN_UP = "the order could not be processed"
ADDRESS = Address("1 Test Street", "Testing", "", "00000", "XX")
NOTICES_PER_DAY = 20
FOLLOW_UPS = frozenset({Topic.ORDER_NOTICE, Topic.SETTLEMENT, Topic.OFFER_PURCHASE})


def behaviour(section: Payments, seed: int) -> Behaviour:
    """How the payment service behaves in a scenario."""
    shares = {
        Mode.DECLINE: section.declined,
        Mode.TIME_OUT: section.timed_out,
        Mode.ANSWER_LATE: section.late,
        Mode.ANSWER_TWICE: section.twice,
        Mode.FAIL: section.failing,
    }
    approved = max(0.0, 1 - sum(shares.values()))
    # A late answer comes when nobody waits for it any more.
    return Behaviour({Mode.APPROVE: approved, **shares}, seed=seed, late_s=10.0)


class _Silence:
    """`NoticeSender`: messages are kept in the log, and reach nobody."""

    def announce(self, text: str) -> None:
        """The shop's subscribers are not simulated."""

    def send(self, phone: str, text: str) -> None:
        """Nor are phones."""


class OrderSystem:
    """The part of one deployment that takes and carries out orders.

    Args:
        transport: of messages that the sweeper sends.
        written: called after every call that may have written.
        report: told of each transition of an order.
        redeemed: told of redemptions that were recorded: user, offer, how many.
    """

    def __init__(
        self,
        world: MemoryWorld,
        clock: Clock,
        ids: Ids,
        payments: Behaviour,
        *,
        transport: Transport,
        written: Callable[[], None],
        report: Callable[[OrderStep], None],
        redeemed: Callable[[str, str, int], None],
    ) -> None:
        self.clock, self._ids, self._transport = clock, ids, transport
        self._written, self._report, self._redeemed = written, report, redeemed
        self.store, self.products = MemoryOrderStore(world), MemoryProductStore(world)
        self.payments = MemoryGateway(payments)
        self._activity = MemoryActivityStore(world)
        self._processing = Processing(self.store, self.payments, StandInCarrier(), clock, report)
        log, rules = MemoryNoticeLog(world), NoticeRules(NOTICES_PER_DAY, ())
        self._notices = NoticeDesk(log, _Silence(), rules, clock)

    # -- order-api and order-products ------------------------------------------------------------------

    def place(self, checkout: Checkout) -> str:
        """Raises:
        Refusal: see `place_order`.
        """
        command = PlaceOrder(
            checkout.customer_id,
            tuple(
                RequestedLine(
                    line.product.product_id,
                    line.quantity,
                    line.product.price,
                    None if line.offer is None else line.offer.offer_id,
                )
                for line in checkout.lines
            ),
            total=checkout.total,
            email=f"{checkout.customer_id}@shoppers.test",
            address=ADDRESS,
            phone=checkout.phone,
        )
        answer = place_order(command, store=self.store, clock=self.clock, ids=self._ids, currency=CURRENCY)
        self._written()
        return str(answer["orderId"])

    def status(self, order_id: str) -> OrderStatus:
        return self.store.get(order_id).status

    def cancel(self, order_id: str) -> None:
        """Raises:
        OrderNotOpen
        """
        before = self.store.get(order_id)
        cancel_order(order_id, store=self.store, clock=self.clock)
        self._changed(before)

    def refund(self, order_id: str, lines: Sequence[RefundedLine]) -> None:
        """Raises:
        OrderNotOpen, InvalidInput
        """
        before = self.store.get(order_id)
        refund_order(order_id, lines, store=self.store, clock=self.clock)
        self._changed(before)

    def create(self, product: Product) -> None:
        create_product(product, store=self.products, clock=self.clock, request=None)

    def restock(self, product_id: str, units: int) -> None:
        restock_product(product_id, units, store=self.products, clock=self.clock, request=None)

    # -- consumers -------------------------------------------------------------------------------------

    def advance(self, order_id: str) -> OrderStatus:
        """order-processor: one stage of an order; returns where it stands then.

        Raises:
            TryAgain: the payment service or the carrier gave no answer.
        """
        order = self.store.get(order_id)
        if order.status in IN_PROGRESS:
            order = advance(order, self._processing)
            self._written()
        return order.status

    def give_up(self, order_id: str) -> None:
        """order-reconciler."""
        give_up(order_id, GIVEN_UP, self._processing)
        self._written()

    def follow(self, message: Message) -> None:
        """order-followup.

        Raises:
            TryAgain: the payment service gave no answer, or others write the same items.
        """
        if message.topic is Topic.ORDER_NOTICE:
            send_notice(notice_of(message), self._notices)
        elif message.topic is Topic.SETTLEMENT:
            settle_payment(settlement_of(message), self.payments)
        else:
            redemption = redemption_of(message)
            new = record_redemptions(redemption, store=self._activity)
            if new:
                self._redeemed(redemption.user_id, redemption.offer_id, new)
        self._written()

    def sweep(self) -> None:
        """order-sweeper, once a minute."""
        release_ended_holds(self._processing)
        take_up_forgotten(self._processing, self._transport)
        self._written()

    def _changed(self, before: Order) -> None:
        """Tell of a transition that a customer caused; the processor tells of its own."""
        after = self.store.get(before.order_id)
        if after.version != before.version:
            transition = self.store.history(before.order_id)[-1]
            self._report(OrderStep(before, after, transition, (), after.updated_at_ms // 1_000))
        self._written()
