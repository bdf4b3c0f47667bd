"""What the CRM proxy needs from the world. Every port has one contract suite, run on each adapter."""

from typing import Protocol

from offerloop.crm.model import BonusWrite, Buyer, Contact, KeptBuyer
from offerloop.errors import CrmUnavailable
from offerloop.idempotency import AnsweredRequest, IdempotencyStore, Stale
from offerloop.outbox import Message


class CrmSilent(CrmUnavailable):
    """The CRM gave no answer that says what happened: a write may have been made, or may still be."""


class Crm(Protocol):
    """The CRM, one attempt a call; each request to it is counted before it goes out.

    Raises (each method):
        CrmUnavailable: it was not asked, or refused for the moment; nothing was written.
        CrmSilent
    """

    def find(self, contact: Contact) -> Buyer | None:
        """The buyer with a phone or an e-mail address, the oldest where several have it; None = nobody."""

    def get(self, buyer_id: str) -> Buyer:
        """Raises:
        UnknownBuyer
        """

    def write_bonus(self, buyer: Buyer, bonus: int) -> None:
        """Set a buyer's bonus (>= 0) whatever it was; the same twice is the same as once.

        Args:
            buyer: as just read; the CRM wants the name along.
        Raises:
            UnknownBuyer
        """


class StaleBonus(Stale):
    """Another bonus was queued meanwhile, or the request was just answered."""


class BonusWrites(IdempotencyStore, Protocol):
    """The bonuses on their way to the CRM, one row per buyer that never ends by itself."""

    def of(self, buyer_id: str) -> BonusWrite | None:
        """The last one queued for a buyer, strongly consistent."""

    def queue(self, write: BonusWrite, message: Message, answered: AnsweredRequest | None) -> None:
        """Store a pending write in place of the one before it, with the message that asks for it to be sent.

        Raises:
            StaleBonus: the stored version is not the one before, or the key was just answered.
        """

    def begin(self, buyer_id: str, version: int, now_ms: int, until_ms: int) -> bool:
        """Have the sole right to write a buyer's bonus until a time (> *now_ms*).

        Returns:
            False when somebody else has it at *now_ms*, or the version is not the pending one.
        """

    def end(self, buyer_id: str, version: int, until_ms: int, written_at_ms: int) -> None:
        """Note that the CRM confirmed a version, and give the right back that was had until *until_ms*.

        A version that was queued meanwhile stays pending. A right that somebody else has since is left alone.
        """

    def release(self, buyer_id: str, until_ms: int) -> None:
        """Give the right back; nothing was written."""

    def refuse(self, buyer_id: str, version: int, reason: str) -> None:
        """Note that the CRM will never take a version; one that was queued meanwhile stays pending."""


class BuyerCache(Protocol):
    """What the CRM said lately. It may forget at any time."""

    def buyer(self, buyer_id: str) -> KeptBuyer | None:
        """What is kept of a buyer, past its end or not."""

    def buyer_with(self, contact: Contact, now: int) -> str | None:
        """The id of the buyer that this contact led to; None when that is not kept, or its end has passed."""

    def keep(self, kept: KeptBuyer, contact: Contact | None = None) -> None:
        """Keep a buyer, and that *contact* leads to it, unless what is kept was asked for later."""
