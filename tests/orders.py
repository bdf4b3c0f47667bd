"""A shop with orders in memory: valid commands, a payment service that does as it is told, and a carrier."""

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal

from offerloop import money
from offerloop.clock import Clock, Ids
from offerloop.errors import PaymentUnavailable
from offerloop.orders.model import Address, Order, OrderLine, Product, Tracking
from offerloop.orders.place_order import PlaceOrder, place_order
from offerloop.orders.ports import OrderStore, Payment, PaymentStatus
from offerloop.orders.pricing import RequestedLine
from offerloop.orders.process_order import Processing
from simulator.memory.ids import SeededIds
from simulator.memory.orders import MemoryOrderStore
from simulator.memory.world import MemoryWorld
from tests.factories import NOON_MS, FixedClock

ADDRESS = Address("1 Main Street", "Springfield", "IL", "62701", "US")
CAPTURED = Payment(PaymentStatus.CAPTURED)


def a_product(product_id: str = "LAPTOP001", **changes: object) -> Product:
    """A product of 10 units at 1299.99."""
    attributes: dict[str, object] = {
        "product_id": product_id,
        "name": f"Product {product_id}",
        "category": "electronics",
        "price": money.to_minor(Decimal("1299.99")),
        "inventory_count": 10,
    }
    attributes |= changes
    attributes.setdefault("received_count", attributes["inventory_count"])
    return Product(**attributes)  # type: ignore[arg-type]


def a_line(
    product_id: str = "LAPTOP001", quantity: int = 1, price: int = 129_999, **changes: object
) -> RequestedLine:
    return RequestedLine(product_id, quantity, price, **changes)  # type: ignore[arg-type]


def an_order_command(*lines: RequestedLine, **changes: object) -> PlaceOrder:
    """One laptop for ann; the total is that of the lines, without discounts, unless one is given."""
    wanted = lines or (a_line(),)
    attributes: dict[str, object] = {
        "customer_id": "ann",
        "lines": wanted,
        "total": sum(line.price * line.quantity for line in wanted),
        "email": "ann@shop.test",
        "address": ADDRESS,
    }
    return PlaceOrder(**(attributes | changes))  # type: ignore[arg-type]


def a_stored_order(order_id: str, **changes: object) -> Order:
    """An order of ann's for one laptop, placed at noon and still to be processed."""
    attributes: dict[str, object] = {
        "order_id": order_id,
        "customer_id": "ann",
        "lines": (OrderLine("LAPTOP001", "Laptop", 1, 129_999),),
        "total": 129_999,
        "currency": "EUR",
        "email": "ann@shop.test",
        "address": ADDRESS,
        "placed_at_ms": NOON_MS,
        "updated_at_ms": NOON_MS,
        "phone": "+447700900123",
    }
    return Order(**(attributes | changes))  # type: ignore[arg-type]


@dataclass
class Till:
    """A `PaymentGateway` that keeps its books.

    Attributes:
        answer: decides about each new charge; None = nothing is done and no answer given.
        loses_answers: whether what *answer* decides is done and no answer given.
    """

    answer: Callable[[str], Payment | None] = lambda _key: CAPTURED
    loses_answers: bool = False
    taken: dict[str, int] = field(default_factory=dict)
    voided: set[str] = field(default_factory=set)
    given_back: dict[str, int] = field(default_factory=dict)
    charges: int = 0

    def charge(self, key: str, amount: int, currency: str) -> Payment:
        self.charges += 1
        if key in self.voided:
            return Payment(PaymentStatus.VOIDED)
        if key in self.taken:
            return CAPTURED
        answer = self.answer(key)
        if key in self.voided:  # while the answer was found
            return Payment(PaymentStatus.VOIDED)
        if answer is not None and answer.status is PaymentStatus.CAPTURED:
            self.taken[key] = amount
        if answer is None or self.loses_answers:
            raise PaymentUnavailable("no answer")
        return answer

    def void(self, key: str) -> None:
        self.voided.add(key)
        self.taken.pop(key, None)

    def refund(self, key: str, refund_key: str, amount: int) -> None:
        self.given_back.setdefault(refund_key, amount)

    @property
    def balance(self) -> int:
        return sum(self.taken.values()) - sum(self.given_back.values())


def placed(command: PlaceOrder, store: OrderStore, clock: Clock, ids: Ids, **request: object) -> str:
    """Place an order in euros; gives its id."""
    answer = place_order(command, store=store, clock=clock, ids=ids, currency="EUR", **request)  # type: ignore[arg-type]
    return str(answer["orderId"])


class Post:
    """A `Carrier`."""

    def book(self, order: Order, at_ms: int) -> Tracking:
        return Tracking("Post", f"P-{order.order_id[:8]}", "BOOKED", at_ms)


@dataclass
class OrderDesk:
    """The use cases over one world."""

    world: MemoryWorld
    till: Till
    clock: FixedClock
    processing: Processing
    store: MemoryOrderStore
    ids: SeededIds

    def place(self, command: PlaceOrder, **request: object) -> str:
        """The new order's id."""
        return placed(command, self.store, self.clock, self.ids, **request)

    def product(self, product_id: str = "LAPTOP001") -> Product:
        return self.world.products[product_id]


def an_order_desk(*products: Product) -> OrderDesk:
    clock = FixedClock()
    world, till = MemoryWorld(clock), Till()
    store = MemoryOrderStore(world)
    for product in products or (a_product(),):
        world.products[product.product_id] = product
    return OrderDesk(world, till, clock, Processing(store, till, Post(), clock), store, SeededIds(1))
