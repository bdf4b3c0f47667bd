"""The CRM proxy's ports, in memory: a CRM that does as it is told, bonuses to be written, and the cache."""

from collections.abc import Callable
from dataclasses import replace

from offerloop.crm.model import BonusWrite, Buyer, Contact, ContactKind, KeptBuyer
from offerloop.crm.ports import StaleBonus
from offerloop.errors import UnknownBuyer
from offerloop.idempotency import KEPT_FOR_S, AnsweredRequest
from offerloop.outbox import Message
from simulator.memory.activity import MemoryIdempotencyStore
from simulator.memory.world import MemoryWorld


def unlimited() -> None:
    """An admission that lets every request pass."""


class MemoryCrm:
    """`Crm`.

    Args:
        admit: called before each request; refuses by raising.

    Attributes:
        buyers: by id.
        contacts: phones and e-mail addresses by buyer id.
        requests: names of the methods that were asked for, in order.
        refusals: raised by the next requests, one each; None = that one is answered.
        lands: whether a write that `refusals` lets fail is made all the same.
    """

    def __init__(self, admit: Callable[[], None] = unlimited) -> None:
        self._admit = admit
        self.buyers: dict[str, Buyer] = {}
        self.contacts: dict[str, tuple[str, ...]] = {}
        self.requests: list[str] = []
        self.refusals: list[Exception | None] = []
        self.lands = False

    def put(self, buyer: Buyer, *contacts: str) -> None:
        """Let somebody in the shop enter a buyer."""
        self.buyers[buyer.buyer_id] = buyer
        self.contacts[buyer.buyer_id] = contacts

    def find(self, contact: Contact) -> Buyer | None:
        self._ask("find")
        matching = [
            buyer_id
            for buyer_id, spellings in self.contacts.items()
            if any(_kind(each) is contact.kind and contact.is_spelled(each) for each in spellings)
        ]
        return self.buyers[min(matching, key=int)] if matching else None

    def get(self, buyer_id: str) -> Buyer:
        self._ask("get")
        return self._known(buyer_id)

    def write_bonus(self, buyer: Buyer, bonus: int) -> None:
        try:
            self._ask("write_bonus")
        except Exception:
            if self.lands:
                self._set(buyer.buyer_id, bonus)
            raise
        self._set(buyer.buyer_id, bonus)

    def _ask(self, method: str) -> None:
        self._admit()
        self.requests.append(method)
        refusal = self.refusals.pop(0) if self.refusals else None
        if refusal is not None:
            raise refusal

    def _set(self, buyer_id: str, bonus: int) -> None:
        self.buyers[buyer_id] = replace(self._known(buyer_id), bonus=bonus)

    def _known(self, buyer_id: str) -> Buyer:
        if buyer_id not in self.buyers:
            raise UnknownBuyer(f"the CRM has no buyer {buyer_id}")
        return self.buyers[buyer_id]


def _kind(spelling: str) -> ContactKind:
    return ContactKind.EMAIL if "@" in spelling else ContactKind.PHONE


class MemoryBonusWrites(MemoryIdempotencyStore):
    """`BonusWrites`."""

    def __init__(self, world: MemoryWorld) -> None:
        super().__init__(world)
        self._rows: dict[str, BonusWrite] = {}
        self._sole_right_until_ms: dict[str, int] = {}

    def of(self, buyer_id: str) -> BonusWrite | None:
        return self._rows.get(buyer_id)

    def queue(self, write: BonusWrite, message: Message, answered: AnsweredRequest | None) -> None:
        before = self._rows.get(write.buyer_id)
        now = 0 if answered is None else answered.expires_at - KEPT_FOR_S
        version = 0 if before is None else before.version
        if version != write.version - 1 or self._is_answered(answered, now):
            raise StaleBonus
        written_at_ms = 0 if before is None else before.written_at_ms
        self._rows[write.buyer_id] = replace(write, written_at_ms=written_at_ms)
        self._world.put_message(message)
        self._remember(answered)

    def begin(self, buyer_id: str, version: int, now_ms: int, until_ms: int) -> bool:
        write = self._rows.get(buyer_id)
        if write is None or write.version != version or not write.pending:
            return False
        if self._sole_right_until_ms.get(buyer_id, 0) > now_ms:
            return False
        self._sole_right_until_ms[buyer_id] = until_ms
        return True

    def end(self, buyer_id: str, version: int, until_ms: int, written_at_ms: int) -> None:
        if self._sole_right_until_ms.get(buyer_id) != until_ms:
            return
        del self._sole_right_until_ms[buyer_id]
        write = self._rows[buyer_id]
        pending = write.pending and write.version != version
        self._rows[buyer_id] = replace(write, written_at_ms=written_at_ms, pending=pending)

    def release(self, buyer_id: str, until_ms: int) -> None:
        if self._sole_right_until_ms.get(buyer_id) == until_ms:
            del self._sole_right_until_ms[buyer_id]

    def refuse(self, buyer_id: str, version: int, reason: str) -> None:
        write = self._rows.get(buyer_id)
        if write is not None and write.version == version:
            self._rows[buyer_id] = replace(write, pending=False, refused=reason)


class MemoryBuyerCache:
    """`BuyerCache`."""

    def __init__(self) -> None:
        self._buyers: dict[str, KeptBuyer] = {}
        self._contacts: dict[Contact, KeptBuyer] = {}

    def buyer(self, buyer_id: str) -> KeptBuyer | None:
        return self._buyers.get(buyer_id)

    def buyer_with(self, contact: Contact, now: int) -> str | None:
        kept = self._contacts.get(contact)
        return None if kept is None or kept.expires_at <= now else kept.buyer.buyer_id

    def keep(self, kept: KeptBuyer, contact: Contact | None = None) -> None:
        there = self._buyers.get(kept.buyer.buyer_id)
        if there is None or there.asked_at_ms <= kept.asked_at_ms:
            self._buyers[kept.buyer.buyer_id] = kept
        if contact is None:
            return
        led_to = self._contacts.get(contact)
        if led_to is None or led_to.asked_at_ms <= kept.asked_at_ms:
            self._contacts[contact] = kept
