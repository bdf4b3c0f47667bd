"""One load test as its processes need it: written to the run's folder, read by every generator process.

The API key is no part of it: generators take that from their environment.
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

PLAN_FILE = "plan.json"


class Shape(StrEnum):
    """How the load changes over the run."""

    STEADY = "steady"
    FLASH_SALE = "flash-sale"
    SCENARIO = "scenario"


class VisitKind(StrEnum):
    """What visitors come for."""

    BROWSE = "browse"
    CHECKOUT = "checkout"
    SHOP = "shop"
    CLAIMS = "claims"


class LoadPlan(BaseModel):
    """What to send.

    Exactly one of *rate* (open: visits arrive whether or not earlier ones have ended) and *users* (closed:
    so many customers, each waiting for its answers) is given.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    run_id: str = Field(min_length=1, max_length=40, description="unlike that of any other run")
    api_url: str = Field(description="base of the REST API without a trailing slash")
    target: str = Field(description="where the system runs")
    scenario: str = Field(description="NAME[:key=value,...] of the scenario with population and arrivals")
    shape: Shape
    visit: VisitKind = Field(
        default=VisitKind.BROWSE, description="offers alone, orders alone, both, or promo codes"
    )
    codes: int = Field(default=0, ge=0, le=100_000, description="in the pool that visitors claim from")
    seconds: float = Field(gt=0, le=86_400, description="real seconds in which load is sent")
    warm_up_s: float = Field(default=0, ge=0, le=3600, description="load before that, which does not count")
    rate: float | None = Field(default=None, gt=0, le=10_000, description="visits a second, mean of the run")
    users: int | None = Field(default=None, gt=0, le=20_000, description="customers at one time, at the peak")
    seed: int = Field(ge=0)
    speed: float | None = Field(default=None, gt=0, description="simulated seconds per real second")
    think_s: float = Field(ge=0, le=60, description="mean real seconds between two requests of a visit")
    places: int = Field(gt=0, le=20_000, description="open: most visits under way at one time")
    workers: int = Field(ge=1, le=64, description="generator processes that send")
    max_requests: int | None = Field(default=None, gt=0, description="no more requests than this in all")
    manager: bool = Field(default=True, description="whether an inventory manager works beside the customers")

    @property
    def is_open(self) -> bool:
        return self.rate is not None

    @property
    def sends_orders(self) -> bool:
        return self.visit in (VisitKind.CHECKOUT, VisitKind.SHOP)

    @property
    def pool(self) -> str:
        """The pool of promo codes of this run alone; '' for visits that claim none."""
        return f"load-{self.run_id[:24]}" if self.visit is VisitKind.CLAIMS else ""

    def share_of_requests(self, worker: int) -> int | None:
        """How many of *max_requests* one of the workers may send; None = as many as it likes."""
        if self.max_requests is None:
            return None
        whole, rest = divmod(self.max_requests, self.workers)
        return whole + (worker < rest)

    def save(self, folder: Path) -> None:
        """Write the plan to the run's folder."""
        (folder / PLAN_FILE).write_text(self.model_dump_json(indent=2) + "\n")

    @classmethod
    def load(cls, folder: Path) -> LoadPlan:
        """Read the plan of a run."""
        return cls.model_validate_json((folder / PLAN_FILE).read_text())
