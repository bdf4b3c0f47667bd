"""Who shops, and when they come."""

import math
from collections.abc import Iterator
from typing import Annotated, Self

from pydantic import Field, model_validator

from simulator.scenario.section import HOURS_PER_DAY, Category, Section, Share, checked_sum, fault


class Segment(Section):
    """A kind of shopper."""

    name: str = Field(min_length=1, max_length=64, description="as the segment is called in results")
    share: float = Field(ge=0, le=1, description="of all shoppers; the shares of all segments sum to 1")
    discount_weight: float = Field(
        ge=0, le=1, description="how much of an offer's appeal is its discount; the rest is its category"
    )


class PricePoint(Section):
    """A value that many purchases have exactly, such as the price of one piece."""

    value_hundredths: int = Field(gt=0, le=10**12, description="in hundredths of the currency")
    share: float = Field(gt=0, le=1, description="of all purchases")


class Lines(Section):
    """How many different products one purchase has: lognormal, rounded, at least one."""

    mu: float = Field(ge=0, le=5, description="mean of ln(lines)")
    sigma: float = Field(ge=0, le=3, description="standard deviation of ln(lines)")
    correlation: float = Field(default=0.0, ge=-1, le=1, description="of ln(lines) and ln(value)")


class Basket(Section):
    """Value of one purchase in units of currency: price points, and lognormal for all others."""

    mu: float = Field(ge=-20, le=20, description="mean of ln(value), price points left out")
    sigma: float = Field(ge=0, le=10, description="standard deviation of ln(value), price points left out")
    price_points: tuple[PricePoint, ...] = Field(default=(), max_length=100)
    lines: Lines | None = Field(default=None, description="null = one")

    @model_validator(mode="after")
    def _shares(self) -> Self:
        total = math.fsum(point.share for point in self.price_points)
        if total > 1:
            raise fault("price_points", f"shares must sum to at most 1, and the sum is {total:.9g}")
        return self


class Lapse(Section):
    """The chance that a shopper stays away for good after a visit: Beta(a, b) between shoppers."""

    a: float = Field(gt=0, le=1e7, description="first shape; the mean chance is a / (a + b)")
    b: float = Field(gt=0, le=1e7, description="second shape; small a and b = shoppers differ much")


class Population(Section):
    """Who shops."""

    users: int = Field(ge=1, le=1_000_000, description="shoppers at one time")
    visits_per_day: float = Field(gt=0, le=100, description="mean visits per shopper and day")
    visits_shape: float = Field(
        ge=0.05, le=1_000, description="gamma shape of visit rates between shoppers; small = a few come often"
    )
    fruitless_visits: int = Field(
        default=3, ge=0, le=1_000, description="in a row, after which a shopper is replaced; 0 = never"
    )
    lapse: Lapse | None = Field(
        default=None, description="shoppers who leave whatever they were served, each replaced; null = none"
    )
    liked_share: float = Field(default=0.45, ge=0, le=1, description="of categories, per shopper")
    affinities: dict[Category, Annotated[float, Field(ge=0, le=100)]] = Field(
        default_factory=dict, description="how much more often a category is liked than liked_share says"
    )
    segments: tuple[Segment, ...] = Field(min_length=1, max_length=20, description="kinds of shoppers")
    basket: Basket | None = Field(
        default=None, description="value and lines of one purchase; `orders` needs it"
    )

    @model_validator(mode="after")
    def _segments_and_likings(self) -> Self:
        names = [segment.name for segment in self.segments]
        if len(set(names)) < len(names):
            raise fault("segments", f"names must differ, got {', '.join(names)}")
        checked_sum("segments", tuple(segment.share for segment in self.segments))
        for category, factor in self.affinities.items():
            if factor * self.liked_share > 1:
                raise fault(
                    f"affinities.{category}",
                    f"times liked_share ({self.liked_share:g}) must be at most 1, got {factor:g}",
                )
        return self


class FlashSale(Section):
    """Hours in which more (or fewer) shoppers come than usual."""

    day: int = Field(ge=0, le=365, description="counted from 0 after the warm-up")
    hour: int = Field(ge=0, le=23, description="of the day, at which it begins")
    hours: int = Field(ge=1, le=24 * 31, description="how long it lasts")
    factor: float = Field(ge=0, le=1_000, description="of the usual intensity")

    def hours_of_days(self, warm_up_days: int) -> Iterator[tuple[int, int]]:
        """Each hour that it lasts, as (day from the begin of the warm-up, hour of that day)."""
        first = HOURS_PER_DAY * (warm_up_days + self.day) + self.hour
        return (divmod(hour, HOURS_PER_DAY) for hour in range(first, first + self.hours))


class ArrivalsSection(Section):
    """When they come."""

    starts_at_hour: int = Field(default=0, ge=0, le=23, description="of the first day, a Monday")
    weekday_share: tuple[Share, ...] = Field(
        min_length=7, max_length=7, description="of a week's visits, Monday first; 7 numbers that sum to 1"
    )
    hourly_share: tuple[Share, ...] = Field(
        min_length=24, max_length=24, description="of a day's visits; 24 numbers that sum to 1"
    )
    day_factor_cv: float = Field(
        default=0.0, ge=0, le=3, description="coefficient of variation of the random factor of each day"
    )
    flash_sales: tuple[FlashSale, ...] = Field(default=(), max_length=100, description="may overlap")

    @model_validator(mode="after")
    def _rows_sum_to_one(self) -> Self:
        checked_sum("weekday_share", self.weekday_share)
        checked_sum("hourly_share", self.hourly_share)
        return self
