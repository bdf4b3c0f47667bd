"""The conservation laws of orders, as pure functions over a snapshot; checked with all the others."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping

from offerloop.orders.model import HOLDING, IN_PROGRESS, PAID, TRANSITIONS, Order, OrderStatus
from simulator.findings import Breach, Findings, Invariant
from simulator.snapshot import Snapshot

HELD_AT_MOST_S = 180  # behind the deadline: the sweeper runs every minute, for up to a hundred orders
MOVES_WITHIN_S = 3_600  # the queue's retries and the reconciler take minutes


def units_of_products_are_conserved(snapshot: Snapshot) -> Findings:
    def breaches() -> Iterator[Breach]:
        for product in snapshot.products.values():
            counts = (product.inventory_count, product.held_count, product.sold_count)
            if min(counts) < 0:
                yield Breach(product.product_id, "a count is negative")
            surplus = sum(counts) - product.received_count
            if surplus:
                yield Breach(product.product_id, f"free + held + sold is {surplus:+d} from received")

    return Findings(len(snapshot.products), breaches())


def holds_are_those_of_open_orders(snapshot: Snapshot) -> Findings:
    """Of products and of offers that are still there."""
    products, offers = _units(snapshot, lambda order: order.status in HOLDING, refunded=False)

    def breaches() -> Iterator[Breach]:
        for product_id, product in snapshot.products.items():
            surplus = product.held_count - products[product_id]
            if surplus:
                yield Breach(product_id, f"{surplus:+d} held from what open orders hold")
        for offer_id, offer in snapshot.offers.items():
            surplus = offer.held_count - offers[offer_id]
            if surplus:
                yield Breach(offer_id, f"{surplus:+d} held from what open orders hold")

    return Findings(len(snapshot.products) + len(snapshot.offers), breaches())


def what_is_sold_is_what_orders_bought(snapshot: Snapshot) -> Findings:
    sold, _ = _units(snapshot, lambda order: order.status in PAID, refunded=True)

    def breaches() -> Iterator[Breach]:
        for product_id, product in snapshot.products.items():
            surplus = product.sold_count - sold[product_id]
            if surplus:
                yield Breach(product_id, f"{surplus:+d} sold from what completed orders bought")

    return Findings(len(snapshot.products), breaches())


def histories_are_complete_and_legal(snapshot: Snapshot) -> Findings:
    def breaches() -> Iterator[Breach]:
        for order_id, order in snapshot.orders.items():
            fault = _fault_of_history(snapshot, order)
            if fault:
                yield Breach(order_id, fault)

    return Findings(len(snapshot.orders), breaches())


def _fault_of_history(snapshot: Snapshot, order: Order) -> str:
    rows = sorted(snapshot.transitions.get(order.order_id, ()), key=lambda row: row.number)
    if [row.number for row in rows] != list(range(1, order.version + 1)):
        return f"{len(rows)} history rows for {order.version} transitions"
    before: OrderStatus | None = None
    for row in rows:
        legal = row.after is OrderStatus.PENDING if before is None else row.after in TRANSITIONS[before]
        if row.before is not before or not legal:
            return f"its history goes from {before} to {row.after}"
        before = row.after
    return "" if before is order.status else f"its history ends at {before}, it is {order.status}"


def no_hold_outlives_its_deadline(snapshot: Snapshot) -> Findings:
    now = snapshot.taken_at_ms // 1_000
    holding = [order for order in snapshot.orders.values() if order.status in HOLDING]
    broken = [
        Breach(order.order_id, "holds stock beyond its deadline")
        for order in holding
        if order.hold_until is None or order.hold_until + HELD_AT_MOST_S < now
    ]
    return Findings(len(holding), broken)


def orders_move_on(snapshot: Snapshot) -> Findings:
    """Final, or on their way: nobody is left hanging."""
    open_orders = [order for order in snapshot.orders.values() if order.status in IN_PROGRESS]
    latest_ms = snapshot.taken_at_ms - MOVES_WITHIN_S * 1_000
    broken = [
        Breach(order.order_id, f"has stood at {order.status} for more than an hour")
        for order in open_orders
        if order.updated_at_ms < latest_ms
    ]
    return Findings(len(open_orders), broken)


def payments_are_what_orders_cost(snapshot: Snapshot) -> Findings:
    """What the payment service keeps of each order: its total less refunds once it is paid, else nothing."""
    kept = snapshot.payments
    if kept is None:
        return Findings(0, ())

    def breaches() -> Iterator[Breach]:
        for order_id in sorted(snapshot.orders.keys() | kept.keys()):
            order = snapshot.orders.get(order_id)
            if order is not None and order.status in IN_PROGRESS:
                continue  # may be under way
            due = order.total - order.refunded if order is not None and order.status in PAID else 0
            surplus = kept.get(order_id, 0) - due
            if surplus:
                yield Breach(order_id, f"the payment service keeps {surplus:+d} from what is due")

    return Findings(len(snapshot.orders), breaches())


def _units(
    snapshot: Snapshot, counts: Callable[[Order], bool], *, refunded: bool
) -> tuple[Mapping[str, int], Mapping[str, int]]:
    """Units by product and by offer of some orders, less those refunded where asked."""
    products: Counter[str] = Counter()
    offers: Counter[str] = Counter()
    for order in filter(counts, snapshot.orders.values()):
        for line in order.lines:
            units = line.quantity - (line.refunded if refunded else 0)
            products[line.product_id] += units
            if line.offer_id is not None:
                offers[line.offer_id] += units
    return products, offers


def refunded_units(snapshot: Snapshot) -> Mapping[str, int]:
    """Units given back by offer."""
    given_back: Counter[str] = Counter()
    for order in snapshot.orders.values():
        for line in order.lines:
            if line.offer_id is not None:
                given_back[line.offer_id] += line.refunded
    return given_back


def taken_units(snapshot: Snapshot) -> Mapping[str, int]:
    """Units by offer that orders hold, or bought, those given back since among them."""
    return _units(snapshot, lambda order: order.status in HOLDING | PAID, refunded=False)[1]


ORDER_LAWS = (
    Invariant("Products: free + held + sold = received", units_of_products_are_conserved),
    Invariant("Stock is held by open orders alone", holds_are_those_of_open_orders),
    Invariant("Products sold = units of completed orders", what_is_sold_is_what_orders_bought),
    Invariant("Every order's history is complete and legal", histories_are_complete_and_legal),
    Invariant("No hold outlives its deadline", no_hold_outlives_its_deadline),
    Invariant("Every order in progress moves on", orders_move_on),
    Invariant("Payments kept = completed orders less refunds", payments_are_what_orders_cost),
)
