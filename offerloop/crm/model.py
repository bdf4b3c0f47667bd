"""What the shop's CRM keeps about buyers, as far as bonuses need it."""

from enum import StrEnum

from offerloop.record import record


class ContactKind(StrEnum):
    """What a buyer is looked up by."""

    PHONE = "PHONE"
    EMAIL = "EMAIL"


@record(frozen=True, slots=True)
class Contact:
    """A phone, in E.164, or an e-mail address, in small letters."""

    kind: ContactKind
    value: str

    def is_spelled(self, spelling: str) -> bool:
        """Tell whether a CRM's spelling means this contact: of a phone its digits, of an address no case."""
        if self.kind is ContactKind.EMAIL:
            return spelling.strip().lower() == self.value
        return "".join(filter(str.isdecimal, spelling)) == self.value.removeprefix("+")


@record(frozen=True, slots=True)
class Buyer:
    """A buyer in the CRM.

    Attributes:
        buyer_id: the CRM's own, a whole number as text.
        name: the full name.
        bonus: in minor units; below 0 only where somebody typed that into the CRM; None where what
            is there is no amount.
    """

    buyer_id: str
    name: str
    bonus: int | None


@record(frozen=True, slots=True)
class KeptBuyer:
    """A buyer as the CRM told it before.

    Attributes:
        asked_at_ms: when the question went out: what was written to the CRM after it is not in the answer.
        expires_at: epoch seconds.
    """

    buyer: Buyer
    asked_at_ms: int
    expires_at: int


@record(frozen=True, slots=True)
class BonusWrite:
    """The last bonus that we were given to write for a buyer.

    Attributes:
        bonus: in minor units, >= 0.
        version: 1, 2, … in the order in which they were given; a later one takes the place of an earlier.
        pending: the CRM does not have it yet.
        written_at_ms: when the CRM last confirmed a bonus of this buyer, this one or an earlier; 0 = never.
        refused: why the CRM will never take it; None while it may, or has.
    """

    buyer_id: str
    bonus: int
    version: int
    queued_at_ms: int
    pending: bool = True
    written_at_ms: int = 0
    refused: str | None = None


@record(frozen=True, slots=True)
class Standing:
    """A buyer's bonus as the shop is to see it.

    Attributes:
        bonus: in minor units; what is still to be written, where something is.
        name: None where the CRM was not asked for it.
        pending: the CRM does not have this bonus yet.
    """

    buyer_id: str
    bonus: int
    pending: bool
    name: str | None = None


def masked_name(name: str) -> str:
    """Give a name as a log may show it: `Ann Smith` -> `A*** S***`."""
    return " ".join(f"{word[0]}***" for word in name.split())
