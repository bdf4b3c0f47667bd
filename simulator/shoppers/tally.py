"""What shoppers were served and did, and how the lists answered to it."""

from collections import Counter
from dataclasses import dataclass, field

from offerloop.offers.model import EventType
from simulator.shoppers.shop import Refused, Served

FEW_UNITS = 10


@dataclass(slots=True)
class Tally:
    """Counts of one run; used from one thread.

    Attributes:
        sessions: visits that got a list, empty or not; fruitless: those in which nothing appealed.
        shoppers: people who came at all; departed: those who left for good.
        events: stored events by type; refusals: by code, of both calls.
        served, redeemed: offers by category.
        boosted: offers served with a pivot's boost.
        lists_again_after_acting, lists_changed_after_acting: lists served to a shopper who had acted on
            its previous one, and those among them that differed from it; *_idle: who had not acted.
        most_seen, last_seen: units in stock as served, by offer.
        deliveries: how often sold-out offers were refilled.
    """

    sessions: int = 0
    fruitless: int = 0
    shoppers: int = 0
    departed: int = 0
    events: Counter[EventType] = field(default_factory=Counter)
    refusals: Counter[str] = field(default_factory=Counter)
    served: Counter[str] = field(default_factory=Counter)
    redeemed: Counter[str] = field(default_factory=Counter)
    boosted: int = 0
    lists_again_after_acting: int = 0
    lists_changed_after_acting: int = 0
    lists_again_idle: int = 0
    lists_changed_idle: int = 0
    most_seen: dict[str, int] = field(default_factory=dict)
    last_seen: dict[str, int] = field(default_factory=dict)
    deliveries: int = 0

    def list_served(self, served: Served, previous: tuple[str, ...] | None, acted: bool) -> None:
        """Count a list against the shopper's previous one (None = the first)."""
        for offer in served.offers:
            self.served[offer.category] += 1
            self.boosted += offer.priority_boost > 0
            units = self.last_seen[offer.offer_id] = offer.inventory_count
            self.most_seen[offer.offer_id] = max(units, self.most_seen.get(offer.offer_id, 0))
        if previous is None:
            return
        changed = served.offer_ids != previous
        if acted:
            self.lists_again_after_acting += 1
            self.lists_changed_after_acting += changed
        else:
            self.lists_again_idle += 1
            self.lists_changed_idle += changed

    def running_low(self) -> list[str]:
        """Offers that were last served with few units left, and so may be gone by now."""
        return [offer_id for offer_id, units in self.last_seen.items() if units <= FEW_UNITS]

    def delivered(self, offer_id: str, units: int) -> None:
        self.deliveries += 1
        self.last_seen[offer_id] = units

    def tracked(self, event_type: EventType, category: str, refused: Refused | None) -> None:
        if refused is not None:
            self.refusals[refused.code] += 1
            return
        self.events[event_type] += 1
        if event_type is EventType.REDEMPTION:
            self.redeemed[category] += 1
