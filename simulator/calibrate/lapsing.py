"""How often customers come, and when they come no more: MBG/NBD and BG/NBD by maximum likelihood.

An active customer orders as a Poisson process of rate lambda and, after *each* order, leaves for good with
chance p; lambda ~ Gamma(r, alpha), p ~ Beta(a, b), independent. A customer with x orders in a time T, the
last of them at t, who had y chances to leave, has the likelihood

    G(r + x) alpha^r / G(r) * [ B(a, b + y) / B(a, b) * (alpha + T)^-(r + x)
                                + B(a + 1, b + y - 1) / B(a, b) * (alpha + t)^-(r + x) ]

- Customers who *join* with their first order: time runs from there, x counts the orders after it, y = x + 1
  (Batislam, Denizel and Filiztekin 2007, MBG/NBD).
- Customers who were *present* before the data began: time runs from its begin, y = x, and the likelihood is
  divided by the chance 1 - (alpha / (alpha + T))^r to be seen at all (after Fader, Hardie and Lee 2005,
  BG/NBD).

Without leaving (p = 0) both are the gamma-Poisson (NBD) of Ehrenberg (1959).
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import betaln, gammaln

from simulator.calibrate.observed import DAY_S, Observed

SHAPE_BOUNDS = (0.05, 1_000.0)  # of Population.visits_shape
MEAN_BOUNDS = (1e-6, 100.0)  # of Population.visits_per_day
LAPSE_BOUNDS = (1e-4, 1e6)  # of Lapse.a and Lapse.b
Vector = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Histories:
    """What the likelihood needs of each customer, equal ones gathered; all of shape ``(histories,)``.

    Attributes:
        present: whether time runs from the begin of the data, and not from the first order.
        orders: x above; chances: y.
        last, until: t and T, in days.
        count: customers with this history.
    """

    present: bool
    orders: Vector
    chances: Vector
    last: Vector
    until: Vector
    count: Vector


@dataclass(frozen=True, slots=True)
class Habits:
    """How customers come and go.

    Attributes:
        present: whether they were there before the data began; otherwise each joins with its first order.
        mean_per_day: mean rate of an active customer, orders a day.
        shape: of the gamma distribution of rates.
        lapse: (a, b) of the beta distribution of the chance to leave after an order, None = nobody does.
        log_likelihood: of the data.
    """

    present: bool
    mean_per_day: float
    shape: float
    lapse: tuple[float, float] | None
    log_likelihood: float

    def unseen(self, days: float) -> float:
        """The chance that a customer who is present does not order within so many days."""
        alpha = self.shape / self.mean_per_day
        return float((alpha / (alpha + days)) ** self.shape)


def histories(observed: Observed, present: bool) -> Histories:
    """Each customer's history, in days."""
    number = observed.customers
    first = np.full(number, np.inf)
    last = np.full(number, -np.inf)
    np.minimum.at(first, observed.customer, observed.at_s)
    np.maximum.at(last, observed.customer, observed.at_s)
    begin = np.full(number, observed.begin_s) if present else first
    chances = np.bincount(observed.customer, minlength=number).astype(np.float64)
    rows = np.column_stack((chances, (last - begin) / DAY_S, (observed.end_s - begin) / DAY_S))
    unique, count = np.unique(rows, axis=0, return_counts=True)
    chances, last, until = unique.T
    return Histories(present, chances - (not present), chances, last, until, count.astype(np.float64))


def fit(known: Histories) -> Habits:
    """The likeliest habits; with leaving only where it is worth its two parameters (Akaike's criterion)."""
    mean = float(np.sum(known.count * known.orders) / np.sum(known.count * known.until))
    stays = _maximise(
        lambda p: _log_likelihood(known, p[0], p[1], None), [(mean, 1.0)], (MEAN_BOUNDS, SHAPE_BOUNDS)
    )
    lapses = _maximise(
        lambda p: _log_likelihood(known, p[0], p[1], (p[2], p[3])),
        [(2 * mean, 0.7, 0.5, 1.0), (mean, 1.0, 0.1, 10.0)],
        (MEAN_BOUNDS, SHAPE_BOUNDS, LAPSE_BOUNDS, LAPSE_BOUNDS),
    )
    if lapses[1] - stays[1] <= 2:
        return Habits(known.present, stays[0][0], stays[0][1], None, stays[1])
    (per_day, shape, a, b), likelihood = lapses
    return Habits(known.present, per_day, shape, (a, b), likelihood)


def _log_likelihood(
    known: Histories, mean_per_day: float, shape: float, lapse: tuple[float, float] | None
) -> float:
    x, y, alpha = known.orders, known.chances, shape / mean_per_day
    rates = gammaln(shape + x) - gammaln(shape) + shape * np.log(alpha)
    if known.present:
        rates = rates - np.log1p(-((alpha / (alpha + known.until)) ** shape))
    active = -(shape + x) * np.log(alpha + known.until)
    if lapse is None:
        return float(np.sum(known.count * (rates + active)))
    a, b = lapse
    active = active + betaln(a, b + y) - betaln(a, b)
    gone = betaln(a + 1, b + y - 1) - betaln(a, b) - (shape + x) * np.log(alpha + known.last)
    return float(np.sum(known.count * (rates + np.logaddexp(active, gone))))


def _maximise(
    likelihood: Callable[[list[float]], float],
    starts: list[tuple[float, ...]],
    bounds: tuple[tuple[float, float], ...],
) -> tuple[list[float], float]:
    """The best of several searches by Nelder-Mead over the logarithms of the parameters."""
    logs = [tuple(np.log(pair)) for pair in bounds]
    best: tuple[list[float], float] | None = None
    for start in starts:
        begin = np.clip(np.log(start), [low for low, _ in logs], [high for _, high in logs])
        found = minimize(
            lambda p: -likelihood([float(value) for value in np.exp(p)]),
            begin,
            method="Nelder-Mead",
            bounds=logs,
            options={"maxiter": 2_000, "maxfev": 2_000, "xatol": 1e-4, "fatol": 1e-4},
        )
        if best is None or -found.fun > best[1]:
            best = [float(value) for value in np.exp(found.x)], float(-found.fun)
    assert best is not None
    return best
