"""How shoppers buy: a basket at the till, a look at the order, and what some do about it later."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Protocol

import simpy

from offerloop.errors import AmountMismatch, CodeNotGood, InsufficientBonus, NotSold
from offerloop.orders.model import OrderStatus
from offerloop.orders.refund_order import RefundedLine
from simulator.scenario.model import Afterwards, Basket
from simulator.shoppers import baskets
from simulator.shoppers.baskets import Shelves
from simulator.shoppers.checkout import Checkout, Till
from simulator.shoppers.plan import exponential
from simulator.shoppers.population import Person
from simulator.shoppers.rewards import Purses, RewardWitness
from simulator.shoppers.shop import Refused, ShownOffer
from simulator.shoppers.streams import Moments

MINUTE_S, HOUR_S = 60, 3_600
PART_RETURNED = 0.5  # of returns give one unit back, the others all of the order: our choice
PRICES_CHANGED = frozenset({AmountMismatch.code, NotSold.code})
NOT_ACCEPTED = frozenset({CodeNotGood.code, InsufficientBonus.code})  # as a part of the payment

# Places in a purchase's row of numbers, behind those of its basket:
_LOOK, _CANCEL, _CANCEL_AFTER, _RETURN, _RETURN_AFTER, _PART = range(baskets.NUMBERS, baskets.NUMBERS + 6)
NUMBERS = baskets.NUMBERS + 6

Steps = Any  # a SimPy process: a generator of events
Calls = Callable[..., simpy.Event]


class PurchaseWitness(RewardWitness, Protocol):
    """Who is told of what shoppers buy."""

    def ordered(self, person: Person, checkout: Checkout, refused: Refused | None) -> None:
        """An order was placed, or refused."""

    def looked_up(self, person: Person, status: OrderStatus | Refused) -> None:
        """A customer asked where an order is."""

    def called_off(self, person: Person, refused: Refused | None) -> None:
        """An order was cancelled, or it was too late."""

    def gave_back(self, person: Person, refused: Refused | None) -> None:
        """An order, or a unit of it, was returned, or the return refused."""


class Buying:
    """The purchases of all shoppers of a run.

    Args:
        call: carries out a call of *till*; its event is waited for at once.
        appointment: makes the event of something at a simulated second.
        numbers: the stream that purchases draw from.
        phone_of: where a customer wants messages, or None.
        purses: the codes and points that shoppers pay with; None = they pay with money alone.
    """

    def __init__(
        self,
        env: simpy.Environment,
        till: Till,
        call: Calls,
        witness: PurchaseWitness,
        basket: Basket,
        habits: Afterwards,
        numbers: Moments,
        *,
        appointment: Callable[[float], simpy.Event] | None = None,
        phone_of: Callable[[Person], str | None] = lambda _: None,
        purses: Purses | None = None,
    ) -> None:
        self._env, self._till, self._call, self._witness = env, till, call, witness
        self._basket, self._habits, self._numbers, self._phone_of = basket, habits, numbers, phone_of
        self._appointment = appointment or (lambda at_s: env.timeout(at_s - env.now))
        self._shelves, self._purses = Shelves(()), purses

    def read_products(self) -> Refused | None:
        """Look at what is sold, and at its prices; None = done."""
        products = self._till.products()
        if isinstance(products, Refused):
            return products
        self._shelves = Shelves(products)
        return None

    def sells(self, category: str) -> bool:
        """Whether there is anything that an offer of this category can be used on."""
        return self._shelves.sells(category)

    def buy(self, person: Person, offer: ShownOffer, visit: int, moment: int, *, whole: bool) -> Steps:
        """Check out with one unit of an offer and, when *whole*, everything else that is bought.

        Args:
            moment: 0.., a different one for each purchase of a visit.
        Returns:
            The refusal, or None: the order was placed.
        """
        row = self._numbers.uniforms(NUMBERS, person.number, visit, part=moment)
        lines = self._shelves.basket(offer, self._basket, row, whole=whole)
        checkout = Checkout(person.user_id, lines, self._phone_of(person))
        if self._purses is not None:
            checkout = yield from self._purses.open(person, checkout, visit, moment)
        answer = yield self._call(self._till.check_out, checkout)
        refused = answer if isinstance(answer, Refused) else None
        self._witness.ordered(person, checkout, refused)
        if refused is not None and refused.code in NOT_ACCEPTED:
            if refused.code != CodeNotGood.code:
                self._take_back(person, checkout)
            checkout = replace(checkout, code=None, use_bonus=0)
            answer = yield self._call(self._till.check_out, checkout)
            refused = answer if isinstance(answer, Refused) else None
            self._witness.ordered(person, checkout, refused)
        if refused is None:
            self._env.process(self._afterwards(person, answer, checkout, row))
            return None
        self._take_back(person, checkout)
        if refused.code in PRICES_CHANGED:
            yield self._call(self.read_products)
        return refused

    def _take_back(self, person: Person, checkout: Checkout) -> None:
        """The code of an order that did not come about is its customer's again."""
        if self._purses is not None and checkout.code is not None:
            self._purses.keep(person, checkout.code)

    def _afterwards(self, person: Person, order_id: str, checkout: Checkout, row: list[float]) -> Steps:
        """Call the order off at once or not; look where it is; give it back or not."""
        habits, till, witness = self._habits, self._till, self._witness
        if row[_CANCEL] < habits.cancelled_share:
            yield self._later(row[_CANCEL_AFTER], habits.cancelled_after_minutes * MINUTE_S)
            refused = yield self._call(till.cancel, order_id)
            witness.called_off(person, refused)
            if refused is None:
                self._take_back(person, checkout)
                return
        yield self._later(row[_LOOK], habits.looks_after_minutes * MINUTE_S)
        status = yield self._call(till.order_status, order_id)
        witness.looked_up(person, status)
        if status is OrderStatus.FAILED:
            self._take_back(person, checkout)
        if status is not OrderStatus.COMPLETED or row[_RETURN] >= habits.returned_share:
            return
        yield self._later(row[_RETURN_AFTER], habits.returned_after_hours * HOUR_S)
        part = (RefundedLine(checkout.lines[0].product.product_id, 1),) if row[_PART] < PART_RETURNED else ()
        refused = yield self._call(till.refund, order_id, part)
        witness.gave_back(person, refused)
        if refused is None and not part:
            self._take_back(person, checkout)

    def _later(self, uniform: float, mean_s: float) -> simpy.Event:
        return self._appointment(self._env.now + mean_s * exponential(uniform))
