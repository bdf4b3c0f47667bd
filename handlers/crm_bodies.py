"""What the CRM routes are sent, and how a buyer looks in answers."""

import re
from decimal import Decimal
from typing import Annotated

from pydantic import Field

from handlers.bodies import decimal_number
from handlers.rest import Body
from offerloop import money
from offerloop.crm.model import Contact, ContactKind, Standing
from offerloop.errors import FieldError, InvalidInput

BUYER_ID = re.compile(r"[1-9][0-9]{0,17}", re.ASCII)
PHONE = re.compile(r"[+ ]?([1-9][0-9]{6,14})", re.ASCII)  # a plus that was not escaped arrives as a blank
EMAIL = re.compile(r"[^@\s\x00-\x1f\x7f]+@[^@\s\x00-\x1f\x7f]+\.[^@\s\x00-\x1f\x7f]+")
MOST_EMAIL = 254


class BonusBody(Body):
    bonus: Annotated[Decimal, Field(ge=0, le=10**9, decimal_places=2, strict=False)]

    def minor(self) -> int:
        return money.to_minor(self.bonus)


def contact_of(phone: str | None, email: str | None) -> Contact:
    """What a buyer is looked up by, from the query string; the refusal does not repeat it.

    Raises:
        InvalidInput: neither, both, or one that is none.
    """
    if (phone is None) == (email is None):
        raise InvalidInput("give phone or email", [FieldError("phone", "either this or email")])
    if phone is not None:
        found = PHONE.fullmatch(phone)
        if found is None:
            raise InvalidInput("the phone is none", [FieldError("phone", "E.164, as +380501234567")])
        return Contact(ContactKind.PHONE, f"+{found[1]}")
    assert email is not None
    if len(email) > MOST_EMAIL or not EMAIL.fullmatch(email):
        raise InvalidInput("the e-mail address is none", [FieldError("email", "as ann@example.com")])
    return Contact(ContactKind.EMAIL, email.lower())


def buyer_id_of(text: str) -> str:
    """A buyer's id from a path.

    Raises:
        InvalidInput: the CRM has no such ids.
    """
    if not BUYER_ID.fullmatch(text):
        raise InvalidInput("the id in the path is malformed", [FieldError("path", "a whole number")])
    return text


def bonus_json(standing: Standing) -> dict[str, object]:
    return {
        "buyerId": standing.buyer_id,
        "bonus": decimal_number(standing.bonus),
        "pending": standing.pending,
    }


def buyer_json(standing: Standing) -> dict[str, object]:
    return bonus_json(standing) | {"name": standing.name or ""}
