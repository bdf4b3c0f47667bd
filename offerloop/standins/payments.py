"""How a payment service keeps its books, and how badly it can answer.

`charge`, `void` and `refund` take an account as it stands and give it as it stands afterwards; who calls them
stores it. The server in `standins.payments` does so in SQLite, `MemoryGateway` in a dictionary.
"""

from collections.abc import Mapping
from dataclasses import replace
from enum import StrEnum
from hashlib import blake2b
from typing import NamedTuple

from offerloop.orders.ports import Payment, PaymentRejected, PaymentStatus
from offerloop.record import record

DECLINED_BECAUSE = "the card's issuer declined"


class Mode(StrEnum):
    """What becomes of the first charge under a key; a charge that is asked again is answered at once.

    Attributes:
        APPROVE: captured, answered.
        DECLINE: nothing taken, answered.
        TIME_OUT: no answer. For half of the keys the answer is lost, and the money taken; for the others
            the request itself is lost, and the next one is approved.
        ANSWER_LATE: captured, answered after `Behaviour.late_s`.
        ANSWER_TWICE: a proxy in between sends the request twice; captured once, answered with the second.
        FAIL: captured, answered with an internal error.
    """

    APPROVE = "approve"
    DECLINE = "decline"
    TIME_OUT = "time_out"
    ANSWER_LATE = "answer_late"
    ANSWER_TWICE = "answer_twice"
    FAIL = "fail"


@record(frozen=True, slots=True)
class Behaviour:
    """How the service behaves towards new charges, drawn for each key from seed and key alone.

    Attributes:
        shares: each 0..1, together 1; a mode without one never comes.
        late_s: seconds until a late answer.
        silent_s: seconds for which a request that is never answered is held.
    """

    shares: Mapping[Mode, float]
    seed: int = 0
    late_s: float = 2.0
    silent_s: float = 10.0

    def mode_of(self, key: str) -> Mode:
        left = self._draw("mode", key)
        drawn = Mode.APPROVE
        for mode in Mode:  # in their own order, so that the order of the shares does not matter
            share = self.shares.get(mode, 0.0)
            if share > 0:
                drawn = mode
                if left < share:
                    break
                left -= share
        return drawn  # the last one, should rounding leave a rest

    def loses_request(self, key: str) -> bool:
        return self._draw("lost", key) < 0.5

    def _draw(self, purpose: str, key: str) -> float:
        """A number in [0, 1)."""
        digest = blake2b(f"{self.seed} {purpose} {key}".encode(), digest_size=8).digest()
        return (int.from_bytes(digest) >> 11) / 2**53


APPROVE_ALL = Behaviour({Mode.APPROVE: 1.0})


@record(frozen=True, slots=True)
class Account:
    """What the service has under one key; all amounts in minor units.

    Attributes:
        status: None while the only charge was lost on its way here.
        amount, currency: as first asked; None where a void came before any charge.
        captured: what was ever taken.
        refunded, voided: what was given back of it, by refunds and by the void.
    """

    key: str
    status: PaymentStatus | None
    amount: int | None = None
    currency: str | None = None
    reason: str | None = None
    captured: int = 0
    refunded: int = 0
    voided: int = 0

    @property
    def kept(self) -> int:
        return self.captured - self.refunded - self.voided

    @property
    def payment(self) -> Payment:
        assert self.status is not None  # every answered account has one
        return Payment(self.status, self.reason)


class Charge(NamedTuple):
    """An account after a charge, and how the service answers."""

    account: Account
    mode: Mode


def charge(account: Account | None, key: str, amount: int, currency: str, behaviour: Behaviour) -> Charge:
    """Take an amount (> 0) once per key.

    Raises:
        PaymentRejected: `payment_mismatch`, the key was used for another amount or currency.
    """
    if account is None:
        return _first_charge(key, amount, currency, behaviour)
    if account.amount is not None and (account.amount, account.currency) != (amount, currency):
        raise PaymentRejected("payment_mismatch", f"{key} was used for another amount or currency")
    if account.status is None:
        account = replace(account, status=PaymentStatus.CAPTURED, captured=amount)
    return Charge(account, Mode.APPROVE)


def _first_charge(key: str, amount: int, currency: str, behaviour: Behaviour) -> Charge:
    mode = behaviour.mode_of(key)
    account = Account(key, PaymentStatus.CAPTURED, amount, currency, captured=amount)
    if mode is Mode.DECLINE:
        account = replace(account, status=PaymentStatus.DECLINED, reason=DECLINED_BECAUSE, captured=0)
    elif mode is Mode.TIME_OUT and behaviour.loses_request(key):
        account = replace(account, status=None, captured=0)
    return Charge(account, mode)


def void(account: Account | None, key: str) -> Account:
    """Keep nothing under a key, now and later."""
    if account is None:
        return Account(key, PaymentStatus.VOIDED)
    return replace(account, status=PaymentStatus.VOIDED, reason=None, voided=account.voided + account.kept)


def refund(
    account: Account | None, key: str, refund_key: str, amount: int, given_before: int | None
) -> Account:
    """Give back a part of what is kept, once per refund key.

    Args:
        given_before: what was given back under this refund key, None when nothing was.
    Raises:
        PaymentRejected: `unknown_payment`; `refund_too_large`, more than is kept; `payment_mismatch`, the
            refund key was used for another amount.
    """
    if account is None or account.status is None:
        raise PaymentRejected("unknown_payment", f"nothing was ever asked under {key}")
    if given_before is not None and given_before != amount:
        raise PaymentRejected("payment_mismatch", f"{refund_key} was used for another amount")
    if given_before is not None:
        return account
    if amount > account.kept:
        raise PaymentRejected("refund_too_large", f"{amount} asked back of {account.kept} kept under {key}")
    return replace(account, refunded=account.refunded + amount)
