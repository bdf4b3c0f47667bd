"""What the page of code pools shows: levels, how fast codes go, and when they will be gone."""

import pytest

from dashboard import reward_charts
from dashboard.reward_charts import BARS, LINES, LONGEST_NAME, SPREAD
from dashboard.reward_data import PoolState, PoolView, most_urgent, next_empty
from dashboard.views.codes import empty_moment
from offerloop.codes.forecast import HOUR_MS, Pace, Sample
from offerloop.codes.model import Level, PoolStatus
from tests.codes import a_pool
from tests.factories import NOON_MS

NAME = "autumn-campaign-07-loyal-customers-of-the-north"


def a_view(free=10, *, before=(), **pool):
    """A pool as it is now, with what was kept of it before."""
    return PoolView(a_pool(**pool), Level(free, 5, 0), (), [*before, Sample(NOON_MS, free, 5)])


def burning(free, claims, over_ms, pool_id="bonus-100", **pool):
    """A pool of which codes were claimed for a while, up to now."""
    before = [Sample(NOON_MS - over_ms, free + claims, 5 - claims)]
    return a_view(free, before=before, pool_id=pool_id, **pool)


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


@pytest.mark.parametrize(("lead_minutes", "state"), [(None, PoolState.OK), (60, PoolState.SHORT)])
def test_a_pool_that_is_empty_before_its_supplier_delivers_is_short(lead_minutes, state):
    assert burning(4, 5, HOUR_MS, lead_minutes=lead_minutes).state is state


def test_the_pace_is_counted_from_what_was_kept_to_now():
    assert burning(10, 5, HOUR_MS).pace == Pace(5, HOUR_MS)
    assert a_view().pace is None


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


def test_the_pools_to_look_at_first_are_short_then_empty_soonest_then_paused():
    paused, full = a_view(0, status=PoolStatus.PAUSED), a_view(500)
    soon, low = burning(10, 5, HOUR_MS), burning(1, 0, HOUR_MS)
    empty = a_view(0)

    assert most_urgent([paused, full, soon, low, empty], 9) == [empty, low, soon, full, paused]
    assert most_urgent([full, empty], 1) == [empty]


# ── Plots ──────────────────────────────────────────────────────────────────────────────────────────


def test_free_codes_are_drawn_with_their_threshold_and_in_the_colour_of_their_state():
    figure = reward_charts.free_now([a_view(10), a_view(1, pool_id="bonus-200")])

    bars, thresholds = figure.data
    assert (list(bars.x), list(thresholds.x)) == ([10, 1], [3, 3])
    assert list(bars.marker.color) == [
        reward_charts.STATE_COLOURS[state] for state in (PoolState.OK, PoolState.LOW)
    ]
    low = f'<span style="color:{reward_charts.STATE_COLOURS[PoolState.LOW]}"><b>1</b></span>'
    assert list(figure.layout.yaxis.ticktext) == ["bonus-100  <b>10</b>", f"bonus-200  {low}"]


def test_a_long_name_leaves_room_for_its_bar_and_is_no_other_pools():
    figure = reward_charts.free_now([a_view(pool_id=NAME), a_view(pool_id=f"{NAME}-2")])

    assert list(figure.data[0].y) == [NAME, f"{NAME}-2"]
    assert [label.partition("  ")[0] for label in figure.layout.yaxis.ticktext] == [
        "autumn-campaign-07-lo…"
    ] * 2
    assert len("autumn-campaign-07-lo…") == LONGEST_NAME


@pytest.mark.parametrize(("free", "kind"), [(3 * SPREAD, None), (3 * SPREAD + 1, "log")])
def test_beside_a_large_pool_a_small_one_is_not_drawn_as_if_it_were_empty(free, kind):
    figure = reward_charts.free_now([a_view(free), a_view(0, pool_id="bonus-200")])

    assert figure.layout.xaxis.type == kind


def test_no_more_pools_are_drawn_over_time_than_there_are_colours():
    figure = reward_charts.free_over_time([burning(9, 1, HOUR_MS, f"pool-{n}") for n in range(30)])

    colours = [line.line.color for line in figure.data]
    assert len(colours) == len(set(colours)) == LINES <= BARS
