"""Whether a code is good for somebody's order, told so that nobody learns about codes by trying them.

The holder of a code is told what is wrong with it. Everybody else gets the same words for codes that were
never made, that are somebody else's, still in a pool, used or ended; and only so many tries an hour. Whoever
has used them up is refused whatever it presents, so the refusal itself says nothing about a code.
"""

from collections.abc import Callable

from offerloop.codes.model import Code, CodeStatus, has_ended
from offerloop.errors import CodeNotGood, TooManyRequests
from offerloop.identity import Caller, Role
from offerloop.rate_limit import Allowance, RateCounter
from offerloop.record import record

# Says whether a customer may use a code, or refuses: (what was found, customer, currency, epoch seconds).
Judge = Callable[[Code | None, str, str, int], Code]

WRONG_GUESSES_AN_HOUR = 10
WINDOW_S = 3600
NOT_GOOD = "the promo code cannot be used"


def good_for(code: Code | None, customer_id: str, currency: str, now: int) -> Code:
    """Give the code back if this customer may use it at *now* (epoch seconds) on an order in this currency.

    A code without a holder is good for whoever presents it.

    Raises:
        CodeNotGood
    """
    if code is None or code.holder_id not in (None, customer_id):
        raise CodeNotGood(NOT_GOOD)
    reason = _reason(code, currency, now)
    if reason is None:
        return code
    raise CodeNotGood(NOT_GOOD if code.holder_id is None else reason)


def _reason(code: Code, currency: str, now: int) -> str | None:
    """What keeps a code from being used."""
    if code.status is CodeStatus.HELD:
        return f"the promo code is held by the order {code.order_id}"
    if code.status is CodeStatus.USED:
        return f"the promo code was used in the order {code.order_id}"
    if code.status is not CodeStatus.CLAIMED:
        return NOT_GOOD
    if has_ended(code, now):
        return "the promo code has expired"
    if code.currency != currency:
        return f"the promo code is for orders in {code.currency}, not in {currency}"
    return None


@record(frozen=True, slots=True)
class GuessBudget:
    """How many wrong codes one identity may present in an hour; 0 = no limit."""

    counter: RateCounter
    limit: int = WRONG_GUESSES_AN_HOUR

    def take(self, identity: str, now: int) -> None:
        """Count one guess, before it is known whether it is right: guesses made all at once count as well.

        Raises:
            TooManyRequests: with the seconds until guesses are taken again.
        """
        window = now // WINDOW_S
        ends_at = (window + 1) * WINDOW_S
        if self.limit and not self.counter.take(self._allowance(identity), window, ends_at):
            raise TooManyRequests("too many promo codes were tried that cannot be used", ends_at - now)

    def give_back(self, identity: str, now: int) -> None:
        """Uncount a guess that was right."""
        if self.limit:
            self.counter.give_back(self._allowance(identity), now // WINDOW_S)

    def _allowance(self, identity: str) -> Allowance:
        return Allowance(f"guesses:{identity}", self.limit)


def guesser(caller: Caller, customer_id: str) -> str:
    """Give the identity whose guesses are counted.

    Args:
        customer_id: whom the request is about; the shop's server asks for many.
    """
    if caller.role is Role.VISITOR:
        return f"address:{caller.address}"
    return f"customer:{caller.acts_for(customer_id)}"


def within_budget(identity: str, guesses: GuessBudget) -> Judge:
    """`good_for` for one identity, of which guesses that are no good are counted; its own codes cost none.

    Args:
        identity: whose guesses are counted, see `guesser`.
    """

    def judge(code: Code | None, customer_id: str, currency: str, now: int) -> Code:
        """Raises:
        CodeNotGood: the holder is told why.
        TooManyRequests: the identity has presented too many codes that are no good.
        """
        if code is not None and code.holder_id == customer_id:
            return good_for(code, customer_id, currency, now)
        guesses.take(identity, now)
        good = good_for(code, customer_id, currency, now)
        guesses.give_back(identity, now)
        return good

    return judge
