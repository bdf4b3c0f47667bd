"""What a shopper will do with one list of offers: decided when it is served, carried out step by step.

Nothing that happens while a list is looked through changes what comes next in it, but for a refused
redemption. So the whole walk through a list is drawn at once, as a pure function of the person, the list
and the numbers of that moment; time on offers that are only looked at goes into the wait for the next
step. Every decision has its own place in the row of numbers, whatever was decided before it.
"""

from collections.abc import Sequence
from math import log1p

from offerloop.offers.model import EventType
from simulator.shoppers.population import Person, pull
from simulator.shoppers.shop import ShownOffer

LOOK_S = 6.0  # mean time on one offer
DECIDE_S = 20.0  # mean time between cart and redemption
LOST_PER_PLACE = 0.1  # of an offer's chance to be viewed, for each place further down
CART_AT_LEAST, CART_AT_MOST = 0.3, 0.95  # of clicked offers, by appeal
BUY_AT_LEAST, BUY_AT_MOST = 0.5, 0.95  # of offers in the cart, by appeal
DULL_APPEAL = 0.3  # an offer viewed and found below this may be dismissed
DISMISSED = 0.5  # of dull offers viewed

# Places in a moment's row of numbers: the gap to the next visit, then for each offer of the list:
GAP = 0
_PACE_LOOK, _VIEW, _PACE_THINK, _DISMISS, _CLICK, _PACE_CART, _CART, _PACE_DECIDE, _REDEEM = range(9)
_PER_OFFER = 9
LONGEST_LIST = 3  # further offers of a longer list are not looked at
NUMBERS = 1 + _PER_OFFER * LONGEST_LIST


# One thing to report: seconds after the step before it, place of the offer in the list, offer, what is done.
Step = tuple[float, int, ShownOffer, EventType]
# Whether anything on the list appeals, the steps, and the seconds for which the shopper looks on afterwards.
Plan = tuple[bool, list[Step], float]


def exponential(uniform: float) -> float:
    """An exponential number of mean 1, from one in [0, 1)."""
    return -log1p(-uniform)


def plan_walk(person: Person, offers: Sequence[ShownOffer], row: Sequence[float]) -> Plan:
    """Decide what *person* does with a list.

    Args:
        row: shape ``(NUMBERS,)``, each in [0, 1).
    """
    steps: list[Step] = []
    pleased, wait_s, at, weight = False, 0.0, 1, person.discount_weight
    for place, offer in enumerate(offers[:LONGEST_LIST]):
        liking = person.likings.get(offer.category) or person.meet(offer.category)
        appeal = liking.appeal + weight * pull(offer)
        if appeal >= DULL_APPEAL:
            pleased = True
        wait_s -= LOOK_S * log1p(-row[at + _PACE_LOOK])
        if row[at + _VIEW] < liking.viewed * (1 - LOST_PER_PLACE * place):
            steps.append((wait_s, place, offer, EventType.VIEW))
            wait_s = _consider(place, offer, appeal, row, at, steps)
        at += _PER_OFFER
    return pleased, steps, wait_s


def _consider(
    place: int, offer: ShownOffer, appeal: float, row: Sequence[float], at: int, steps: list[Step]
) -> float:
    """Go from a viewed offer as far as it appeals; returns the time spent behind the last step."""
    wait_s = -LOOK_S * log1p(-row[at + _PACE_THINK])
    if appeal < DULL_APPEAL:
        if row[at + _DISMISS] >= DISMISSED:
            return wait_s
        steps.append((wait_s, place, offer, EventType.DISMISS))
        return 0.0
    if row[at + _CLICK] >= appeal:
        return wait_s
    steps.append((wait_s, place, offer, EventType.CLICK))
    wait_s = -LOOK_S * log1p(-row[at + _PACE_CART])
    if row[at + _CART] >= CART_AT_LEAST + (CART_AT_MOST - CART_AT_LEAST) * appeal:
        return wait_s
    steps.append((wait_s, place, offer, EventType.ADD_TO_CART))
    wait_s = -DECIDE_S * log1p(-row[at + _PACE_DECIDE])
    if row[at + _REDEEM] >= BUY_AT_LEAST + (BUY_AT_MOST - BUY_AT_LEAST) * appeal:
        return wait_s
    steps.append((wait_s, place, offer, EventType.REDEMPTION))
    return 0.0
