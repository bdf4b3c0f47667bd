"""What is on offer, how many units there are, and how the shop decides."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from offerloop.errors import InvalidInput
from offerloop.offers.experiments import Experiment, ExperimentStatus, Variant
from offerloop.offers.model import PIVOT_BOOST
from offerloop.offers.scoring import CONTROL, Weights
from simulator.scenario.section import Category, Section, WholeRange, fault

BasisPoints = Annotated[int, Field(ge=0, le=10_000)]


class Catalogue(Section):
    """What is on offer; offers are spread over the categories in turn and drawn from the seed."""

    categories: tuple[Category, ...] = Field(min_length=1, max_length=1_000, description="names")
    offers: int = Field(ge=1, le=100_000, description="at one time")
    priority: WholeRange = Field(description="base priority, 0..100")
    discount_percent: WholeRange = Field(description="1..100")
    redemptions_per_user: int = Field(default=1, ge=0, le=10**6, description="0 = no limit")
    lifetime_days: WholeRange | None = Field(default=None, description="1..3650; null = offers have no end")
    replace_ended: bool = Field(default=True, description="whether a new offer follows one that has ended")
    cold_start_share: float = Field(
        default=0.0, ge=0, le=1, description="of the offers, that appear only after the warm-up"
    )

    @model_validator(mode="after")
    def _ranges(self) -> Self:
        if len(set(self.categories)) < len(self.categories):
            raise fault("categories", "names must differ")
        self.priority.checked_within("priority", 0, 100)
        self.discount_percent.checked_within("discount_percent", 1, 100)
        if self.lifetime_days is not None:
            self.lifetime_days.checked_within("lifetime_days", 1, 3650)
        return self


class Restock(Section):
    """Offers that run low are refilled to their first units."""

    check_every_hours: float = Field(gt=0, le=24 * 31, description="between two looks at the stock")
    below_units: int = Field(ge=1, le=10**9, description="an offer with fewer is ordered anew")
    lead_time_hours: float = Field(ge=0, le=24 * 365, description="from the order to the delivery")


class Shock(Section):
    """At one time the stock of all offers is multiplied; no restock while it lasts."""

    day: int = Field(ge=0, le=365, description="on which it comes, at midnight; from 0 after the warm-up")
    days: int = Field(ge=1, le=366, description="for which nothing is restocked")
    factor: float = Field(ge=0, le=100, description="of the units that are left, rounded down")


class Stock(Section):
    """How many units there are."""

    units: WholeRange = Field(description="of an offer at first, at least 1")
    restock: Restock | None = Field(default=None, description="null = never")
    shock: Shock | None = Field(default=None, description="null = none")

    @model_validator(mode="after")
    def _some_units(self) -> Self:
        self.units.checked_within("units", 1, 10**9)
        return self


class WeightsSection(Section):
    """Share of each term in the score, in basis points that sum to 10,000."""

    priority_bp: BasisPoints = CONTROL.priority_bp
    relevance_bp: BasisPoints = CONTROL.relevance_bp
    urgency_bp: BasisPoints = CONTROL.urgency_bp
    inventory_bp: BasisPoints = CONTROL.inventory_bp

    @model_validator(mode="after")
    def _as_the_business_says(self) -> Self:
        try:
            self.as_weights()
        except InvalidInput as refusal:
            raise fault("", refusal.message) from None
        return self

    def as_weights(self) -> Weights:
        """The weights as the use cases take them."""
        return Weights(self.priority_bp, self.relevance_bp, self.urgency_bp, self.inventory_bp)


class VariantSection(Section):
    """One arm of an experiment."""

    name: str = Field(min_length=1, max_length=64)
    share_bp: BasisPoints = Field(description="of users; the shares of all variants sum to 10,000")
    weights: WeightsSection


class ExperimentSection(Section):
    """An A/B experiment over the weights, running from the start."""

    id: str = Field(pattern=r"^[A-Za-z0-9._:-]{1,64}$")
    variants: tuple[VariantSection, ...] = Field(max_length=20, description="at least two")

    @model_validator(mode="after")
    def _as_the_business_says(self) -> Self:
        if not self.variants:
            raise fault("variants", "an experiment needs at least two variants")
        try:
            self.as_experiment(started_at=0)
        except InvalidInput as refusal:
            raise fault("variants", refusal.message) from None
        return self

    def as_experiment(self, started_at: int) -> Experiment:
        """The experiment as the use cases take it, RUNNING since *started_at* (epoch seconds)."""
        variants = tuple(Variant(arm.name, arm.share_bp, arm.weights.as_weights()) for arm in self.variants)
        return Experiment(self.id, variants, ExperimentStatus.RUNNING, started_at)


class Policies(Section):
    """How the shop decides."""

    weights: WeightsSection = WeightsSection()
    pivot_boost: int = Field(
        default=PIVOT_BOOST, ge=0, le=100, description="priority points that the next best offer gets"
    )
    experiment: ExperimentSection | None = Field(default=None, description="null = all users alike")
