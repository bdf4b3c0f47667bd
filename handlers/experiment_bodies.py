"""The request bodies of the experiment routes, and how they show an experiment."""

from typing import Annotated

from pydantic import Field

from handlers.bodies import Id
from handlers.rest import Body
from offerloop.offers.experiments import Experiment, ExperimentResult, Variant
from offerloop.offers.scoring import Weights

BasisPoints = Annotated[int, Field(ge=0, le=10_000)]


class WeightsBody(Body):
    priority_bp: BasisPoints
    relevance_bp: BasisPoints
    urgency_bp: BasisPoints
    inventory_bp: BasisPoints


class VariantBody(Body):
    name: Id
    share_bp: BasisPoints
    weights: WeightsBody


class CreateExperimentBody(Body):
    experiment_id: Id
    variants: Annotated[list[VariantBody], Field(min_length=2, max_length=4)]

    def experiment(self) -> Experiment:
        return Experiment(
            self.experiment_id,
            tuple(Variant(v.name, v.share_bp, Weights(**v.weights.model_dump())) for v in self.variants),
        )


def experiment_json(experiment: Experiment) -> dict[str, object]:
    """An experiment as its routes show it."""
    return {
        "experiment_id": experiment.experiment_id,
        "status": experiment.status.value,
        "started_at": experiment.started_at,
        "stopped_at": experiment.stopped_at,
        "variants": [
            {
                "name": variant.name,
                "share_bp": variant.share_bp,
                "weights": {
                    "priority_bp": variant.weights.priority_bp,
                    "relevance_bp": variant.weights.relevance_bp,
                    "urgency_bp": variant.weights.urgency_bp,
                    "inventory_bp": variant.weights.inventory_bp,
                },
            }
            for variant in experiment.variants
        ],
    }


def result_json(result: ExperimentResult) -> dict[str, object]:
    """Conversions per variant as fractions, with their 95 % intervals and the sample-ratio check."""
    return {
        "variants": [
            {
                "name": variant.name,
                "exposed": variant.exposed,
                "converted": variant.converted,
                "conversion": round(variant.conversion, 6),
                "low": round(variant.low, 6),
                "high": round(variant.high, 6),
            }
            for variant in result.variants
        ],
        "sample_ratio": {"p_value": round(result.sample_ratio_p, 6), "ok": result.sample_ratio_ok},
    }
