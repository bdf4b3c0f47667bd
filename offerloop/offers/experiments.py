"""A/B experiments over the score weights: who is in which variant, and what came of it.

Assignment is a pure function of experiment and user, so every process agrees without storing anything.
"""

import hashlib
import math
from collections.abc import Mapping, Sequence
from enum import StrEnum

from offerloop.errors import FieldError, InvalidInput
from offerloop.offers.scoring import BY_PRIORITY, CONTROL, Weights
from offerloop.record import record

SHARES_TOTAL_BP = 10_000
Z_95 = 1.959963984540054  # two-sided 95 % quantile of the normal distribution
SRM_ALPHA = 0.001  # a sample-ratio check below this p-value says: do not trust this experiment


class ExperimentStatus(StrEnum):
    """DRAFT -> PREPARING (its rankings are being built) -> RUNNING -> STOPPED."""

    DRAFT = "DRAFT"
    PREPARING = "PREPARING"
    RUNNING = "RUNNING"
    STOPPED = "STOPPED"


@record(frozen=True, slots=True)
class Variant:
    """One arm: its name, its share of users in basis points, and the weights they are served with."""

    name: str
    share_bp: int
    weights: Weights


@record(frozen=True, slots=True)
class Experiment:
    """An experiment; the shares of its variants sum to 10,000 bp.

    Raises:
        InvalidInput: fewer than two variants, a name twice, shares that do not sum to 10,000, or weights
            by priority alone, whose ranking is the pivots' own and has no list of all offers.
    """

    experiment_id: str
    variants: tuple[Variant, ...]
    status: ExperimentStatus = ExperimentStatus.DRAFT
    started_at: int | None = None
    stopped_at: int | None = None
    index_cursor: str | None = None

    def __post_init__(self) -> None:
        names = [variant.name for variant in self.variants]
        shares = [variant.share_bp for variant in self.variants]
        problem = None
        if len(names) < 2:
            problem = "an experiment needs at least two variants"
        elif len(set(names)) != len(names):
            problem = f"variant names must differ, got {names}"
        elif min(shares) <= 0 or sum(shares) != SHARES_TOTAL_BP:
            problem = f"shares must be > 0 and sum to {SHARES_TOTAL_BP} bp, got {shares}"
        elif BY_PRIORITY in self.rankings:
            problem = "a variant must weigh more than priority alone"
        if problem:
            raise InvalidInput(problem, [FieldError("variants", problem)])

    @property
    def rankings(self) -> tuple[Weights, ...]:
        """The weights that ranked lists must exist for."""
        return tuple(variant.weights for variant in self.variants)


@record(frozen=True, slots=True)
class Assignment:
    """Which variant of which experiment a user is in; experiment_id None = no experiment runs."""

    weights: Weights = CONTROL
    experiment_id: str | None = None
    variant: str | None = None


NO_EXPERIMENT = Assignment()


def assign(user_id: str, experiment: Experiment | None, otherwise: Weights = CONTROL) -> Assignment:
    """The user's variant: a hash of experiment and user, spread over the variants by share.

    Args:
        otherwise: the weights while no experiment runs.
    """
    if experiment is None or experiment.status is not ExperimentStatus.RUNNING:
        return NO_EXPERIMENT if otherwise is CONTROL else Assignment(otherwise)
    digest = hashlib.sha256(f"{experiment.experiment_id}:{user_id}".encode()).digest()
    # 64 bits modulo 10,000: the bias is below 1e-15.
    slot = int.from_bytes(digest[:8], "big") % SHARES_TOTAL_BP
    for variant in experiment.variants:
        if slot < variant.share_bp:
            return Assignment(variant.weights, experiment.experiment_id, variant.name)
        slot -= variant.share_bp
    raise AssertionError("shares sum to the total")  # unreachable: Experiment checks the sum


@record(frozen=True, slots=True)
class Tally:
    """Users of one variant: *exposed* were served and engaged, *converted* redeemed at least once."""

    exposed: int = 0
    converted: int = 0


@record(frozen=True, slots=True)
class VariantResult:
    """Conversion of one variant with its 95 % interval (Wilson), all as fractions 0..1."""

    name: str
    exposed: int
    converted: int
    conversion: float
    low: float
    high: float


@record(frozen=True, slots=True)
class ExperimentResult:
    """Conversion per variant and whether users arrived in the intended shares.

    Attributes:
        sample_ratio_p: p-value of a chi-squared test of the exposed users against the shares.
        sample_ratio_ok: False means that the split itself is broken and the conversions mean nothing.
    """

    experiment_id: str
    variants: tuple[VariantResult, ...]
    sample_ratio_p: float
    sample_ratio_ok: bool


def wilson_interval(successes: int, trials: int) -> tuple[float, float]:
    """95 % interval of a proportion; (0, 1) when nothing was tried.

    Source:
        E. B. Wilson (1927), Journal of the American Statistical Association 22 (158).
    """
    if trials == 0:
        return 0.0, 1.0
    p, z2 = successes / trials, Z_95**2
    centre = (p + z2 / (2 * trials)) / (1 + z2 / trials)
    half = Z_95 * math.sqrt(p * (1 - p) / trials + z2 / (4 * trials**2)) / (1 + z2 / trials)
    return max(0.0, centre - half), min(1.0, centre + half)


def chi_squared_p(statistic: float, degrees: int) -> float:
    """Upper tail of the chi-squared distribution, by the recurrence over degrees of freedom (>= 1)."""
    half = statistic / 2
    if degrees % 2:
        tail, term, k = math.erfc(math.sqrt(half)), math.exp(-half) * math.sqrt(half) / math.gamma(1.5), 1
    else:
        tail, term, k = math.exp(-half), math.exp(-half) * half, 2
    while k < degrees:
        tail += term
        k += 2
        term *= half / (k / 2)
    return min(1.0, max(0.0, tail))


def sample_ratio_p(exposed: Sequence[int], shares_bp: Sequence[int]) -> float:
    """p-value of the hypothesis that users were split as intended; 1.0 when nobody was exposed."""
    total = sum(exposed)
    if total == 0:
        return 1.0
    expected = [total * share / SHARES_TOTAL_BP for share in shares_bp]
    statistic = math.fsum((seen - want) ** 2 / want for seen, want in zip(exposed, expected, strict=True))
    return chi_squared_p(statistic, len(exposed) - 1)


def result_of(experiment: Experiment, tallies: Mapping[str, Tally]) -> ExperimentResult:
    """What the experiment shows so far; a variant without a tally counts as zero users."""
    results = []
    for variant in experiment.variants:
        tally = tallies.get(variant.name, Tally())
        low, high = wilson_interval(tally.converted, tally.exposed)
        rate = tally.converted / tally.exposed if tally.exposed else 0.0
        results.append(VariantResult(variant.name, tally.exposed, tally.converted, rate, low, high))
    p = sample_ratio_p([r.exposed for r in results], [v.share_bp for v in experiment.variants])
    return ExperimentResult(experiment.experiment_id, tuple(results), p, p >= SRM_ALPHA)
