"""What a shopper does: arrive, ask, look, click, put in the cart, redeem or dismiss.

A shopper is a SimPy process. It reaches the shop only through *calls*, which turns a call into a SimPy
event, so the same process runs against a deployed system in real time and against memory on a virtual
clock. Times are seconds of the simulated clock.
"""

from collections.abc import Callable, Generator
from typing import Any, Protocol

import numpy as np
import simpy

from offerloop.offers.model import EventType
from simulator.shoppers.hours import Arrivals, DayFactors
from simulator.shoppers.population import Person
from simulator.shoppers.shop import Refused, Served, ServedOffer, Shop
from simulator.shoppers.streams import Streams
from simulator.shoppers.tally import Tally

Steps = Generator[simpy.Event, Any, Any]

LOOK_S = 6.0  # mean time on one offer
DECIDE_S = 20.0  # mean time between cart and redemption
# 35 % (a category not liked at all) to 96 % (fully liked) of offers in first place are viewed: the range
# over ten offers of the Starbucks app statistics, 75.7 % on average. Each place further down costs a tenth.
VIEWED_AT_LEAST, VIEWED_AT_MOST = 0.35, 0.96
LOST_PER_PLACE = 0.1
CART_AT_LEAST, CART_AT_MOST = 0.3, 0.95  # of clicked offers, by appeal
BUY_AT_LEAST, BUY_AT_MOST = 0.5, 0.95  # of offers in the cart, by appeal
DULL_APPEAL = 0.3  # an offer viewed and found below this may be dismissed
DISMISSED = 0.5  # of dull offers viewed
SECOND_LOOKS = 1  # further lists that a shopper asks for whose redemption was refused
PATIENCE = 3  # fruitless visits in a row after which a shopper stays away for good


class Calls(Protocol):
    """How a shopper's calls are carried out; one implementation per clock."""

    def call(self, function: Callable[..., Any], *arguments: Any) -> simpy.Event:
        """Carry out ``function(*arguments)``; the event succeeds with its result."""


class Shopper:
    """One person at one shop.

    Args:
        starts_at_s: second of the day at which simulated time 0 lies.
        may_depart: whether fruitless visits drive this shopper away for good.
    """

    def __init__(
        self,
        person: Person,
        env: simpy.Environment,
        shop: Shop,
        calls: Calls,
        tally: Tally,
        streams: Streams,
        days: DayFactors,
        *,
        starts_at_s: int,
        may_depart: bool = True,
    ) -> None:
        self._person, self._env, self._shop, self._calls, self._tally = person, env, shop, calls, tally
        self._may_depart = may_depart
        user_id = person.user_id
        self._arrivals = Arrivals(
            person.visits_per_day, starts_at_s, days, streams.generator("arrival", user_id)
        )
        self._pace = streams.generator("pace", user_id)
        self._choices: dict[str, np.random.Generator] = {
            choice: streams.generator(choice, user_id)
            for choice in ("view", "click", "cart", "redeem", "dismiss")
        }
        self._last_list: tuple[str, ...] | None = None
        self._acted = False

    def live(self) -> Steps:
        """Visit again and again, until too many visits in a row were fruitless."""
        self._tally.shoppers += 1
        fruitless = 0
        while fruitless < PATIENCE or not self._may_depart:
            yield self._env.timeout(self._arrivals.next_after(self._env.now) - self._env.now)
            pleased = yield from self.visit()
            fruitless = 0 if pleased else fruitless + 1
        self._tally.departed += 1

    def visit(self) -> Steps:
        """One session; returns whether anything served appealed."""
        pleased = False
        for _ in range(1 + SECOND_LOOKS):
            served = yield self._calls.call(self._shop.recommend, self._person.user_id)
            if isinstance(served, Refused):
                self._tally.refusals[served.code] += 1
                return True  # the shop's fault says nothing about its offers
            self._tally.list_served(served, self._last_list, self._acted)
            self._last_list, self._acted = served.offer_ids, False
            pleased = pleased or any(self._person.appeal(offer) >= DULL_APPEAL for offer in served.offers)
            missed_out = yield from self._browse(served)
            if not missed_out:
                break
        self._tally.sessions += 1
        self._tally.fruitless += not pleased
        return pleased

    def _browse(self, served: Served) -> Steps:
        """Look through one list; returns whether a redemption was refused."""
        for place, offer in enumerate(served.offers):
            yield self._env.timeout(self._pace.exponential(LOOK_S))
            taste = self._person.taste(offer.category)
            viewed = VIEWED_AT_LEAST + (VIEWED_AT_MOST - VIEWED_AT_LEAST) * taste
            if not self._chooses("view", viewed * (1 - LOST_PER_PLACE * place)):
                continue
            yield from self._report(offer, EventType.VIEW)
            refused = yield from self._consider(offer)
            if refused is not None:
                return True
        return False

    def _consider(self, offer: ServedOffer) -> Steps:
        """Go from a viewed offer as far as it appeals; returns the refusal of its redemption, or None."""
        appeal = self._person.appeal(offer)
        yield self._env.timeout(self._pace.exponential(LOOK_S))
        if appeal < DULL_APPEAL:
            if self._chooses("dismiss", DISMISSED):
                yield from self._report(offer, EventType.DISMISS)
            return None
        if not self._chooses("click", appeal):
            return None
        yield from self._report(offer, EventType.CLICK)
        yield self._env.timeout(self._pace.exponential(LOOK_S))
        if not self._chooses("cart", CART_AT_LEAST + (CART_AT_MOST - CART_AT_LEAST) * appeal):
            return None
        yield from self._report(offer, EventType.ADD_TO_CART)
        yield self._env.timeout(self._pace.exponential(DECIDE_S))
        if not self._chooses("redeem", BUY_AT_LEAST + (BUY_AT_MOST - BUY_AT_LEAST) * appeal):
            return None
        return (yield from self._report(offer, EventType.REDEMPTION))

    def _report(self, offer: ServedOffer, event_type: EventType) -> Steps:
        refused = yield self._calls.call(
            self._shop.track, self._person.user_id, offer.offer_id, offer.category, event_type
        )
        self._tally.tracked(event_type, offer.category, refused)
        self._acted = self._acted or refused is None
        return refused

    def _chooses(self, choice: str, probability: float) -> bool:
        return bool(self._choices[choice].random() < probability)
