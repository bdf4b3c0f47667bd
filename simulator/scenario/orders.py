"""How shoppers buy: products, the payment service, the queue, codes and points, and what comes afterwards."""

from typing import Self

from pydantic import Field, model_validator

from simulator.scenario.rewards import Codes, Points
from simulator.scenario.section import Section, Share, WholeRange, fault
from simulator.scenario.weather import Delay, Milliseconds


class Products(Section):
    """What is sold; spread over the catalogue's categories in turn, prices drawn from the seed."""

    number: int = Field(ge=1, le=100_000, description="of products; at least one for each category")
    price_mu: float = Field(ge=-4, le=14, description="mean of ln(price in units of currency)")
    price_sigma: float = Field(ge=0, le=4, description="standard deviation of ln(price)")
    units: WholeRange = Field(description="of a product at first, at least 1; refilled as stock.restock says")

    @model_validator(mode="after")
    def _some_units(self) -> Self:
        self.units.checked_within("units", 1, 10**9)
        return self


class Payments(Section):
    """How the payment service answers; what is left of 1 it approves."""

    answer_ms: Delay = Field(default=Delay(mean=350, sigma=0.5), description="from a charge to its answer")
    declined: Share = Field(default=0.0, description="of charges")
    timed_out: Share = Field(default=0.0, description="of charges: no answer at first, half of them taken")
    late: Share = Field(default=0.0, description="of charges: taken, and answered when nobody waits any more")
    twice: Share = Field(default=0.0, description="of charges: sent twice by a proxy in between")
    failing: Share = Field(default=0.0, description="of charges: taken, and answered with an error")

    @model_validator(mode="after")
    def _at_most_one(self) -> Self:
        total = self.declined + self.timed_out + self.late + self.twice + self.failing
        if total > 1:
            raise fault("", f"the shares of payments must sum to at most 1, and the sum is {total:.9g}")
        return self


class OrderQueue(Section):
    """How orders wait, and how many are processed at one time."""

    delay_ms: Delay = Field(default=Delay(mean=0), description="from the message to the processor")
    concurrency: int = Field(default=1_000, ge=1, le=100_000, description="orders processed at one time")
    step_ms: Milliseconds = Field(default=15.0, description="of each stage of the processor but the payment")
    failure_rate: float = Field(
        default=0.0, ge=0, le=0.9, description="of processors, that die on the way through an order"
    )
    duplicate_rate: Share = Field(default=0.0, description="of messages, that are delivered twice")


class Afterwards(Section):
    """What customers do with an order once it is placed."""

    looks_after_minutes: float = Field(
        default=5.0, gt=0, le=1e6, description="mean, until its status is asked"
    )
    cancelled_share: Share = Field(default=0.0, description="of orders, called off if still possible")
    cancelled_after_minutes: float = Field(default=1.0, gt=0, le=1e6, description="from the placing, mean")
    returned_share: Share = Field(default=0.0, description="of completed orders: half whole, half one unit")
    returned_after_hours: float = Field(default=72.0, gt=0, le=1e5, description="from the look, mean")


class Orders(Section):
    """The orders system."""

    products: Products
    payments: Payments = Payments()
    queue: OrderQueue = OrderQueue()
    afterwards: Afterwards = Afterwards()
    codes: Codes | None = Field(default=None, description="null = nobody claims promo codes")
    points: Points | None = Field(default=None, description="null = nobody pays with bonus points")
