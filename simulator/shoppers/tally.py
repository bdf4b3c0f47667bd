"""What shoppers were served and did, and how the lists answered to it."""

from collections import Counter
from dataclasses import dataclass, field

from offerloop.offers.model import EventType
from offerloop.orders.model import OrderStatus
from simulator.shoppers.checkout import Checkout, ClaimedCode
from simulator.shoppers.population import Person
from simulator.shoppers.shop import Refused, Served, ShownOffer

FEW_UNITS = 10


@dataclass(slots=True)
class Tally:
    """`Witness` that counts one run of the live mode; used from one thread.

    Attributes:
        sessions: visits that got a list, empty or not; fruitless: those in which nothing appealed.
        shoppers: people who came at all; gone: those who left for good.
        events: stored events by type; refusals: by code, of both calls.
        served_in, redeemed: offers by category.
        boosted: offers served with a pivot's boost.
        lists_again_after_acting, lists_changed_after_acting: lists served to a shopper who had acted on
            its previous one, and those among them that differed from it; *_idle: who had not acted.
        most_seen, last_seen: units in stock as served, by offer.
        deliveries, products_delivered: how often sold-out offers, and products that ran low, were refilled.
        orders: what customers found when they asked where an order is, and what they did about it.
        orders_placed, units_ordered, cents_ordered: of orders that were accepted.
        codes_claimed: promo codes that were given out; orders_with_code, cents_by_code, orders_with_points,
            points_used: of orders that were accepted.
    """

    sessions: int = 0
    fruitless: int = 0
    shoppers: int = 0
    gone: int = 0
    events: Counter[EventType] = field(default_factory=Counter)
    refusals: Counter[str] = field(default_factory=Counter)
    served_in: Counter[str] = field(default_factory=Counter)
    redeemed: Counter[str] = field(default_factory=Counter)
    boosted: int = 0
    lists_again_after_acting: int = 0
    lists_changed_after_acting: int = 0
    lists_again_idle: int = 0
    lists_changed_idle: int = 0
    most_seen: dict[str, int] = field(default_factory=dict)
    last_seen: dict[str, int] = field(default_factory=dict)
    deliveries: int = 0
    products_delivered: int = 0
    orders: Counter[str] = field(default_factory=Counter)
    orders_placed: int = 0
    units_ordered: int = 0
    cents_ordered: int = 0
    codes_claimed: int = 0
    orders_with_code: int = 0
    cents_by_code: int = 0
    orders_with_points: int = 0
    points_used: int = 0
    _last_lists: dict[str, tuple[str, ...]] = field(default_factory=dict)  # by user
    _acted: set[str] = field(default_factory=set)  # users who acted on their last list

    def arrived(self, person: Person) -> None:
        self.shoppers += 1

    def served(self, person: Person, served: Served) -> None:
        for offer in served.offers:
            self.served_in[offer.category] += 1
            self.boosted += offer.priority_boost > 0
            units = self.last_seen[offer.offer_id] = offer.inventory_count
            self.most_seen[offer.offer_id] = max(units, self.most_seen.get(offer.offer_id, 0))
        self._compare(person.user_id, served.offer_ids)

    def _compare(self, user_id: str, offer_ids: tuple[str, ...]) -> None:
        """Count a list against the shopper's previous one."""
        previous = self._last_lists.get(user_id)
        self._last_lists[user_id] = offer_ids
        if previous is None:
            return
        if user_id in self._acted:
            self._acted.discard(user_id)
            self.lists_again_after_acting += 1
            self.lists_changed_after_acting += offer_ids != previous
        else:
            self.lists_again_idle += 1
            self.lists_changed_idle += offer_ids != previous

    def refused(self, person: Person, refused: Refused) -> None:
        self.refusals[refused.code] += 1

    def tracked(
        self, person: Person, place: int, offer: ShownOffer, event_type: EventType, refused: Refused | None
    ) -> None:
        if refused is not None:
            self.refusals[refused.code] += 1
            return
        self._acted.add(person.user_id)
        self.events[event_type] += 1
        if event_type is EventType.REDEMPTION:
            self.redeemed[offer.category] += 1

    def ordered(self, person: Person, checkout: Checkout, refused: Refused | None) -> None:
        if refused is not None:
            self.refusals[refused.code] += 1
            return
        self._acted.add(person.user_id)
        self.orders_placed += 1
        self.units_ordered += checkout.units
        self.cents_ordered += checkout.total
        self.orders_with_code += checkout.code is not None
        self.cents_by_code += checkout.code_discount
        self.orders_with_points += checkout.use_bonus > 0
        self.points_used += checkout.use_bonus
        self.redeemed.update(line.offer.category for line in checkout.lines if line.offer is not None)

    def claimed(self, person: Person, answer: ClaimedCode | Refused) -> None:
        if isinstance(answer, Refused):
            self.refusals[answer.code] += 1
        else:
            self.codes_claimed += 1

    def counted_points(self, person: Person, answer: int | Refused) -> None:
        if isinstance(answer, Refused):
            self.refusals[answer.code] += 1

    def looked_up(self, person: Person, status: OrderStatus | Refused) -> None:
        if isinstance(status, Refused):
            self.refusals[status.code] += 1
        else:
            self.orders[status.value] += 1

    def called_off(self, person: Person, refused: Refused | None) -> None:
        self.orders["CANCELLED" if refused is None else "too late to cancel"] += 1

    def gave_back(self, person: Person, refused: Refused | None) -> None:
        if refused is not None:
            self.refusals[refused.code] += 1
        else:
            self.orders["returned"] += 1

    def left(self, person: Person, *, pleased: bool, converted: bool, missed_out: bool) -> None:
        self.sessions += 1
        self.fruitless += not pleased

    def departed(self, person: Person, visits: int) -> None:
        self.gone += 1
        self._last_lists.pop(person.user_id, None)
        self._acted.discard(person.user_id)

    def running_low(self) -> list[str]:
        """Offers that were last served with few units left, and so may be gone by now."""
        return [offer_id for offer_id, units in self.last_seen.items() if units <= FEW_UNITS]

    def delivered(self, offer_id: str, units: int) -> None:
        self.deliveries += 1
        self.last_seen[offer_id] = units
