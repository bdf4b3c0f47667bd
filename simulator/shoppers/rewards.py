"""What shoppers pay with besides money: promo codes that they claim, and the points that they have earned."""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Protocol

import simpy

from offerloop.errors import HolderLimitReached
from simulator.scenario.model import Points
from simulator.shoppers.checkout import Checkout, ClaimedCode, Till
from simulator.shoppers.population import Person
from simulator.shoppers.shop import Refused
from simulator.shoppers.streams import Moments

# Places in a purchase's row of numbers:
_CODE, _POINTS = range(2)
NUMBERS = 2

READS_S = 5.0  # from an answer about a code or points to what the customer does next: our choice

Steps = Any  # a SimPy process: a generator of events


class RewardWitness(Protocol):
    """Who is told of what shoppers do about codes and points."""

    def claimed(self, person: Person, answer: ClaimedCode | Refused) -> None:
        """Somebody asked for a promo code."""

    def counted_points(self, person: Person, answer: int | Refused) -> None:
        """Somebody looked how many points can be used."""


@dataclass(frozen=True, slots=True)
class CodeHabits:
    """For which share of baskets a code of which pool is looked for."""

    pool_id: str
    claimed_share: float


class Purses:
    """The codes that shoppers have and have not used, and how they use them and their points.

    Args:
        call: carries out a call of *till*; its event is waited for at once.
        numbers: a stream of its own, so that purchases are the same with codes and points as without.
        codes, points: None = nobody uses any.
    """

    def __init__(
        self,
        env: simpy.Environment,
        till: Till,
        call: Callable[..., simpy.Event],
        witness: RewardWitness,
        numbers: Moments,
        *,
        codes: CodeHabits | None,
        points: Points | None,
    ) -> None:
        self._env, self._till, self._call = env, till, call
        self._witness, self._numbers = witness, numbers
        self._codes, self._points = codes, points
        self._kept: defaultdict[int, list[ClaimedCode]] = defaultdict(list)  # by number of the person
        self._had_all: set[int] = set()  # who may claim no more, and does not ask again

    def open(self, person: Person, checkout: Checkout, visit: int, moment: int) -> Steps:
        """Put a code and points into a checkout.

        Whoever has a code left uses that one; a claim that is refused leaves the customer without.

        Args:
            visit, moment: see `Buying.buy`.
        Returns:
            The checkout, with what is used.
        """
        row = self._numbers.uniforms(NUMBERS, person.number, visit, part=moment)
        if self._codes is not None and row[_CODE] < self._codes.claimed_share:
            checkout = replace(checkout, code=(yield from self._code(person, self._codes)))
        if self._points is not None and row[_POINTS] < self._points.used_share:
            usable = yield self._call(self._till.usable_points, person.user_id)
            self._witness.counted_points(person, usable)
            yield self._env.timeout(READS_S)
            if not isinstance(usable, Refused):
                used = int(self._points.used_part * min(usable, checkout.total))
                checkout = replace(checkout, use_bonus=used)
        return checkout

    def keep(self, person: Person, code: ClaimedCode) -> None:
        """A code can be used again."""
        self._kept[person.number].append(code)

    def _code(self, person: Person, habits: CodeHabits) -> Steps:
        """One that the customer has, or claims; None where there is none to be had."""
        if self._kept[person.number]:
            return self._kept[person.number].pop()
        if person.number in self._had_all:
            return None
        answer = yield self._call(self._till.claim_code, person.user_id, habits.pool_id)
        self._witness.claimed(person, answer)
        yield self._env.timeout(READS_S)
        if not isinstance(answer, Refused):
            return answer
        if answer.code == HolderLimitReached.code:
            self._had_all.add(person.number)
        return None
