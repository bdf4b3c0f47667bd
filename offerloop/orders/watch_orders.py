"""What sees to it that no order hangs: ended holds are released, forgotten orders are taken up, and dead
letters end their order."""

from offerloop.orders import messages
from offerloop.orders.model import HOLDING, IN_PROGRESS, Order
from offerloop.orders.process_order import Processing, fail_order
from offerloop.outbox import Transport

FORGOTTEN_AFTER_S = 10 * 60
HOLD_ENDED = "the order could not be completed in time"


def release_ended_holds(processing: Processing, limit: int = 100) -> int:
    """Fail the orders that hold stock beyond their deadline.

    Returns:
        How many were failed.
    """
    now = processing.clock.now_ms() // 1_000
    failed = 0
    for order_id in processing.store.holds_ended(now, limit):
        order = processing.store.get(order_id)
        if order.status in HOLDING and order.hold_until is not None and order.hold_until <= now:
            failed += fail_order(order, HOLD_ENDED, processing).status not in IN_PROGRESS
    return failed


def take_up_forgotten(processing: Processing, transport: Transport, limit: int = 100) -> int:
    """Ask the processor once more for orders that have stood still longer than its retries take.

    A message can be lost with its queue, and an order in progress must not be.

    Returns:
        How many were asked for.
    """
    before_ms = processing.clock.now_ms() - FORGOTTEN_AFTER_S * 1_000
    forgotten = processing.store.waiting_since(before_ms, limit)
    return len(transport.send([messages.work(order) for order in forgotten])) if forgotten else 0


def oldest_waiting_s(processing: Processing) -> int:
    """Give for how many seconds the order in progress that waits longest has stood still; 0 = none waits."""
    now_ms = processing.clock.now_ms()
    waiting = processing.store.waiting_since(now_ms, limit=1)
    return (now_ms - waiting[0].updated_at_ms) // 1_000 if waiting else 0


def give_up(order_id: str, reason: str, processing: Processing) -> Order:
    """End an order whose message was given up by the queue; an order that has ended stays as it is.

    Raises:
        UnknownOrder
    """
    order = processing.store.get(order_id)
    while order.status in IN_PROGRESS:
        order = fail_order(order, reason, processing)
    return order
