"""Accounts and steps of the bonus ledger; a test names only what it is about."""

from dataclasses import replace

from offerloop.bonuses.model import BALANCE_SIGN, Account, Entry, Lot, OrderReward
from offerloop.bonuses.ports import AccountStep, BonusLedger
from offerloop.idempotency import AnsweredRequest
from tests.factories import NOON

DAY = 86_400
TOMORROW, LATER = NOON + DAY, NOON + 30 * DAY


def an_account(*lots: Lot, **changes: object) -> Account:
    """Ann's, with these lots, as if they had been issued to her."""
    issued = sum(lot.amount for lot in lots)
    attributes: dict[str, object] = {"customer_id": "ann", "version": 1, "lots": lots, "issued": issued}
    return Account(**(attributes | changes))  # type: ignore[arg-type]


def a_reward(order_id: str = "order-1", **changes: object) -> OrderReward:
    """Of ann's order of 1,000 points that earned 100 and used none."""
    attributes: dict[str, object] = {
        "order_id": order_id,
        "customer_id": "ann",
        "total": 1_000,
        "base": 1_000,
        "rate": 1_000,
        "earned": 100,
        "used": 0,
        "ends_at": LATER,
        "balance": 100,
    }
    return OrderReward(**(attributes | changes))  # type: ignore[arg-type]


def a_step(
    before: Account,
    booked: tuple[Account, tuple[Entry, ...]],
    reward: OrderReward | None = None,
    answered: AnsweredRequest | None = None,
) -> AccountStep:
    after, entries = booked
    return AccountStep(
        before, replace(after, version=before.version + 1), entries, NOON, reward=reward, answered=answered
    )


def derived_balance(entries: tuple[Entry, ...]) -> int:
    """What the entries come to."""
    return sum(BALANCE_SIGN[entry.kind] * entry.amount for entry in entries)


def all_entries(ledger: BonusLedger, customer_id: str = "ann") -> tuple[Entry, ...]:
    """A customer's ledger, oldest first."""
    page = ledger.history(customer_id, 1_000, None)
    assert page.cursor is None
    return page.entries[::-1]
