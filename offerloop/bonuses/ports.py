"""What the bonus ledger needs from the world. Every port has one contract suite, run on each adapter."""

from collections.abc import Callable, Sequence
from typing import Protocol

from offerloop.bonuses.model import Account, Entry, OrderReward
from offerloop.idempotency import AnsweredRequest, IdempotencyStore, Stale
from offerloop.record import record


@record(frozen=True, slots=True)
class AccountStep:
    """A change of an account with the entries that say so; stored as a whole or not at all.

    Attributes:
        before: the account that the change was decided on; the write fails when the stored one's version
            is another.
        after: with `version` one more.
        entries: numbered on from `before.entries`.
        now: epoch seconds.
        reward: of the order that it comes from, as it is to be stored; its version is one more than that
            of the stored one, 1 for none. None = no order, or its reward stays as it is.
    """

    before: Account
    after: Account
    entries: tuple[Entry, ...]
    now: int
    reward: OrderReward | None = None
    answered: AnsweredRequest | None = None


Report = Callable[[AccountStep], None]  # told of a step right after it is stored


def nobody(_: AccountStep) -> None:
    """A `Report` to nobody."""


class StaleAccount(Stale):
    """The account, its order's reward, or the answer to the request, is not what it was when it was read."""


@record(frozen=True, slots=True)
class EntryPage:
    """One page of entries; *cursor* is None on the last."""

    entries: tuple[Entry, ...]
    cursor: str | None


class BonusLedger(IdempotencyStore, Protocol):
    def account(self, customer_id: str) -> Account:
        """A customer's account, strongly consistent; an empty one of version 0 for who has none."""

    def reward(self, order_id: str) -> OrderReward | None:
        """What an order earned, strongly consistent; None before it was completed and accounted for."""

    def write(self, step: AccountStep) -> None:
        """Store a step in one transaction.

        Raises:
            StaleAccount
            Busy: others kept changing the same account beyond the adapter's retries.
        """

    def history(self, customer_id: str, limit: int, cursor: str | None) -> EntryPage:
        """A customer's entries, newest first.

        Raises:
            InvalidInput: the cursor is not one of ours.
        """

    def due(self, now: int, limit: int) -> Sequence[str]:
        """Customers with pending points that are due or lots that have ended, the longest overdue first."""
