"""Whose points they are, where a shop names a customer by phone or e-mail only."""

import hashlib
import re

from offerloop.errors import FieldError, InvalidInput

_SEPARATORS = re.compile(r"[\s().-]")
_E164 = re.compile(r"\+[1-9][0-9]{6,14}", re.ASCII)
_DIGITS = 32  # 128 bits in hex: no two contacts share an id


def customer_id_of(phone: str | None, email: str | None) -> str:
    """Give the id under which the points of a phone, or else of an e-mail address, are kept.

    It is a hash: contacts are not stored. Whoever has a list of numbers can compute theirs, so ids are as
    little for strangers' eyes as the contacts themselves.

    Raises:
        InvalidInput: there is neither, or the phone is not in international form (+380441234567).
    """
    if phone:
        number = _SEPARATORS.sub("", phone)
        if not _E164.fullmatch(number):
            message = "must be in international form, +380441234567"
            raise InvalidInput(f"the phone {message}", [FieldError("customer.phone", message)])
        return f"phone-{_hash(number)}"
    if email:
        return f"email-{_hash(email.strip().lower())}"
    message = "a customerId, or the customer's phone or email, is needed"
    raise InvalidInput(message, [FieldError("customer", message)])


def _hash(contact: str) -> str:
    return hashlib.sha256(contact.encode()).hexdigest()[:_DIGITS]
