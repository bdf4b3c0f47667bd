"""A time of the day for rows of a recording that have none."""

from functools import cache

from simulator.arrivals import DAY_S, HOUR_S
from simulator.scenario import load_scenario


@cache
def _hourly_share() -> tuple[float, ...]:
    return load_scenario("baseline").arrivals.hourly_share


def second_of_day(uniform: float) -> int:
    """Turn a number in [0, 1) into a second of the day, distributed as visits of the baseline scenario."""
    left = uniform * sum(_hourly_share())
    for hour, share in enumerate(_hourly_share()):
        if left < share:
            return hour * HOUR_S + int(left / share * HOUR_S)
        left -= share
    return DAY_S - 1
