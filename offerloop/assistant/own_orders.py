"""The one door to orders that the assistant has: it opens to those of the asking customer alone."""

from offerloop.assistant.question import MIN_PREFIX_LENGTH, is_whole_id
from offerloop.errors import UnknownOrder
from offerloop.orders.cancel_order import order_of
from offerloop.orders.model import Order
from offerloop.orders.ports import OrderStore

MAX_SEARCHED = 100  # newest orders among which the beginning of an id is looked up


class OwnOrders:
    """What one customer may see, whatever the question says.

    Another customer's order and one that does not exist are the same here: nothing.
    """

    def __init__(self, customer_id: str, store: OrderStore) -> None:
        self._customer_id = customer_id
        self._store = store
        self._searched: tuple[Order, ...] | None = None

    def newest(self, limit: int) -> tuple[Order, ...]:
        """Up to *limit* orders, newest first."""
        page = self._store.of_customer(self._customer_id, limit, None)
        return tuple(order for order in page.orders if order.customer_id == self._customer_id)

    def called(self, reference: str) -> tuple[Order, ...]:
        """The orders that a reference may mean: those whose ids begin with it, or the one whose id it is."""
        if not is_whole_id(reference) and len(reference) >= MIN_PREFIX_LENGTH:
            begun = tuple(each for each in self._search() if each.order_id.lower().startswith(reference))
            if begun:
                return begun
        try:
            return (order_of(reference, self._customer_id, self._store),)
        except UnknownOrder:
            return ()

    def _search(self) -> tuple[Order, ...]:
        if self._searched is None:
            self._searched = self.newest(MAX_SEARCHED)
        return self._searched
