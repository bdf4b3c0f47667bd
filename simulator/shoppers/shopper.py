"""What a shopper does: arrive, ask, look, click, put in the cart, redeem or dismiss.

A shopper is a SimPy process. It reaches the shop only through *calls*, which turns a call into a SimPy
event, so the same process runs against a deployed system in real time and against memory on a virtual
clock. Times are seconds of the simulated clock.
"""

from collections.abc import Callable, Generator
from math import inf
from typing import Any, Protocol

import simpy

from offerloop.errors import OutOfStock
from offerloop.offers.model import EventType
from simulator.arrivals import ArrivalCurve
from simulator.shoppers.buying import Buying, PurchaseWitness
from simulator.shoppers.plan import GAP, LONGEST_LIST, NUMBERS, exponential, plan_walk
from simulator.shoppers.population import Person
from simulator.shoppers.shop import Refused, Served, Shop, ShownOffer
from simulator.shoppers.streams import Moments

Steps = Generator[simpy.Event, Any, Any]

SECOND_LOOKS = 1  # further lists that a shopper asks for whose redemption was refused


class Calls(Protocol):
    """How a shopper's calls are carried out; one implementation per clock."""

    def call(self, function: Callable[..., Any], *arguments: Any) -> simpy.Event:
        """Carry out ``function(*arguments)``; the event succeeds with its result.

        The event is to be waited for at once: it may be used again for the next call.
        """


class Witness(PurchaseWitness, Protocol):
    """Who is told of what shoppers do, at the moment at which they do it."""

    def arrived(self, person: Person) -> None:
        """Somebody new, before the first visit."""

    def served(self, person: Person, served: Served) -> None:
        """A list was served."""

    def refused(self, person: Person, refused: Refused) -> None:
        """A list was refused, which ends the visit; one without any list does not count."""

    def tracked(
        self, person: Person, place: int, offer: ShownOffer, event_type: EventType, refused: Refused | None
    ) -> None:
        """Something done with the offer at *place* of the last list was reported, or refused."""

    def left(self, person: Person, *, pleased: bool, converted: bool, missed_out: bool) -> None:
        """A visit ended.

        Args:
            pleased: something served appealed; converted: something was redeemed or ordered; missed_out:
                that was refused for lack of stock.
        """

    def departed(self, person: Person, visits: int) -> None:
        """A shopper stays away for good, after this many visits."""


class Surroundings:
    """What all shoppers of a run share.

    Args:
        visits: the stream that visits draw from.
        patience: fruitless visits in a row after which a shopper stays away for good; 0 = any number.
        ends_s: simulated second at which the run ends; who would come later does not wait for it.
        appointment: makes the event of a visit at a simulated second; None = a plain timeout.
        buying: how offers become orders; None = they are redeemed as such, and so is an offer for which
            nothing is sold.
    """

    __slots__ = (
        "appointment",
        "buying",
        "calls",
        "curve",
        "ends_s",
        "env",
        "patience",
        "shop",
        "visits",
        "witness",
    )

    def __init__(
        self,
        env: simpy.Environment,
        shop: Shop,
        calls: Calls,
        witness: Witness,
        curve: ArrivalCurve,
        visits: Moments,
        patience: int,
        ends_s: float = inf,
        appointment: Callable[[float], simpy.Event] | None = None,
        buying: Buying | None = None,
    ) -> None:
        self.ends_s, self.buying = ends_s, buying
        self.appointment = appointment or (lambda at_s: env.timeout(at_s - env.now))
        self.env, self.shop, self.calls, self.witness = env, shop, calls, witness
        self.curve, self.visits, self.patience = curve, visits, patience


def live(person: Person, around: Surroundings, *, may_depart: bool = True) -> Steps:
    """Visit again and again, until the shopper lapses or too many visits in a row were fruitless.

    Args:
        may_depart: whether fruitless visits drive this shopper away for good.
    Returns:
        Whether the shopper stays away for good; False = the run ends before the next visit.
    """
    env, rate = around.env, person.visits_per_day
    most_fruitless = around.patience if may_depart else 0
    visit = fruitless = 0
    gap, looked_on_s = person.first_gap, 0.0
    while not most_fruitless or fruitless < most_fruitless:
        now_s = env.now
        next_s = around.curve.after(now_s + looked_on_s, gap / rate)
        if next_s >= around.ends_s:
            return False
        yield around.appointment(next_s)
        if not visit:
            around.witness.arrived(person)
        row = around.visits.uniforms(NUMBERS, person.number, visit)
        gap = exponential(row[GAP])
        pleased, looked_on_s = yield from pay_visit(person, around, visit, row)
        if pleased is not None:
            fruitless = 0 if pleased else fruitless + 1
        visit += 1
        if visit == person.most_visits:
            break
    around.witness.departed(person, visit)
    return True


def pay_visit(person: Person, around: Surroundings, visit: int, row: list[float]) -> Steps:
    """One session.

    Args:
        row: the numbers of the visit's first list.
    Returns:
        Whether anything served appealed (None: nothing was served, which says nothing about the offers),
        and for how many seconds the shopper looks on from now.
    """
    shop, call, witness, wait = around.shop, around.calls.call, around.witness, around.env.timeout
    buying = around.buying
    pleased = converted = missed_out = False
    rest_s = 0.0
    for look in range(1 + SECOND_LOOKS):
        if look:
            row = around.visits.uniforms(NUMBERS, person.number, visit, part=look)
        served = yield call(shop.recommend, person.user_id)
        if served.__class__ is Refused:
            witness.refused(person, served)
            if look:
                break
            return None, 0.0
        witness.served(person, served)
        appeals, steps, rest_s = plan_walk(person, served.offers, row)
        pleased = pleased or appeals
        for wait_s, place, offer, event_type in steps:
            yield wait(wait_s)
            if event_type is EventType.REDEMPTION and buying is not None and buying.sells(offer.category):
                moment = look * LONGEST_LIST + place
                refused = yield from buying.buy(person, offer, visit, moment, whole=not converted)
            else:
                refused = yield call(shop.track, person.user_id, offer.offer_id, offer.category, event_type)
                witness.tracked(person, place, offer, event_type, refused)
            if event_type is EventType.REDEMPTION:
                if refused is not None:
                    missed_out = missed_out or refused.code == OutOfStock.code
                    break
                converted = True
        else:
            break
    witness.left(person, pleased=pleased, converted=converted, missed_out=missed_out)
    return pleased, rest_s
