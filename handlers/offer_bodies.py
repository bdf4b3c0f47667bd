"""The request bodies of the offers admin routes, and how they show an offer."""

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field

from handlers.bodies import Category, Id, Name, Stock, discount_value
from handlers.rest import Body
from offerloop.offers.model import DiscountType, Offer

# At most two decimals: integer hundredths inside. A JSON number; pydantic reads it without a float.
DiscountValue = Annotated[Decimal, Field(gt=0, le=10**7, decimal_places=2, strict=False)]
ExpiresAt = Annotated[int, Field(gt=0, lt=2**33)]
Priority = Annotated[int, Field(ge=0, le=100)]
LimitPerUser = Annotated[int, Field(ge=0, le=10**6)]


class CreateOfferBody(Body):
    offer_id: Id
    offer_name: Name
    category: Category
    discount_type: Annotated[DiscountType, Field(strict=False)]
    discount_value: DiscountValue
    priority: Priority
    inventory_count: Stock
    expires_at: ExpiresAt | None = None
    redemptions_per_user: LimitPerUser = 1

    def offer(self) -> Offer:
        return Offer(
            offer_id=self.offer_id,
            offer_name=self.offer_name,
            category=self.category,
            discount_type=self.discount_type,
            discount_hundredths=int(self.discount_value * 100),
            priority=self.priority,
            inventory_count=self.inventory_count,
            expires_at=self.expires_at,
            redemptions_per_user=self.redemptions_per_user,
            received_count=self.inventory_count,
        )


class ChangeOfferBody(Body):
    """Attributes that are left out stay; `expires_at: null` takes the end away."""

    offer_name: Name = ""
    category: Category = ""
    discount_type: Annotated[DiscountType, Field(strict=False)] = DiscountType.PERCENTAGE
    discount_value: DiscountValue = Decimal(0)
    priority: Priority = 0
    status: Literal["ACTIVE", "PAUSED"] = "ACTIVE"
    expires_at: ExpiresAt | None = None
    redemptions_per_user: LimitPerUser = 1

    def changes(self) -> dict[str, str | int | None]:
        """Only what the client sent, by `Offer` field name."""
        sent = self.model_dump(include=self.model_fields_set, exclude={"discount_value"})
        if "discount_value" in self.model_fields_set:
            sent["discount_hundredths"] = int(self.discount_value * 100)
        return {
            name: value.value if isinstance(value, DiscountType) else value for name, value in sent.items()
        }


class RestockBody(Body):
    units: Annotated[int, Field(gt=0, le=10**9)]


def offer_json(offer: Offer) -> dict[str, object]:
    """An offer as the admin routes show it; `priority` is the base."""
    return {
        "offer_id": offer.offer_id,
        "offer_name": offer.offer_name,
        "category": offer.category,
        "discount_type": offer.discount_type.value,
        "discount_value": discount_value(offer),
        "priority": offer.priority,
        "priority_boost": offer.priority_boost,
        "inventory_count": offer.inventory_count,
        "status": offer.status.value,
        "expires_at": offer.expires_at,
        "redemptions_per_user": offer.redemptions_per_user,
        "received_count": offer.received_count,
        "redeemed_count": offer.redeemed_count,
        "held_count": offer.held_count,
    }
