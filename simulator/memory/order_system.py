"""The orders functions in memory: the use cases on the memory adapters, wired as the handlers wire them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from offerloop.bonuses import ports as bonuses_ports
from offerloop.bonuses.rules import AccrualRules
from offerloop.bonuses.settle_rewards import settle_rewards
from offerloop.clock import Clock, Ids
from offerloop.idempotency import Answer, IdempotentRequest
from offerloop.orders.cancel_order import cancel_order
from offerloop.orders.manage_products import create_product, restock_product
from offerloop.orders.model import IN_PROGRESS, Order, OrderStatus, Product
from offerloop.orders.place_order import PlaceOrder, place_order
from offerloop.orders.ports import OrderStep
from offerloop.orders.process_order import Processing, advance, process_order
from offerloop.orders.record_redemption import record_redemptions, redemption_of
from offerloop.orders.refund_order import RefundedLine, refund_order
from offerloop.orders.send_notice import NoticeDesk, NoticeRules, NoticeSender, notice_of, send_notice
from offerloop.orders.settle_payment import settle_payment, settlement_of
from offerloop.orders.watch_orders import give_up, release_ended_holds, take_up_forgotten
from offerloop.outbox import Message, Topic, Transport
from offerloop.standins.carrier import StandInCarrier
from simulator.memory.activity import MemoryActivityStore
from simulator.memory.bonuses import MemoryBonusLedger
from simulator.memory.orders import MemoryNoticeLog, MemoryOrderStore, MemoryProductStore
from simulator.memory.payments import MemoryGateway
from simulator.memory.world import MemoryWorld

CURRENCY = "EUR"
BONUS_RULES = AccrualRules()
GIVEN_UP = "the order could not be processed"
NOTICES_PER_DAY = 20
FOLLOW_UPS = frozenset({Topic.ORDER_NOTICE, Topic.SETTLEMENT, Topic.OFFER_PURCHASE})


@dataclass(frozen=True, slots=True)
class OrderStores:
    """Everything that the orders functions read and write."""

    orders: MemoryOrderStore
    products: MemoryProductStore
    activity: MemoryActivityStore
    notices: MemoryNoticeLog
    ledger: MemoryBonusLedger
    payments: MemoryGateway

    @classmethod
    def of(cls, world: MemoryWorld, payments: MemoryGateway) -> "OrderStores":
        return cls(
            MemoryOrderStore(world),
            MemoryProductStore(world),
            MemoryActivityStore(world),
            MemoryNoticeLog(world),
            MemoryBonusLedger(world),
            payments,
        )


class Silence:
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
        booked: told of what was written about the points of an order that ended.
    """

    def __init__(
        self,
        stores: OrderStores,
        clock: Clock,
        ids: Ids,
        *,
        transport: Transport,
        sender: NoticeSender | None = None,
        written: Callable[[], None] = lambda: None,
        report: Callable[[OrderStep], None] = lambda _: None,
        redeemed: Callable[[str, str, int], None] = lambda *_: None,
        booked: bonuses_ports.Report = bonuses_ports.nobody,
    ) -> None:
        self.clock, self._ids, self._transport = clock, ids, transport
        self._written, self._report, self._redeemed = written, report, redeemed
        self.store, self.products, self.payments = stores.orders, stores.products, stores.payments
        self._activity, self._ledger, self._booked = stores.activity, stores.ledger, booked
        self._processing = Processing(self.store, self.payments, StandInCarrier(), clock, report)
        rules = NoticeRules(NOTICES_PER_DAY, ())
        self._notices = NoticeDesk(stores.notices, sender or Silence(), rules, clock)

    # -- order-api and order-products ------------------------------------------------------------------

    def place(self, command: PlaceOrder, request: IdempotentRequest | None = None) -> str:
        """Give the id of an order that was accepted, now or under the same request before.

        Raises:
            Refusal: see `place_order`.
        """
        answer = place_order(
            command,
            store=self.store,
            clock=self.clock,
            ids=self._ids,
            currency=CURRENCY,
            request=request,
            report=self._report,
        )
        self._written()
        return str(answer["orderId"])

    def status(self, order_id: str) -> OrderStatus:
        return self.store.get(order_id).status

    def cancel(self, order_id: str) -> None:
        """Raises:
        OrderNotOpen
        """
        cancel_order(order_id, store=self.store, clock=self.clock, report=self._report)
        self._written()

    def refund(
        self, order_id: str, lines: Sequence[RefundedLine], request: IdempotentRequest | None = None
    ) -> Answer:
        """Raises:
        OrderNotOpen, InvalidInput
        """
        answer = refund_order(
            order_id, lines, store=self.store, clock=self.clock, request=request, report=self._report
        )
        self._written()
        return answer

    def usable_points(self, customer_id: str) -> int:
        """bonus-api: how many points a customer can pay with."""
        return self._ledger.account(customer_id).usable(self.clock.now_ms() // 1_000)

    def create(self, product: Product) -> None:
        create_product(product, store=self.products, clock=self.clock)

    def restock(self, product_id: str, units: int, request: IdempotentRequest | None = None) -> None:
        restock_product(product_id, units, store=self.products, clock=self.clock, request=request)

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

    def process(self, order_id: str) -> None:
        """order-processor: an order as far as it goes.

        Raises:
            TryAgain: see `advance`.
        """
        process_order(order_id, self._processing)
        self._written()

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

    def settle_rewards(self, orders: Sequence[Order]) -> None:
        """bonus-accruals.

        Raises:
            Busy: others keep changing the same account.
        """
        for order in orders:
            settle_rewards(
                order, ledger=self._ledger, rules=BONUS_RULES, clock=self.clock, report=self._booked
            )

    def sweep(self) -> None:
        """order-sweeper, once a minute."""
        release_ended_holds(self._processing)
        take_up_forgotten(self._processing, self._transport)
        self._written()
