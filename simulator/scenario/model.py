"""What a scenario says: its sections and what they must agree on. docs/model.md has the equations.

Sections nest as the YAML file does. Everything is frozen, unknown keys are refused, and numbers are not bent
into one another (``users: 2.5`` and ``users: "20"`` are wrong). What the business itself checks (weights,
experiments) is checked by the business.
"""

import hashlib
import json
import math
from typing import Annotated, Self

from pydantic import Field, model_validator

from simulator.scenario.customers import (
    ArrivalsSection,
    Basket,
    FlashSale,
    Lapse,
    Lines,
    Population,
    PricePoint,
    Segment,
)
from simulator.scenario.orders import Afterwards, OrderQueue, Orders, Payments, Products
from simulator.scenario.rewards import Codes, Points, Supplier
from simulator.scenario.section import HOURS_PER_DAY, Section, WholeRange, fault
from simulator.scenario.shop import (
    Catalogue,
    ExperimentSection,
    Policies,
    Restock,
    Shock,
    Stock,
    VariantSection,
    WeightsSection,
)
from simulator.scenario.weather import Delay, Deliveries, Functions, Weather

__all__ = [
    "Afterwards",
    "ArrivalsSection",
    "Basket",
    "Catalogue",
    "Codes",
    "Delay",
    "Deliveries",
    "ExperimentSection",
    "FlashSale",
    "Functions",
    "Lapse",
    "Lines",
    "OrderQueue",
    "Orders",
    "Payments",
    "Points",
    "Policies",
    "Population",
    "PricePoint",
    "Products",
    "Restock",
    "Scenario",
    "Segment",
    "Shock",
    "Stock",
    "Supplier",
    "VariantSection",
    "Weather",
    "WeightsSection",
    "WholeRange",
]

MAX_SESSIONS = 50_000_000  # expected in one run: some hours on one core

Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")]


class Scenario(Section):
    """One simulated world."""

    name: Name
    description: str = Field(min_length=1, max_length=500, description="one sentence")
    days: int = Field(ge=1, le=366, description="simulated days that count")
    warm_up_days: int = Field(default=0, ge=0, le=30, description="simulated before counting")
    population: Population
    arrivals: ArrivalsSection
    catalogue: Catalogue
    stock: Stock
    policies: Policies = Policies()
    weather: Weather = Weather()
    orders: Orders | None = Field(default=None, description="null = shoppers redeem offers, and buy nothing")

    @property
    def total_days(self) -> int:
        """Simulated days, warm-up included."""
        return self.warm_up_days + self.days

    @property
    def expected_sessions(self) -> float:
        """Visits in one run, warm-up and flash sales included, as if all other days were mean ones."""
        arrivals = self.arrivals
        further_days = math.fsum(
            (sale.factor - 1) * 7 * arrivals.weekday_share[day % 7] * arrivals.hourly_share[hour]
            for sale in arrivals.flash_sales
            for day, hour in sale.hours_of_days(self.warm_up_days)
        )
        mean_days = max(0.0, self.total_days + further_days)
        return self.population.users * self.population.visits_per_day * mean_days

    @property
    def digest(self) -> str:
        """SHA-256 of the canonical JSON, 64 hex digits: the same however the file was written."""
        text = json.dumps(
            self.model_dump(mode="json"), sort_keys=True, separators=(",", ":"), allow_nan=False
        )
        return hashlib.sha256(text.encode()).hexdigest()

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        self._checked_affinities()
        self._checked_times()
        self._checked_orders()
        sessions = self.expected_sessions
        if sessions > MAX_SESSIONS:
            population = self.population
            raise fault(
                "population.users",
                f"{population.users:,} users x {population.visits_per_day:g} visits a day x "
                f"{self.total_days} days (warm-up included) with flash sales make {sessions:,.0f} "
                f"sessions; at most {MAX_SESSIONS:,} are allowed",
            )
        return self

    def _checked_affinities(self) -> None:
        for category in self.population.affinities:
            if category not in self.catalogue.categories:
                known = ", ".join(self.catalogue.categories)
                raise fault(f"population.affinities.{category}", f"is no category; allowed are {known}")

    def _checked_orders(self) -> None:
        if self.orders is None:
            return
        if self.population.basket is None:
            raise fault("population.basket", "is needed where there are orders: what a purchase is worth")
        categories, products = len(self.catalogue.categories), self.orders.products.number
        if products < categories:
            words = f"must be at least one for each of the {categories} categories, got {products}"
            raise fault("orders.products.number", words)

    def _checked_times(self) -> None:
        """Flash sales and the shock lie in the days that count."""
        starts = self.arrivals.starts_at_hour
        for number, sale in enumerate(self.arrivals.flash_sales):
            begins = HOURS_PER_DAY * sale.day + sale.hour
            if begins < starts or begins + sale.hours > HOURS_PER_DAY * self.days + starts:
                raise fault(
                    f"arrivals.flash_sales.{number}",
                    f"must lie inside the run of {self.days} days from {starts} o'clock of day 0; "
                    f"it is hour {sale.hour} of day {sale.day} and the {sale.hours} h from there",
                )
        shock = self.stock.shock
        if shock is not None and shock.day >= self.days:
            raise fault("stock.shock.day", f"must be 0 to {self.days - 1}, got {shock.day}")
