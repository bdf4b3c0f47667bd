"""The arrival part alone: customers come at their own rates along the arrival curve, and leave.

Customers who join do so at times drawn with replacement from the first orders in the data: acquisition is an
input here, as it is in a scenario. Customers who were present before the data began are simulated from its
begin, first order included.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import beta, gamma

from simulator.arrivals import ArrivalCurve
from simulator.calibrate.lapsing import Habits
from simulator.calibrate.observed import Observed

Times = NDArray[np.float64]


@dataclass(frozen=True)
class Orders:
    """Simulated orders, in no particular order: *customer* and local seconds *at_s*, shape ``(orders,)``."""

    customer: NDArray[np.int64]
    at_s: Times


def simulate(
    observed: Observed,
    habits: Habits,
    curve: ArrivalCurve,
    generator: np.random.Generator,
    copies: int = 1,
) -> Orders:
    """Orders in the time of the data.

    Rates and chances to leave are spread evenly over their distributions (one draw from each of as many equal
    slices as there are customers), so that the total does not hang on the luck of a few heavy buyers.

    Args:
        copies: how many times the data's customers.
    """
    customers = copies * observed.customers
    if habits.present:
        customers = round(customers / (1 - habits.unseen(observed.days)))
    rates = gamma.ppf(_spread(customers, generator), habits.shape) * habits.mean_per_day / habits.shape
    rates = np.maximum(rates, 1e-12)  # practically zero: the next order lies behind any end
    leaves = np.zeros(customers)
    if habits.lapse is not None:
        leaves = beta.ppf(_spread(customers, generator), *habits.lapse)
    if habits.present:
        elapsed = curve.elapsed(observed.begin_s) + generator.exponential(size=customers) / rates
    else:
        elapsed = curve.elapsed_all(generator.choice(_first_orders(observed), customers))
    active = np.arange(customers)
    rounds: list[tuple[NDArray[np.int64], Times]] = []
    while active.size:
        at_s = curve.at_all(elapsed)
        inside = at_s < observed.end_s
        active, elapsed = active[inside], elapsed[inside]
        rounds.append((active, at_s[inside]))
        stays = generator.random(active.size) >= leaves[active]
        active, elapsed = active[stays], elapsed[stays]
        elapsed = elapsed + generator.exponential(size=active.size) / rates[active]
    return Orders(
        np.concatenate([customer for customer, _ in rounds]), np.concatenate([times for _, times in rounds])
    )


def _first_orders(observed: Observed) -> Times:
    """When each customer ordered first; shape ``(customers,)``."""
    _, index = np.unique(observed.customer, return_index=True)
    return np.asarray(observed.at_s[index], dtype=np.float64)


def _spread(number: int, generator: np.random.Generator) -> Times:
    """One number in (0, 1) from each of *number* equal slices, shuffled."""
    slices = (np.arange(number) + generator.random(number)) / number
    return np.asarray(np.clip(generator.permutation(slices), 1e-12, 1 - 1e-12), dtype=np.float64)
