"""The payment service in memory: the stand-in's own rules over dictionaries."""

from offerloop.errors import PaymentUnavailable
from offerloop.orders.ports import Payment
from offerloop.standins.payments import APPROVE_ALL, Account, Behaviour, Mode, charge, refund, void


class MemoryGateway:
    """`PaymentGateway`; answers in no time, and where the service would be too late, not at all.

    Args:
        behaviour: towards new charges; the same seed and keys, the same answers.
        patience_s: seconds that a caller would wait for an answer; functions wait as long.
    Attributes:
        accounts: the books, by payment key.
        charges: how often a charge was asked for, repeats included.
    """

    def __init__(self, behaviour: Behaviour = APPROVE_ALL, patience_s: float = 3.0) -> None:
        self.accounts: dict[str, Account] = {}
        self.charges = 0
        self._refunds: dict[tuple[str, str], int] = {}
        self.patience_s = patience_s
        self.behave(behaviour)

    def behave(self, behaviour: Behaviour) -> None:
        """Meet new charges like this from now on."""
        self._behaviour = behaviour
        self._too_late = behaviour.late_s >= self.patience_s

    def charge(self, key: str, amount: int, currency: str) -> Payment:
        self.charges += 1
        charged = charge(self.accounts.get(key), key, amount, currency, self._behaviour)
        self.accounts[key] = charged.account
        if charged.mode in (Mode.TIME_OUT, Mode.FAIL):
            raise PaymentUnavailable("the payment service gave no answer")
        if charged.mode is Mode.ANSWER_LATE and self._too_late:
            raise PaymentUnavailable("the payment service gave no answer in time")
        if charged.mode is Mode.ANSWER_TWICE:
            charged = charge(charged.account, key, amount, currency, self._behaviour)
        return charged.account.payment

    def void(self, key: str) -> None:
        self.accounts[key] = void(self.accounts.get(key), key)

    def refund(self, key: str, refund_key: str, amount: int) -> None:
        given_before = self._refunds.get((key, refund_key))
        self.accounts[key] = refund(self.accounts.get(key), key, refund_key, amount, given_before)
        self._refunds[key, refund_key] = amount

    @property
    def kept_by_key(self) -> dict[str, int]:
        """What the shop has of each payment, in minor units."""
        return {key: account.kept for key, account in self.accounts.items()}

    @property
    def kept(self) -> int:
        """What the shop has of all customers' money, in minor units."""
        return sum(account.kept for account in self.accounts.values())
