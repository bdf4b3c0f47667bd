"""A customer's word on an order that came about: one rating each, which a later one replaces."""

from typing import Protocol

from offerloop.clock import Clock
from offerloop.errors import OrderNotOpen
from offerloop.orders.cancel_order import order_of
from offerloop.orders.model import PAID
from offerloop.orders.ports import OrderStore
from offerloop.record import record

LOWEST_SCORE, HIGHEST_SCORE = 1, 5
MAX_COMMENT_LENGTH = 500


@record(frozen=True, slots=True)
class Rating:
    """What a customer thinks of an order.

    Attributes:
        score: LOWEST_SCORE..HIGHEST_SCORE, more is better.
        comment: at most MAX_COMMENT_LENGTH characters, or None.
    """

    order_id: str
    score: int
    comment: str | None
    at_ms: int


class RatingStore(Protocol):
    """Ratings by order. They are no part of the order: its version and history say what happened to it."""

    def keep(self, rating: Rating) -> None:
        """Keep an order's rating in place of an earlier one; one that was given later stays."""

    def of(self, order_id: str) -> Rating | None:
        """An order's rating, strongly consistent."""


def rate_order(
    order_id: str,
    score: int,
    comment: str | None,
    *,
    store: OrderStore,
    ratings: RatingStore,
    clock: Clock,
    customer_id: str | None = None,
) -> Rating:
    """Rate a completed order, one that was refunded since among them.

    An order that was completed stays one that was, so nothing can come between the look and the write.

    Raises:
        UnknownOrder: also for another customer's, where a customer asks.
        OrderNotOpen: it is still in progress, or never came about.
    """
    order = order_of(order_id, customer_id, store)
    if order.status not in PAID:
        raise OrderNotOpen(f"the order is {order.status}; only what was completed can be rated")
    rating = Rating(order_id, score, comment, clock.now_ms())
    ratings.keep(rating)
    return rating
