"""What the cloud does to deliveries and calls."""

from typing import Annotated

from pydantic import Field

from simulator.scenario.section import Section

Milliseconds = Annotated[float, Field(ge=0, le=3_600_000)]


class Delay(Section):
    """A lognormal delay with the mean *mean*; mean 0 = none."""

    mean: Milliseconds = Field(description="in ms")
    sigma: float = Field(default=0.0, ge=0, le=3, description="of its logarithm; 0 = always the mean")


class Deliveries(Section):
    """How a stream hands its records to a consumer."""

    delay_ms: Delay = Field(default=Delay(mean=0), description="from the write to the consumer's call")
    batch_window_ms: Milliseconds = Field(
        default=0.0, le=300_000, description="for which a batch is gathered"
    )
    batch_size: int = Field(default=100, ge=1, le=10_000, description="records per call at most")
    failure_rate: float = Field(
        default=0.0, ge=0, le=0.9, description="of calls that fail midway: what is left comes again"
    )
    duplicate_rate: float = Field(default=0.0, ge=0, le=1, description="of batches delivered a second time")
    reorder_rate: float = Field(
        default=0.0,
        ge=0,
        le=1,
        description="of batches that lag, so that records of other keys overtake theirs",
    )


class Functions(Section):
    """Lambda environments: how long calls take and how many run at once."""

    concurrency: int = Field(
        default=1_000, ge=1, le=100_000, description="calls at one time; more are refused"
    )
    cold_start_ms: Milliseconds = Field(default=400.0, description="before the first call of an environment")
    warm_ms: Milliseconds = Field(default=12.0, description="of a call")
    idle_minutes: float = Field(default=10.0, gt=0, le=1440, description="after which an environment is gone")


class Weather(Section):
    """What the cloud does to deliveries and calls; null = at once, in order, exactly once."""

    offers_stream: Deliveries | None = Field(default=None, description="table stream to the stock monitor")
    outbox_stream: Deliveries | None = Field(default=None, description="table stream to the publisher")
    engagement_stream: Deliveries | None = Field(default=None, description="Kinesis to the trending counter")
    functions: Functions | None = Field(default=None, description="null = calls take no time")
    throttle_per_second: float | None = Field(
        default=None, gt=0, le=1_000_000, description="requests that the API lets in; null = all"
    )
