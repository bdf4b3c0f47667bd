"""What shoppers' pages send, and how offers look in answers.

Models are built when their module is imported, which is part of a cold start; so the admin routes' models
are in modules of their own (offer_bodies, experiment_bodies).
"""

import re
from datetime import UTC, datetime
from typing import Annotated

from pydantic import Field, StringConstraints

from handlers.rest import Body
from offerloop.errors import FieldError, InvalidInput
from offerloop.offers.model import EventType, Offer
from offerloop.offers.recommend import RecommendedOffer

ID_PATTERN = r"^[A-Za-z0-9._:-]{1,64}$"
Id = Annotated[str, StringConstraints(pattern=ID_PATTERN)]
Category = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9 &._/-]{0,63}$")]
PLAIN = r"^[^\x00-\x1f\x7f]*$"  # no control characters
Name = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=PLAIN)]
Stock = Annotated[int, Field(ge=0, le=10**9)]


def checked_id(text: str) -> str:
    """An id from a path.

    Raises:
        InvalidInput: it cannot be an id of anything.
    """
    if not re.fullmatch(ID_PATTERN, text):
        raise InvalidInput(
            "the id in the path is malformed", [FieldError("path", f"must match {ID_PATTERN}")]
        )
    return text


class RecommendBody(Body):
    user_id: Id


class TrackBody(Body):
    user_id: Id
    offer_id: Id
    category: Annotated[str, StringConstraints(min_length=1, max_length=64)]
    event_type: Annotated[EventType, Field(strict=False)]


def discount_value(offer: Offer) -> int | float:
    """An offer's discount as the number a client expects."""
    return decimal_number(offer.discount_hundredths)


def decimal_number(hundredths: int) -> int | float:
    """Hundredths as a JSON number: 2500 -> 25, 1250 -> 12.5; exact up to 15 digits."""
    whole, rest = divmod(hundredths, 100)
    return whole if rest == 0 else hundredths / 100


def iso(at_ms: int) -> str:
    """A moment as ISO 8601 in UTC, to the millisecond."""
    moment = datetime.fromtimestamp(at_ms / 1_000, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def recommended(shown: RecommendedOffer) -> dict[str, object]:
    """One entry of `recommended_offers`; points with two decimals, the score with one."""
    offer, terms = shown.offer, shown.terms
    return {
        "offer_id": offer.offer_id,
        "offer_name": offer.offer_name,
        "category": offer.category,
        "discount_type": offer.discount_type.value,
        "discount_value": discount_value(offer),
        "priority": offer.effective_priority,
        "inventory_count": offer.inventory_count,
        "score": round(shown.score, 1),
        "priority_boost": offer.priority_boost,
        "score_breakdown": {
            "priority": round(terms.priority, 2),
            "relevance": round(terms.relevance, 2),
            "urgency": round(terms.urgency, 2),
            "inventory": round(terms.inventory, 2),
        },
    }
