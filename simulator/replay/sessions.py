"""One recorded basket against a shop: ask once, then the events of each product, then redeem or order."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from offerloop.offers.model import EventType
from simulator.replay.ledger import PlacedOrder
from simulator.replay.mapping import Events
from simulator.replay.ordering import Ordering, Part, without_offers
from simulator.replay.recording import Session
from simulator.shoppers.shop import Refused, Shop, ShownOffer
from simulator.shoppers.streams import Streams

# Refusals after which the shop cannot be said to have decided: the session is to be replayed again.
UNDECIDED = frozenset({"unreachable", "busy", "too_many_requests", "http_502", "http_503", "http_504"})


class ShopGone(Exception):
    """The shop stopped answering in the middle of a session, retries included."""


@dataclass(slots=True)
class Outcome:
    """What sessions came to.

    Attributes:
        requests: by kind, ``RECOMMEND``, ``ORDER`` or an event type; refused ones included.
        served, redeemed: offers by category; redeemed = stored redemptions, or units of accepted orders.
        refusals: by code.
        matched: sessions in which a category that was served was also bought.
        not_placed: orders that the shop refused, also without offers.
        placed: the orders of sessions just played; a sum of outcomes keeps none.
    """

    sessions: int = 0
    matched: int = 0
    requests: Counter[str] = field(default_factory=Counter)
    served: Counter[str] = field(default_factory=Counter)
    redeemed: Counter[str] = field(default_factory=Counter)
    refusals: Counter[str] = field(default_factory=Counter)
    not_placed: int = 0
    placed: list[PlacedOrder] = field(default_factory=list)

    def add(self, other: "Outcome") -> None:
        """Take in the counts of another."""
        self.sessions += other.sessions
        self.matched += other.matched
        self.not_placed += other.not_placed
        self.requests.update(other.requests)
        self.served.update(other.served)
        self.redeemed.update(other.redeemed)
        self.refusals.update(other.refusals)


@dataclass(frozen=True, slots=True)
class SessionPlayer:
    """Replays sessions of one run; calls may come from several threads.

    Attributes:
        run_id: begins every Idempotency-Key, so that the same session of the same run has its effects
            once, however often it is replayed.
        ordering: None = each product is redeemed, whatever its units.
    """

    shop: Shop
    run_id: str
    events: Events
    streams: Streams
    ordering: Ordering | None = None

    def play(self, session: Session) -> Outcome:
        """Replay one session.

        Raises:
            ShopGone: part of it may have been stored; replaying it again completes it.
        """
        outcome = Outcome(sessions=1)
        served = self.shop.recommend(session.user_id)
        outcome.requests["RECOMMEND"] += 1
        if isinstance(served, Refused):
            self._refused(served, outcome)
        else:
            outcome.served.update(offer.category for offer in served.offers)
            bought = {category for _, category in session.offers}
            outcome.matched = int(any(offer.category in bought for offer in served.offers))
        for position, (offer_id, category) in enumerate(session.offers):
            for event_type in self._steps(session, position):
                key = f"{self.run_id}-{session.number}-{position}-{event_type.value}"
                refused = self.shop.track(session.user_id, offer_id, category, event_type, key)
                outcome.requests[event_type.value] += 1
                if refused is not None:
                    self._refused(refused, outcome)
                elif event_type is EventType.REDEMPTION:
                    outcome.redeemed[category] += 1
        if self.ordering is not None and session.lines:
            offers = () if isinstance(served, Refused) else served.offers
            self._order(self.ordering, session, offers, outcome)
        return outcome

    def _order(
        self, ordering: Ordering, session: Session, served: Sequence[ShownOffer], outcome: Outcome
    ) -> None:
        offers = ordering.ledger.choose(session.number, ordering.offers_for(session, served))
        for number, part in enumerate(ordering.parts(session, offers)):
            if self._place(ordering, session, number, part, outcome):
                continue
            # An offer may end or sell out after it was served; the basket is bought all the same. A refusal
            # is not kept under the key, so the order may change.
            at_full_price = without_offers(part)
            changed = at_full_price != part
            if not changed or not self._place(ordering, session, number, at_full_price, outcome):
                outcome.not_placed += 1

    def _place(self, ordering: Ordering, session: Session, number: int, part: Part, outcome: Outcome) -> bool:
        placed = ordering.place(session, number, part)
        outcome.requests["ORDER"] += 1
        if isinstance(placed, Refused):
            self._refused(placed, outcome)
            return False
        outcome.placed.append(placed)
        for line in part.lines:
            if line.offer is not None:
                outcome.redeemed[line.product.category] += line.quantity
        return True

    def _refused(self, refused: Refused, outcome: Outcome) -> None:
        if refused.code in UNDECIDED:
            raise ShopGone(refused.code)
        outcome.refusals[refused.code] += 1

    def _steps(self, session: Session, position: int) -> list[EventType]:
        """The events of one product: those before it is bought are drawn, each for itself."""
        shares = (
            (EventType.VIEW, self.events.view_share),
            (EventType.CLICK, self.events.click_share),
            (EventType.ADD_TO_CART, self.events.cart_share),
        )
        owner = f"{session.number}/{position}"
        drawn = [kind for kind, share in shares if share and self.streams.uniform(kind.value, owner) < share]
        return drawn if self.ordering is not None else [*drawn, EventType.REDEMPTION]
