"""Promo codes and bonus points: who uses them, how many codes there are, and who refills the pool."""

from typing import Self

from pydantic import Field, model_validator

from offerloop.codes.generate import MAX_COUNT
from offerloop.codes.manage_pools import MAX_AMOUNT, RANGES
from simulator.scenario.section import Section, Share, fault
from simulator.scenario.weather import Delay


class Supplier(Section):
    """Who refills the pool, an attempt at a run at a time."""

    lead_time_ms: Delay = Field(
        default=Delay(mean=20_000, sigma=0.5),
        description="from an attempt's beginning to its codes; beyond 180 s it is cut off",
    )
    failure_rate: Share = Field(default=0.0, description="of attempts, that end without codes")


class Codes(Section):
    """One pool of codes that customers claim from, and use in their orders."""

    claimed_share: Share = Field(description="of baskets, for which a code is looked for")
    amount: int = Field(ge=1, le=MAX_AMOUNT, description="what a code takes off, in minor units")
    units: int = Field(ge=0, le=MAX_COUNT, description="codes in the pool at first")
    per_holder: int = Field(
        default=0, ge=0, le=RANGES["per_holder"][1], description="codes that one customer may claim; 0 = any"
    )
    valid_days: int | None = Field(
        default=None, ge=1, le=RANGES["valid_days"][1], description="of a code; null = without end"
    )
    threshold: int = Field(
        default=3, ge=0, le=RANGES["threshold"][1], description="below so many the pool is refilled"
    )
    batch: int = Field(default=20, ge=1, le=RANGES["batch"][1], description="codes that a run asks for")
    supplier: Supplier | None = Field(default=None, description="null = nobody refills the pool")

    @model_validator(mode="after")
    def _something_to_claim(self) -> Self:
        if not self.units and self.supplier is None:
            raise fault("units", "must be at least 1 where nobody refills the pool")
        return self


class Points(Section):
    """What customers do with the points that their completed orders earn."""

    used_share: Share = Field(description="of baskets, for which the points are looked up")
    used_part: Share = Field(default=1.0, description="of those that can be used, that are used")
