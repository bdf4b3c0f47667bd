"""The shop as a shopper or a recording sees it: two calls and their answers."""

from dataclasses import dataclass
from typing import NamedTuple, Protocol

from offerloop.offers.model import DiscountType, EventType


class ShownOffer(Protocol):
    """What a shopper sees of an offer; `offerloop`'s own `Offer` is one too.

    Attributes:
        discount_hundredths: 2500 = 25 % or 25.00 of the shop's currency.
        inventory_count: units left when it was served.
        priority_boost: points that a pivot added; 0 without one.
    """

    @property
    def offer_id(self) -> str: ...
    @property
    def category(self) -> str: ...
    @property
    def discount_type(self) -> DiscountType: ...
    @property
    def discount_hundredths(self) -> int: ...
    @property
    def inventory_count(self) -> int: ...
    @property
    def priority_boost(self) -> int: ...


@dataclass(frozen=True, slots=True)
class ServedOffer:
    """`ShownOffer`, as read from an answer of the API."""

    offer_id: str
    category: str
    discount_type: DiscountType
    discount_hundredths: int
    inventory_count: int
    priority_boost: int = 0


class Served(NamedTuple):
    """The answer to a recommendation, best offer first."""

    offers: tuple[ShownOffer, ...]
    total_available: int

    @property
    def offer_ids(self) -> tuple[str, ...]:
        return tuple(offer.offer_id for offer in self.offers)


@dataclass(frozen=True, slots=True)
class Refused:
    """A request that the shop did not carry out.

    Attributes:
        code: the refusal's stable code (``out_of_stock`` …), or ``unreachable`` or ``http_<status>`` when
            no refusal in the agreed form came back.
    """

    code: str


UNREACHABLE = Refused("unreachable")


class Shop(Protocol):
    """What shoppers need of a shop; calls may come from several threads."""

    def recommend(self, user_id: str) -> Served | Refused:
        """Ask for the user's best offers."""

    def track(
        self, user_id: str, offer_id: str, category: str, event_type: EventType, key: str | None = None
    ) -> Refused | None:
        """Report something that the user did with an offer; None = stored.

        Args:
            key: idempotency key; the same key has its effect once. None leaves the choice to the shop.
        """
