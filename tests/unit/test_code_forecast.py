"""How fast a pool's codes go, when it will be empty, and when its supplier is asked before it runs low."""

import pytest

from offerloop.codes.forecast import (
    DAY_MS,
    HOUR_MS,
    MINUTE_MS,
    Pace,
    Sample,
    empty_in_ms,
    pace_of,
    runs_out_early,
    with_sample,
)
from tests.codes import a_pool
from tests.factories import NOON_MS


def a_sample(minutes_ago: float, free: int, given: int) -> Sample:
    return Sample(NOON_MS - int(minutes_ago * MINUTE_MS), free, given)


def steady(minutes: int, per_minute: int, left: int) -> list[Sample]:
    """A trail of a sample each minute to now, while codes went at an even pace; the last sample is now."""
    return [
        a_sample(ago, left + ago * per_minute, (minutes - ago) * per_minute) for ago in range(minutes, -1, -1)
    ]


# ── The pace ───────────────────────────────────────────────────────────────────────────────────────


def test_the_pace_is_the_claims_of_the_last_hour() -> None:
    *trail, now = steady(180, per_minute=2, left=50)

    assert pace_of(a_pool(), trail, now) == Pace(claims=120, span_ms=HOUR_MS)


@pytest.mark.parametrize(
    ("lead_minutes", "span_ms"), [(1, HOUR_MS), (150, 150 * MINUTE_MS), (3 * 24 * 60, DAY_MS)]
)
def test_it_is_counted_over_as_long_as_the_supplier_takes_an_hour_at_least_and_a_day_at_most(
    lead_minutes: int, span_ms: int
) -> None:
    *trail, now = steady(2_000, per_minute=1, left=50)

    pace = pace_of(a_pool(lead_minutes=lead_minutes), trail, now)

    assert pace == Pace(span_ms // MINUTE_MS, span_ms)


def test_of_a_young_pool_it_is_counted_over_its_whole_life() -> None:
    pace = pace_of(a_pool(), [a_sample(5, 20, 0), a_sample(1, 12, 8)], a_sample(0, 10, 10))

    assert pace == Pace(10, 5 * MINUTE_MS)
    assert pace.per_hour == 120


def test_a_refill_is_no_claim() -> None:
    pace = pace_of(a_pool(), [a_sample(60, 10, 5), a_sample(30, 2, 13)], a_sample(0, 100, 15))

    assert pace == Pace(10, HOUR_MS)


def test_after_a_pause_in_which_nobody_looked_it_is_counted_from_the_look_that_is_nearest() -> None:
    pace = pace_of(a_pool(), [a_sample(15 * 60, 90, 10), a_sample(20, 80, 20)], a_sample(0, 60, 40))

    assert pace == Pace(20, 20 * MINUTE_MS)


@pytest.mark.parametrize("trail", [[], [a_sample(0.4, 20, 0)]])
def test_of_less_than_half_a_minute_there_is_no_pace(trail: list[Sample]) -> None:
    assert pace_of(a_pool(), trail, a_sample(0, 19, 1)) is None


# ── The empty moment ───────────────────────────────────────────────────────────────────────────────


def test_a_pool_is_empty_when_what_is_free_is_claimed_at_that_pace() -> None:
    assert empty_in_ms(30, Pace(10, HOUR_MS)) == 3 * HOUR_MS


def test_a_pool_of_which_nothing_is_claimed_is_never_empty() -> None:
    assert empty_in_ms(30, Pace(0, HOUR_MS)) is None
    assert empty_in_ms(30, None) is None


def test_a_pool_without_codes_is_empty_now_whatever_the_pace() -> None:
    assert empty_in_ms(0, None) == 0


# ── Refilling early ────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("left", "is_early"), [(91, False), (90, True), (1, True)])
def test_codes_that_go_within_the_lead_time_are_asked_for_now(left: int, is_early: bool) -> None:
    *trail, now = steady(240, per_minute=1, left=left)

    assert runs_out_early(a_pool(lead_minutes=90), trail, now) is is_early


def test_without_a_lead_time_nothing_is_asked_for_early() -> None:
    *trail, now = steady(240, per_minute=1, left=1)

    assert not runs_out_early(a_pool(), trail, now)


def test_a_few_minutes_are_too_few_to_buy_codes_for() -> None:
    *young, now = steady(9, per_minute=1, left=1)
    *older, then = steady(10, per_minute=1, left=1)

    assert not runs_out_early(a_pool(lead_minutes=90), young, now)
    assert runs_out_early(a_pool(lead_minutes=90), older, then)


def test_an_empty_pool_that_nobody_claims_from_is_left_to_its_threshold() -> None:
    assert not runs_out_early(a_pool(lead_minutes=90), [a_sample(60, 0, 9)], a_sample(0, 0, 9))


# ── The trail ──────────────────────────────────────────────────────────────────────────────────────


def test_a_trail_goes_on_once_a_minute() -> None:
    trail = [a_sample(1, 20, 0)]

    assert with_sample(trail, a_sample(0, 19, 1)) == (a_sample(1, 20, 0), a_sample(0, 19, 1))
    assert with_sample(trail, a_sample(0.3, 19, 1)) is trail


def test_a_trail_keeps_the_minutes_of_an_hour_and_the_hours_of_a_day() -> None:
    trail: tuple[Sample, ...] = ()
    for sample in steady(3 * 24 * 60, per_minute=1, left=0):
        trail = tuple(with_sample(trail, sample))

    ages = [(NOON_MS - sample.at_ms) // MINUTE_MS for sample in trail]
    assert ages == sorted(ages, reverse=True)
    assert ages[-61:] == list(range(60, -1, -1))
    assert 24 * 60 <= ages[0] <= 25 * 60
    assert len(ages) <= 90


def test_what_is_kept_of_a_day_is_enough_for_its_pace() -> None:
    trail: tuple[Sample, ...] = ()
    *before, now = steady(3 * 24 * 60, per_minute=1, left=0)
    for sample in before:
        trail = tuple(with_sample(trail, sample))

    pace = pace_of(a_pool(lead_minutes=24 * 60), trail, now)

    assert pace is not None
    assert pace.per_hour == pytest.approx(60)
    assert abs(pace.span_ms - DAY_MS) <= HOUR_MS // 2
