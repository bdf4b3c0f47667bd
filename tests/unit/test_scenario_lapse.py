"""Shoppers who lapse: how long they stay follows the scenario's beta distribution alone."""

import numpy as np
import pytest
import simpy

from simulator.arrivals import DAY_S, ArrivalCurve
from simulator.scenario import load_scenario
from simulator.scenario.model import Lapse
from simulator.shoppers.clocks import VirtualClock
from simulator.shoppers.crowd import gather
from simulator.shoppers.population import Population
from simulator.shoppers.shop import Served
from simulator.shoppers.shopper import Surroundings
from simulator.shoppers.streams import Streams
from simulator.shoppers.tally import Tally

BASELINE = load_scenario("baseline")


def population_that(lapse: Lapse | None, users: int = 3_000, visits_shape: float = 0.8) -> Population:
    changed = {"users": users, "visits_per_day": 2.0, "visits_shape": visits_shape, "lapse": lapse}
    return Population(BASELINE.population.model_copy(update=changed), Streams(3), [("ANN", ("books",))])


def test_the_number_of_visits_is_geometric_with_a_beta_chance():
    """The chance to stay after one visit is 1 - a / (a + b), after two b (b + 1) / ((a + b) (a + b + 1))."""
    population = population_that(Lapse(a=1.0, b=3.0))

    most = np.array([population.person(number).most_visits for number in range(1, 6_000)])

    assert most.min() == 1
    assert float(np.mean(most > 1)) == pytest.approx(3 / 4, abs=0.02)
    assert float(np.mean(most > 2)) == pytest.approx(3 * 4 / (4 * 5), abs=0.02)


def test_nothing_else_about_a_shopper_depends_on_lapses():
    with_lapses, without = population_that(Lapse(a=1.0, b=3.0)), population_that(None)

    for number in range(50):
        one, other = with_lapses.person(number), without.person(number)
        assert (one.visits_per_day, one.segment, one.first_gap) == (
            other.visits_per_day,
            other.segment,
            other.first_gap,
        )
        assert other.most_visits == 0
    assert with_lapses.person(0).most_visits == 0  # a resident never leaves


class EmptyShop:
    """Serves nothing, so that no visit takes any time."""

    def recommend(self, user_id: str) -> Served:
        return Served((), 0)


def test_whoever_lapses_is_followed_by_somebody_new():
    """Half of all visits are somebody's last, and with equal rates the crowd comes as often as before."""
    population = population_that(Lapse(a=1e6, b=1e6), users=200, visits_shape=1_000.0)
    env, tally = simpy.Environment(), Tally()
    clock = VirtualClock(env)
    curve = ArrivalCurve.of(BASELINE.arrivals, days=14)
    around = Surroundings(env, EmptyShop(), clock, tally, curve, Streams(3).moments("visit"), 0)
    gather(env, population, around)

    env.run(until=14 * DAY_S)

    assert tally.sessions == pytest.approx(2.0 * 200 * 14, rel=0.1)
    assert tally.gone == pytest.approx(tally.sessions / 2, rel=0.1)
