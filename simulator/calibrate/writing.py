"""The calibrated scenario as a file with a comment per derived value, and the report beside it."""

import json
from dataclasses import asdict, dataclass
from typing import Any

import yaml

from simulator.calibrate.distances import QUANTILES, RUNS, Distance
from simulator.calibrate.estimate import Estimates
from simulator.calibrate.observed import Observed
from simulator.scenario import load_scenario
from simulator.scenario.model import Basket, Scenario

MOST_CATEGORIES = 50
OFFERS_PER_CATEGORY = 5
LEAST_OFFERS = 50


@dataclass(frozen=True)
class Source:
    """What was read: names of the files, rows left out by reason, seed and the zone of days and hours."""

    data: str
    mapping: str
    left_out: dict[str, int]
    seed: int
    zone: str


def scenario_text(name: str, source: Source, observed: Observed, estimates: Estimates) -> str:
    """The scenario file."""
    baseline = load_scenario("baseline")
    sections = (
        _head(name, source, observed),
        _population(observed, estimates, baseline),
        _arrivals(observed, estimates),
        _catalogue(estimates, baseline),
        "# Nothing below is in the data: as in the baseline.\n"
        + _plain(baseline, "stock")
        + _plain(baseline, "policies")
        + _plain(baseline, "weather"),
    )
    return "\n".join(sections)


def report(
    source: Source, observed: Observed, estimates: Estimates, compared: list[Distance], scenario: Scenario
) -> str:
    """The report as JSON: what was read, what was estimated, and how far the simulation is from the data."""
    content: dict[str, Any] = {
        "source": asdict(source),
        "orders": len(observed.customer),
        "customers": observed.customers,
        "days": observed.days,
        "estimates": {
            "habits": asdict(estimates.habits),
            "users": estimates.users,
            "worthless_share": estimates.worthless_share,
            "categories": estimates.categories,
        },
        "simulated_runs": RUNS,
        "quantiles": QUANTILES,
        "distances": [asdict(distance) for distance in compared],
        "scenario": {"name": scenario.name, "digest": scenario.digest},
    }
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def _head(name: str, source: Source, observed: Observed) -> str:
    left_out = sum(source.left_out.values())
    orders = f"{len(observed.customer):,} orders of {observed.customers:,} customers"
    return f"""\
# Derived from {_quoted(source.data)} with {_quoted(source.mapping)}, seed {source.seed};
# days and hours in {source.zone}.
# {orders} in {observed.days} days; {left_out:,} rows left out.
# Each order counts as one visit. The JSON file beside this says how far simulated arrivals are from the data.
name: {name}
description: {_quoted(f"Arrivals and customers as in {source.data}"[:500])}
days: 7
warm_up_days: 1
"""


def _population(observed: Observed, estimates: Estimates, baseline: Scenario) -> str:
    habits, basket = estimates.habits, estimates.basket
    joined = "were present before the data began" if habits.present else "join with their first order"
    if habits.lapse is None:
        lapse, about = "null", "nobody leaves: the likelihood does not gain by it"
    else:
        a, b = habits.lapse
        lapse, about = f"{{a: {a:.6f}, b: {b:.6f}}}", f"after an order {a / (a + b):.2%} leave for good"
    points = ", ".join(
        f"{{value_hundredths: {point.value_hundredths}, share: {_number(point.share)}}}"
        for point in basket.price_points
    )
    per_day = len(observed.customer) / observed.days
    return f"""\
population:
  users: {estimates.users}    # at one time: {per_day:.1f} orders a day at the mean rate
  visits_per_day: {_number(habits.mean_per_day)}    # mean rate of an active customer; customers {joined}
  visits_shape: {_number(habits.shape)}    # gamma-Poisson by maximum likelihood
  lapse: {lapse}    # {about}
  fruitless_visits: 0    # who leaves is told by lapse
  liked_share: {baseline.population.liked_share}    # ours
  # a category's share of purchases against the mean of all categories
  affinities: {_affinities(estimates, baseline.population.liked_share)}
  # of orders above 0 (all but {estimates.worthless_share:.2%}); price points: values of 1 % of them or more
  basket:
    mu: {_number(basket.mu)}
    sigma: {_number(basket.sigma)}
    price_points: [{points}]
    lines: {_lines(basket)}
{_indented(_plain(baseline.population, "segments"))}"""


def _lines(basket: Basket) -> str:
    lines = basket.lines
    if lines is None:
        return "null    # the data has one product a purchase"
    mu, sigma, correlation = map(_number, (lines.mu, lines.sigma, lines.correlation))
    return f"{{mu: {mu}, sigma: {sigma}, correlation: {correlation}}}    # different products of a purchase"


def _arrivals(observed: Observed, estimates: Estimates) -> str:
    arrivals = estimates.arrivals
    hours = "of all orders" if observed.has_time_of_day else "the baseline's: the data has no time of day"
    return f"""\
arrivals:
  starts_at_hour: 0
  # mean orders of each weekday, Monday first
  weekday_share: [{", ".join(map(_number, arrivals.weekday_share))}]
  # {hours}
  hourly_share: [{", ".join(map(_number, arrivals.hourly_share))}]
  day_factor_cv: {_number(arrivals.day_factor_cv)}    # beyond what customers, weekdays and chance explain
  flash_sales: []
"""


def _catalogue(estimates: Estimates, baseline: Scenario) -> str:
    kept = _kept_categories(estimates)
    covered = sum(estimates.categories[name] for name in kept)
    values = baseline.catalogue.model_dump(mode="json", exclude={"categories", "offers"})
    return f"""\
catalogue:
  # {len(kept)} of {len(estimates.categories)}, with {covered:.1%} of what was bought, most frequent first
  categories: [{", ".join(map(_quoted, kept))}]
  offers: {max(LEAST_OFFERS, OFFERS_PER_CATEGORY * len(kept))}    # ours, as all below
{_indented(yaml.safe_dump(values, sort_keys=False, default_flow_style=None))}"""


def _kept_categories(estimates: Estimates) -> list[str]:
    return list(estimates.categories)[:MOST_CATEGORIES]


def _affinities(estimates: Estimates, liked_share: float) -> str:
    kept = _kept_categories(estimates)
    mean = sum(estimates.categories[name] for name in kept) / len(kept)
    most = int(1_000 / liked_share) / 1_000  # liked by everybody
    factors = {name: min(most, round(estimates.categories[name] / mean, 3)) for name in kept}
    return "{" + ", ".join(f"{_quoted(name)}: {_number(factor)}" for name, factor in factors.items()) + "}"


def _plain(section: Any, name: str) -> str:
    values = section.model_dump(mode="json", include={name}, exclude_unset=True)
    return str(yaml.safe_dump(values, sort_keys=False, default_flow_style=None, width=110))


def _indented(text: str) -> str:
    return "".join(f"  {line}\n" for line in text.splitlines())


def _quoted(name: str) -> str:
    return json.dumps(name, ensure_ascii=False)


def _number(value: float) -> str:
    """A number as YAML reads it back: with a point, without an exponent."""
    text = f"{value:.8f}".rstrip("0")
    return f"{text}0" if text.endswith(".") else text
