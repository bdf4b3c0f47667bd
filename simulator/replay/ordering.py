"""One recorded basket at the till: which offers its lines carry, and its orders."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from offerloop.orders.model import MAX_LINES, MAX_QUANTITY
from simulator.replay.ledger import Ledger, PlacedLine, PlacedOrder
from simulator.replay.recording import Line, Session
from simulator.shoppers.checkout import BasketLine, Checkout, SoldProduct, Till
from simulator.shoppers.shop import Refused, ShownOffer


@dataclass(frozen=True, slots=True)
class Part:
    """One order's lines, and what the recording says was paid for them."""

    lines: tuple[BasketLine, ...]
    recorded: int


@dataclass(frozen=True, slots=True)
class Ordering:
    """Places the orders of one run; calls may come from several threads.

    Attributes:
        run_id: begins every Idempotency-Key.
        products: as the shop has them, by id; all that the recording orders.
        use_offers: see `simulator.replay.mapping.Orders`.
        own_offers: the offer of each product as the shop has it, where *use_offers* is ``always``.
        units_per_offer: how many units of a line an offer is used on; 0 = all.
    """

    till: Till
    run_id: str
    products: Mapping[str, SoldProduct]
    ledger: Ledger
    use_offers: Literal["served", "always", "never"]
    own_offers: Mapping[str, ShownOffer]
    units_per_offer: int

    def offers_for(self, session: Session, served: Sequence[ShownOffer]) -> dict[str, ShownOffer]:
        """The offers that a basket's lines carry, by product id.

        Of those served, the replay's own are used, each on the line of its product, or else on the first
        line of its category that has none.
        """
        if self.use_offers == "never":
            return {}
        if self.use_offers == "always":
            bought = (line.product_id for line in session.lines)
            return {each: self.own_offers[each] for each in bought if each in self.own_offers}
        used: dict[str, ShownOffer] = {}
        for offer in served:
            fitting = [
                line.product_id
                for line in session.lines
                if line.category == offer.category and line.product_id not in used
            ]
            if fitting and offer.offer_id in self.products:
                used[offer.offer_id if offer.offer_id in fitting else fitting[0]] = offer
        return used

    def parts(self, session: Session, offers: Mapping[str, ShownOffer]) -> list[Part]:
        """A basket as orders of at most MAX_LINES lines of at most MAX_QUANTITY units."""
        lines = [part for line in session.lines for part in self._lines(line, offers.get(line.product_id))]
        chunks = [lines[start : start + MAX_LINES] for start in range(0, len(lines), MAX_LINES)]
        return [
            Part(tuple(line for line, _ in chunk), sum(recorded for _, recorded in chunk)) for chunk in chunks
        ]

    def _lines(self, bought: Line, offer: ShownOffer | None) -> list[tuple[BasketLine, int]]:
        """A line of the recording as lines of an order; the first has what the recording says was paid."""
        product, left = self.products[bought.product_id], bought.units
        lines: list[BasketLine] = []
        if offer is not None and 0 < self.units_per_offer < left:
            lines.append(BasketLine(product, self.units_per_offer, offer))
            left, offer = left - self.units_per_offer, None
        while left:
            units = min(left, MAX_QUANTITY)
            lines.append(BasketLine(product, units, offer))
            left -= units
        return [(line, 0 if at else bought.value_hundredths) for at, line in enumerate(lines)]

    def key(self, session: Session, part: int) -> str:
        """The Idempotency-Key of one of a basket's orders."""
        return f"{self.run_id}-{session.number}-order-{part}"

    def place(self, session: Session, number: int, part: Part) -> PlacedOrder | Refused:
        """Place one of a basket's orders under its key."""
        checkout = Checkout(session.user_id, part.lines)
        order_id = self.till.check_out(checkout, self.key(session, number))
        if isinstance(order_id, Refused):
            return order_id
        return PlacedOrder(
            order_id=order_id,
            session=session.number,
            part=number,
            customer=session.user_id,
            total=checkout.total,
            full_price=sum(line.product.price * line.quantity for line in part.lines),
            recorded=part.recorded,
            lines=tuple(
                PlacedLine(line.product.product_id, line.quantity, line.amount // line.quantity)
                for line in part.lines
            ),
        )


def without_offers(part: Part) -> Part:
    """The same order at full prices."""
    return replace(part, lines=tuple(replace(line, offer=None) for line in part.lines))
