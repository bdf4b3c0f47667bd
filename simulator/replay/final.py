"""After the last basket: wait until every order is final, then give back what was returned."""

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Protocol

from offerloop.orders.model import IN_PROGRESS
from offerloop.orders.refund_order import RefundedLine
from simulator.replay.backlog import STALLED_AFTER_S
from simulator.replay.ledger import GIVEN_BACK, Ledger, Refund
from simulator.replay.recording import Return
from simulator.replay.sessions import UNDECIDED, ShopGone
from simulator.shoppers.checkout import OrderNews, OrderState, Till
from simulator.shoppers.shop import Refused

SHORTEST_PAUSE_S = 1.0
PAUSE_PER_ROUND = 2.0  # of a round's duration: asking takes a third of the time, the orders have the rest


class OrderDesk(Till, Protocol):
    """A till that also lists a customer's orders."""

    def orders_of(self, customer_id: str, cursor: str | None = None) -> OrderNews | Refused:
        """Ask for a page of a customer's orders, newest first."""


def wait_until_final(
    desk: OrderDesk,
    ledger: Ledger,
    *,
    workers: int,
    stopping: threading.Event,
    on_tick: Callable[[int], None] = lambda _open: None,
    stalled_after_s: float = STALLED_AFTER_S,
    monotonic: Callable[[], float] = time.monotonic,
) -> bool:
    """Ask again and again where the open orders are, all of a customer's at once.

    Args:
        on_tick: called after each round with the number of orders that are open.
    Returns:
        False when *stopping* ended it, or when no order became final for *stalled_after_s*.
    Raises:
        ShopGone
    """
    waiting = ledger.open_orders()
    left, moved_at = _count(waiting), monotonic()
    with _workers(workers) as pool:
        while waiting:
            began = monotonic()
            for states in pool.map(lambda mine: _states(desk, *mine), waiting.items()):
                ledger.learn(states)
            waiting = ledger.open_orders()
            on_tick(_count(waiting))
            now = monotonic()
            if _count(waiting) < left:
                left, moved_at = _count(waiting), now
            elif waiting and now - moved_at >= stalled_after_s:
                return False
            if waiting and stopping.wait(max(SHORTEST_PAUSE_S, PAUSE_PER_ROUND * (now - began))):
                return False
    return True


def _count(orders: dict[str, set[str]]) -> int:
    return sum(map(len, orders.values()))


def _states(desk: OrderDesk, customer: str, wanted: set[str]) -> dict[str, OrderState]:
    """The final ones of a customer's orders; those that are open stay as they are."""
    found: dict[str, OrderState] = {}
    cursor: str | None = None
    missing = set(wanted)
    while missing:
        page = desk.orders_of(customer, cursor)
        if isinstance(page, Refused):
            raise ShopGone(page.code)
        found |= {order_id: page.orders[order_id] for order_id in missing & page.orders.keys()}
        missing -= page.orders.keys()
        cursor = page.cursor
        if cursor is None:
            break
    return {order_id: state for order_id, state in found.items() if state.status not in IN_PROGRESS}


def give_back(
    desk: OrderDesk,
    ledger: Ledger,
    returns: Iterable[Return],
    *,
    run_id: str,
    workers: int,
    stopping: threading.Event,
    on_tick: Callable[[float], None] = lambda _share: None,
) -> bool:
    """Refund the returns; call it when all orders are final.

    Args:
        on_tick: called after each refund with the share that is done, 0..1.
    Returns:
        False when *stopping* ended it.
    Raises:
        ShopGone: the refunds that have no answer yet are sent again by the next call.
    """
    ledger.match(returns)
    due = ledger.refunds_due()

    def send(refund: Refund) -> None:
        if stopping.is_set():
            return
        lines = [RefundedLine(refund.product_id, refund.units)]
        refused = desk.refund(refund.order_id, lines, f"{run_id}-return-{refund.line}-{refund.order_id}")
        if refused is not None and refused.code in UNDECIDED:
            raise ShopGone(refused.code)
        ledger.answered(refund, GIVEN_BACK if refused is None else refused.code)

    with _workers(workers) as pool:
        for done, _ in enumerate(pool.map(send, due), start=1):
            on_tick(done / len(due))
    return not ledger.refunds_due()


@contextmanager
def _workers(count: int) -> Iterator[ThreadPoolExecutor]:
    """Threads of which those not yet at work are left out when something goes wrong."""
    pool = ThreadPoolExecutor(count, thread_name_prefix="replay")
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)
