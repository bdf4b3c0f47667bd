"""Find a buyer and its bonus: what is still to be written comes first, then what the CRM said lately."""

from offerloop.clock import Clock
from offerloop.crm.model import BonusWrite, Buyer, Contact, KeptBuyer, Standing
from offerloop.crm.ports import BonusWrites, BuyerCache, Crm
from offerloop.errors import CrmUnavailable, UnknownBuyer
from offerloop.record import record


@record(frozen=True, slots=True)
class CrmDesk:
    """Everything that reading needs; answers of the CRM are kept for *kept_for_s*, 0 = not at all."""

    crm: Crm
    writes: BonusWrites
    cache: BuyerCache
    clock: Clock
    kept_for_s: int


def find_buyer(contact: Contact, desk: CrmDesk) -> Standing:
    """Give the buyer with a phone or an e-mail address.

    Raises:
        UnknownBuyer: nobody in the CRM has it.
        CrmUnavailable
    """
    known_id = desk.cache.buyer_with(contact, desk.clock.now_ms() // 1_000) if desk.kept_for_s else None
    if known_id is not None:
        write = desk.writes.of(known_id)
        return _standing(_kept(known_id, write, desk) or _asked(known_id, desk), write)
    asked_at_ms = desk.clock.now_ms()
    buyer = desk.crm.find(contact)
    if buyer is None:
        raise UnknownBuyer(f"no buyer has this {contact.kind.lower()}")
    _keep(buyer, asked_at_ms, desk, contact)
    write = desk.writes.of(buyer.buyer_id)
    if write is not None and write.written_at_ms >= asked_at_ms:  # written while we asked
        buyer = _asked(buyer.buyer_id, desk)
    return _standing(buyer, write)


def bonus_of(buyer_id: str, desk: CrmDesk) -> Standing:
    """Give a buyer's bonus; while one waits to be written, that one, without asking the CRM.

    Raises:
        UnknownBuyer, CrmUnavailable
    """
    write = desk.writes.of(buyer_id)
    if write is not None and write.pending:
        return Standing(buyer_id, write.bonus, pending=True)
    return _standing(_kept(buyer_id, write, desk) or _asked(buyer_id, desk), write)


def _kept(buyer_id: str, write: BonusWrite | None, desk: CrmDesk) -> Buyer | None:
    """The buyer as kept, unless its end has passed or the CRM was written to since it was asked for."""
    kept = desk.cache.buyer(buyer_id) if desk.kept_for_s else None
    if kept is None or kept.expires_at <= desk.clock.now_ms() // 1_000:
        return None
    written_at_ms = 0 if write is None else write.written_at_ms
    return kept.buyer if kept.asked_at_ms > written_at_ms else None


def _asked(buyer_id: str, desk: CrmDesk) -> Buyer:
    asked_at_ms = desk.clock.now_ms()
    buyer = desk.crm.get(buyer_id)
    _keep(buyer, asked_at_ms, desk)
    return buyer


def _keep(buyer: Buyer, asked_at_ms: int, desk: CrmDesk, contact: Contact | None = None) -> None:
    if desk.kept_for_s and buyer.bonus is not None:
        expires_at = asked_at_ms // 1_000 + desk.kept_for_s
        desk.cache.keep(KeptBuyer(buyer, asked_at_ms, expires_at), contact)


def _standing(buyer: Buyer, write: BonusWrite | None) -> Standing:
    if write is not None and write.pending:
        return Standing(buyer.buyer_id, write.bonus, pending=True, name=buyer.name)
    if buyer.bonus is None:
        raise CrmUnavailable("what the CRM has for a bonus is no amount")
    return Standing(buyer.buyer_id, buyer.bonus, pending=False, name=buyer.name)
