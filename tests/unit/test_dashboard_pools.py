"""What the page of code pools shows: levels, how fast codes go, and when they will be gone."""

import pytest

from dashboard import reward_charts
from dashboard.level_trail import KEPT_EVERY_MS, LevelTrail
from dashboard.reward_data import HOUR_MS, Burn, PoolState, PoolView, Sample, next_empty
from dashboard.views.codes import empty_moment
from offerloop.codes.model import Level, PoolStatus
from tests.codes import a_pool
from tests.factories import NOON_MS

MINUTE_MS = 60_000


def a_view(free=10, *, samples=(), **pool):
    """A pool that was seen just now for the first time."""
    return PoolView(a_pool(**pool), Level(free, 5, 0), (), samples or [Sample(NOON_MS, free, 5)])


def burning(free, claims, over_ms, pool_id="bonus-100"):
    """A pool of which codes were claimed for a while, up to now."""
    samples = [Sample(NOON_MS - over_ms, free + claims, 5 - claims), Sample(NOON_MS, free, 5)]
    return a_view(free, samples=samples, pool_id=pool_id)


def looked(trail, at_ms, free, given, pool_id="bonus-100"):
    """The samples of a pool after one more look at it."""
    return trail.note(at_ms, {pool_id: Level(free, given, 0)})[pool_id]


def test_claims_are_what_more_was_given_out_since_the_first_look():
    trail = LevelTrail()
    looked(trail, NOON_MS, 20, 5)

    samples = looked(trail, NOON_MS + 10 * MINUTE_MS, 37, 8)  # refilled meanwhile

    view = a_view(37, samples=samples)
    assert view.burn == Burn(claims=3, span_ms=10 * MINUTE_MS)
    assert view.burn.per_hour == 18


def test_looks_that_follow_closely_are_not_kept_and_the_newest_is_shown():
    trail = LevelTrail()
    for second in range(31):
        samples = looked(trail, NOON_MS + second * 1_000, 50 - second, second)

    shown = [(sample.at_ms - NOON_MS, sample.given) for sample in samples]
    assert shown == [(0, 0), (KEPT_EVERY_MS, 15), (2 * KEPT_EVERY_MS, 30)]
    assert looked(trail, NOON_MS + 32_000, 18, 32)[-1] == Sample(NOON_MS + 32_000, 18, 32)


def test_a_trail_reaches_back_an_hour_and_to_the_look_before_it():
    trail = LevelTrail()
    for minute in range(0, 181, 10):
        samples = looked(trail, NOON_MS + minute * MINUTE_MS, 500 - minute, minute)

    assert [sample.given for sample in samples] == [120, 130, 140, 150, 160, 170, 180]
    later = NOON_MS + 180 * MINUTE_MS + 5 * HOUR_MS  # nobody looked meanwhile
    assert [sample.given for sample in looked(trail, later, 300, 200)] == [180, 200]


def test_a_trail_begins_anew_with_new_tables_and_a_pool_that_is_gone_is_forgotten():
    trail = LevelTrail()
    trail.note(NOON_MS, {"a": Level(1, 50, 0), "b": Level(1, 1, 0)})

    again = trail.note(NOON_MS + MINUTE_MS, {"a": Level(25, 0, 0)})
    back = trail.note(NOON_MS + 2 * MINUTE_MS, {"a": Level(24, 1, 0), "b": Level(1, 1, 0)})

    assert {pool_id: len(samples) for pool_id, samples in again.items()} == {"a": 1}
    assert {pool_id: len(samples) for pool_id, samples in back.items()} == {"a": 2, "b": 1}


@pytest.mark.parametrize(
    ("free", "status", "state"),
    [
        (3, PoolStatus.ACTIVE, PoolState.OK),
        (2, PoolStatus.ACTIVE, PoolState.LOW),
        (0, PoolStatus.ACTIVE, PoolState.EMPTY),
        (0, PoolStatus.PAUSED, PoolState.PAUSED),
    ],
)
def test_a_pool_is_low_below_its_threshold(free, status, state):
    assert a_view(free, status=status).state is state


@pytest.mark.parametrize(
    ("view", "words"),
    [
        (a_view(), "–"),  # seen for the first time
        (burning(10, 1, 29_999), "–"),  # too short a time to tell
        (burning(10, 0, HOUR_MS), "–"),
        (burning(0, 5, HOUR_MS), "now"),
        (burning(10, 5, HOUR_MS), "in 2 h, 2027-01-15 10:00"),
        (burning(100_000, 1, HOUR_MS), "in over a year"),
    ],
)
def test_the_empty_moment_is_forecast_from_the_claims_that_were_seen(view, words):
    assert empty_moment(view, NOON_MS) == words


def test_the_next_pool_to_be_empty_has_codes_and_claims():
    soon, later = burning(10, 5, HOUR_MS, "soon"), burning(10, 1, HOUR_MS, "later")

    assert next_empty([burning(0, 5, HOUR_MS), later, soon, a_view(1)]) is soon
    assert next_empty([a_view()]) is None


def test_free_codes_are_drawn_with_their_threshold_and_in_the_colour_of_their_state():
    bars, thresholds = reward_charts.free_now([a_view(10), a_view(1, pool_id="bonus-200")]).data

    assert (list(bars.x), list(thresholds.x)) == ([10, 1], [3, 3])
    assert list(bars.marker.color) == [
        reward_charts.STATE_COLOURS[state] for state in (PoolState.OK, PoolState.LOW)
    ]


def test_no_more_pools_are_drawn_over_time_than_there_are_colours():
    figure = reward_charts.free_over_time([burning(9, 1, HOUR_MS, f"pool-{n}") for n in range(30)])

    colours = [line.line.color for line in figure.data]
    assert len(colours) == len(set(colours)) == reward_charts.LINES
