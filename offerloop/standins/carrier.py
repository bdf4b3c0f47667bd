"""A carrier that takes every order at once; for deployments and simulations without one of their own."""

from offerloop.orders.model import Order, Tracking

NAME = "Stand-in Post"


class StandInCarrier:
    """`Carrier`: the tracking number follows from the order's id, so booking twice books once."""

    def book(self, order: Order, at_ms: int) -> Tracking:
        return Tracking(NAME, f"SIP-{order.order_id.upper()}", "BOOKED", at_ms)
