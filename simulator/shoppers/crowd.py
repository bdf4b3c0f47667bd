"""A crowd of constant size: whoever leaves for good is followed by somebody new."""

import simpy

from simulator.shoppers.population import Population
from simulator.shoppers.shopper import Surroundings, live


def gather(env: simpy.Environment, population: Population, around: Surroundings) -> None:
    """Let everybody of a population start.

    Person *n* is followed by *n* + users, so who comes to a place in the crowd does not depend on who
    leaves the others: two policies meet the same people.
    """

    def start(number: int) -> None:
        person, may_depart = population.person(number), not population.is_resident(number)
        place = env.process(live(person, around, may_depart=may_depart))
        place.callbacks.append(lambda ended: start(number + population.users) if ended.value else None)

    for number in range(population.users):
        start(number)
