"""Assignment is a fair and stable split; results carry their uncertainty."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offerloop.errors import InvalidInput
from offerloop.offers.experiments import (
    Assignment,
    ExperimentStatus,
    Tally,
    Variant,
    assign,
    chi_squared_p,
    result_of,
    sample_ratio_p,
    wilson_interval,
)
from offerloop.offers.scoring import BY_PRIORITY, CONTROL
from tests.factories import URGENCY_FIRST, an_experiment

RUNNING = ExperimentStatus.RUNNING


def test_only_a_running_experiment_assigns():
    for status in ExperimentStatus:
        assignment = assign("ann", an_experiment(status=status))
        assert (assignment == Assignment()) == (status is not RUNNING)
    assert assign("ann", None) == Assignment()


def test_users_are_split_by_share_and_stay_where_they_are():
    variants = (Variant("a", 2_000, CONTROL), Variant("b", 8_000, URGENCY_FIRST))
    experiment = an_experiment(variants=variants, status=RUNNING)
    users = [f"user-{number}" for number in range(5_000)]

    first = [assign(user, experiment).variant for user in users]

    assert first == [assign(user, experiment).variant for user in users]
    counts = Counter(first)
    assert sample_ratio_p([counts["a"], counts["b"]], [2_000, 8_000]) > 0.001


def test_the_split_is_known_and_differs_between_experiments():
    """Known values: any process on any version must give these."""
    users = [f"user-{number}" for number in range(8)]

    def split(experiment_id: str) -> str:
        experiment = an_experiment(experiment_id, status=RUNNING)
        return "".join((assign(user, experiment).variant or "-")[0] for user in users)

    assert (split("exp-1"), split("exp-2")) == ("uucccucu", "ccucucuu")


@pytest.mark.parametrize(
    "variants",
    [
        (),
        (Variant("a", 10_000, CONTROL),),
        (Variant("a", 5_000, CONTROL), Variant("a", 5_000, URGENCY_FIRST)),
        (Variant("a", 5_000, CONTROL), Variant("b", 4_999, URGENCY_FIRST)),
        (Variant("a", 10_000, CONTROL), Variant("b", 0, URGENCY_FIRST)),
        (Variant("a", 5_000, CONTROL), Variant("b", 5_000, BY_PRIORITY)),
    ],
)
def test_variants_that_cannot_be_compared_are_refused(variants):
    with pytest.raises(InvalidInput):
        an_experiment(variants=variants)


@pytest.mark.parametrize(
    ("successes", "trials", "low", "high"),
    [(0, 0, 0.0, 1.0), (0, 10, 0.0, 0.2775), (5, 10, 0.2366, 0.7634), (10, 10, 0.7225, 1.0)],
)
def test_the_wilson_interval_has_its_published_values(successes, trials, low, high):
    assert wilson_interval(successes, trials) == pytest.approx((low, high), abs=5e-5)


@given(st.integers(0, 500), st.integers(0, 500))
def test_an_interval_holds_its_own_rate(successes, failures):
    trials = successes + failures
    low, high = wilson_interval(successes, trials)

    assert 0.0 <= low <= high <= 1.0
    if trials:
        assert low - 1e-12 <= successes / trials <= high + 1e-12


@pytest.mark.parametrize(
    ("statistic", "degrees"), [(3.841, 1), (5.991, 2), (7.815, 3), (9.488, 4), (11.070, 5), (18.307, 10)]
)
def test_chi_squared_has_its_tabled_five_percent_points(statistic, degrees):
    assert chi_squared_p(statistic, degrees) == pytest.approx(0.05, abs=2e-5)


def test_a_result_has_every_variant_and_tells_a_broken_split():
    experiment = an_experiment(status=RUNNING)

    healthy = result_of(experiment, {"control": Tally(100, 10), "urgent": Tally(110, 22)})
    broken = result_of(experiment, {"control": Tally(200, 0)})

    assert [variant.conversion for variant in healthy.variants] == [0.1, 0.2]
    assert healthy.sample_ratio_ok
    assert [(v.name, v.exposed) for v in broken.variants] == [("control", 200), ("urgent", 0)]
    assert (broken.sample_ratio_ok, broken.sample_ratio_p < 1e-9) == (False, True)


def test_nobody_exposed_is_no_evidence_of_anything():
    assert result_of(an_experiment(), {}).sample_ratio_p == 1.0
