"""The daily job: exact files, the same bytes again, late entries told, nothing of a day that is not over."""

import json
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from offerloop.bonuses.model import EntryKind
from offerloop.errors import Busy, DayNotOver
from offerloop.rewards.aggregate_rewards import begin_run, publish_run, read_on
from offerloop.rewards.count_rewards import count_rewards
from offerloop.rewards.days import day_at, zone_named
from offerloop.rewards.model import NOTHING
from simulator.memory.rewards import MemoryRunningTotals
from tests.rewards import DAY_MS, MIDNIGHT_MS, TODAY, a_world, an_entry, analytics_of, sum_up

FILE, DETAILS = "daily-rewards/2027-01-15.json", "daily-rewards/2027-01-15-details.json"
KINDS = st.sampled_from(list(EntryKind))


def documented_day():
    """The day of the documentation: 1500.0 issued in 15, 750.0 redeemed in 8."""
    issued = [an_entry(number, amount=10_000) for number in range(1, 16)]
    redeemed = [
        an_entry(number, customer_id="ben", kind=EntryKind.REDEEMED, amount=9_375) for number in range(1, 9)
    ]
    return a_world(*issued, *redeemed)


def test_the_file_is_exactly_the_documented_one():
    analytics = analytics_of(documented_day())

    sum_up(analytics)

    assert analytics.files.read(FILE).text == (
        '{"date": "2027-01-15", "total_issued": 1500.0, "total_redeemed": 750.0, "net_rewards": 750.0,'
        ' "issued_count": 15, "redeemed_count": 8}'
    )


def test_the_other_kinds_are_in_the_details_and_not_netted():
    entries = [an_entry(number, kind=kind, amount=number) for number, kind in enumerate(EntryKind, 1)]
    analytics = analytics_of(a_world(*entries))

    sum_up(analytics)

    assert json.loads(analytics.files.read(FILE).text)["net_rewards"] == -0.01
    assert json.loads(analytics.files.read(DETAILS).text) == {
        "date": "2027-01-15",
        "time_zone": "UTC",
        "total_given_back": 0.03,
        "given_back_count": 1,
        "total_clawed_back": 0.04,
        "clawed_back_count": 1,
        "total_expired": 0.05,
        "expired_count": 1,
        "total_pended": 0.06,
        "pended_count": 1,
        "total_dropped": 0.07,
        "dropped_count": 1,
    }


def test_a_day_without_an_entry_has_a_file_of_zeros():
    analytics = analytics_of(a_world())

    report = sum_up(analytics)

    assert report.totals == NOTHING
    assert json.loads(analytics.files.read(FILE).text)["total_issued"] == 0.0


def test_metrics_are_published_under_the_days_last_second():
    analytics = analytics_of(documented_day())

    report = sum_up(analytics)

    assert report.metrics_published
    assert analytics.metrics.published == [
        (
            {"TotalIssuedRewards": 150_000, "TotalRedeemedRewards": 75_000, "NetRewards": 75_000},
            MIDNIGHT_MS + DAY_MS - 1_000,
        )
    ]


def test_a_day_run_again_writes_nothing_and_publishes_the_same():
    world = documented_day()
    analytics = analytics_of(world)
    sum_up(analytics)
    was = analytics.files.read(FILE), analytics.files.read(DETAILS)
    world.clock.move_on(3 * 86_400)

    again = sum_up(analytics)

    assert (analytics.files.read(FILE), analytics.files.read(DETAILS)) == was
    assert (again.rewritten, again.more_entries) == (False, 0)
    assert analytics.metrics.published[0] == analytics.metrics.published[1]


@pytest.mark.parametrize(("days", "published"), [(13, True), (14, False), (400, False)])
def test_days_that_cloudwatch_takes_no_more_get_no_metrics(days, published):
    world = documented_day()
    world.clock.move_on(days * 86_400)
    analytics = analytics_of(world)

    report = sum_up(analytics)

    assert report.metrics_published is bool(analytics.metrics.published) is published
    assert analytics.files.read(FILE) is not None


@pytest.mark.parametrize("kind", list(EntryKind))
def test_late_entries_of_every_kind_are_told_and_the_files_say_them(kind):
    world = documented_day()
    analytics = analytics_of(world)
    sum_up(analytics)
    world.entries["carl"] = [an_entry(number, customer_id="carl", kind=kind) for number in (1, 2)]

    again = sum_up(analytics)

    assert (again.more_entries, again.rewritten, again.totals.of(kind).count >= 2) == (2, True, True)
    assert sum_up(analytics).more_entries == 0


def test_entries_that_are_gone_are_told():
    world = documented_day()
    analytics = analytics_of(world)
    sum_up(analytics)
    del world.entries["ben"]

    assert sum_up(analytics).more_entries == -8


@pytest.mark.parametrize("text", ["", "[]", "3", '{"issued_count": "x"}', '{"issued_count": null}'])
def test_a_file_that_somebody_spoiled_is_written_anew(text):
    analytics = analytics_of(documented_day())
    sum_up(analytics)
    good = analytics.files.read(FILE)
    analytics.files.write(FILE, text, good.version)

    report = sum_up(analytics)

    assert analytics.files.read(FILE).text == good.text
    assert (report.rewritten, report.more_entries) == (True, None)


@pytest.mark.parametrize("before_end_ms", [1, DAY_MS, DAY_MS + 1])
def test_a_day_that_is_not_over_is_refused(before_end_ms):
    analytics = analytics_of(a_world(now_ms=MIDNIGHT_MS + DAY_MS - before_end_ms))

    with pytest.raises(DayNotOver):
        begin_run(TODAY, analytics)

    assert analytics.files.read(FILE) is None


def test_a_day_that_has_not_begun_is_refused_even_in_part():
    analytics = analytics_of(a_world(now_ms=MIDNIGHT_MS - 1))

    with pytest.raises(DayNotOver):
        begin_run(TODAY, analytics, may_be_partial=True)


def test_figures_so_far_have_files_of_their_own_and_no_metrics():
    world = a_world(an_entry(), now_ms=MIDNIGHT_MS + DAY_MS - 1)
    analytics = analytics_of(world)

    first = sum_up(analytics, may_be_partial=True)
    world.entries["ann"].append(an_entry(2))
    second = sum_up(analytics, may_be_partial=True)

    assert (first.key, second.more_entries) == ("daily-rewards/2027-01-15-partial.json", None)
    assert json.loads(analytics.files.read(first.key).text)["issued_count"] == 2
    assert (analytics.files.read(FILE), analytics.metrics.published) == (None, [])


def test_a_day_that_is_over_is_never_partial():
    analytics = analytics_of(a_world(an_entry()))

    assert sum_up(analytics, may_be_partial=True).key == FILE


def test_a_day_is_the_business_zones():
    before, first, last, after = (
        an_entry(number, at_ms=MIDNIGHT_MS + offset, amount=10**number)
        for number, offset in enumerate(
            (-7_200_001, -7_200_000, DAY_MS - 7_200_001, DAY_MS - 7_200_000), start=1
        )
    )
    analytics = analytics_of(a_world(before, first, last, after), zone=zone_named("Europe/Kyiv"))

    assert sum_up(analytics).totals.of(EntryKind.ISSUED).amount == 10**2 + 10**3


def test_a_run_that_began_earlier_never_overwrites_one_that_saw_more():
    world = documented_day()
    analytics = analytics_of(world)
    slow = read_on(begin_run(TODAY, analytics), analytics, goes_on=lambda: True)
    world.entries["carl"] = [an_entry(1, customer_id="carl")]
    sum_up(analytics)
    stored = analytics.files.read(FILE)

    with pytest.raises(Busy):
        publish_run(slow, analytics)

    assert analytics.files.read(FILE) == stored


def test_a_twin_of_a_run_that_finds_its_figures_stored_is_content():
    analytics = analytics_of(documented_day())
    twin = read_on(begin_run(TODAY, analytics), analytics, goes_on=lambda: True)
    sum_up(analytics)

    assert publish_run(twin, analytics).rewritten is False


def test_an_entry_of_an_unknown_kind_is_never_left_out_in_silence():
    with pytest.raises(ValueError, match="GIFTED"):
        NOTHING.plus([("ISSUED", 1), ("GIFTED", 1)])


def test_every_invocation_gets_on_by_a_page_even_without_time():
    analytics = analytics_of(documented_day(), page=5)
    run = begin_run(TODAY, analytics)
    invocations = 0

    while not run.is_read:
        run = read_on(run, analytics, goes_on=lambda: False)
        invocations += 1

    assert (invocations, run.totals.entries) == (5, 23)


MOMENTS = st.integers(MIDNIGHT_MS - DAY_MS, MIDNIGHT_MS + 2 * DAY_MS - 1)
ENTRIES = st.lists(
    st.builds(
        an_entry,
        customer_id=st.sampled_from(["ann", "ben", "carl"]),
        kind=KINDS,
        amount=st.integers(1, 10**12),
        at_ms=MOMENTS,
    ),
    max_size=30,
)
ZONES = st.sampled_from([zone_named(name) for name in ("UTC", "Europe/Kyiv", "America/New_York")])


def numbered(entries):
    """Number the entries of each customer as its ledger does."""
    numbers: dict[str, int] = {}
    result = []
    for entry in entries:
        numbers[entry.customer_id] = numbers.get(entry.customer_id, 0) + 1
        result.append(
            an_entry(
                numbers[entry.customer_id],
                customer_id=entry.customer_id,
                kind=entry.kind,
                amount=entry.amount,
                at_ms=entry.at_ms,
            )
        )
    return result


@given(ENTRIES, ZONES, st.integers(1, 7), st.randoms(use_true_random=False))
@settings(deadline=None)
def test_pages_and_invocations_leave_no_trace_and_the_running_total_is_the_same(entries, zone, page, rng):
    """Requirement C: every page read, the same file again; the total of the stream equals the batch."""
    entries = numbered(entries)
    world = a_world(*entries, now_ms=MIDNIGHT_MS + 3 * DAY_MS)
    whole, torn = analytics_of(world, zone=zone), analytics_of(world, page=page, zone=zone)
    totals = MemoryRunningTotals(world)
    redelivered = [*entries, *entries]
    rng.shuffle(redelivered)
    for start in range(0, len(redelivered), 4):
        count_rewards(redelivered[start : start + 4], totals=totals, zone=zone)

    for day in (TODAY - timedelta(days=1), TODAY, TODAY + timedelta(days=1)):
        report = sum_up(whole, day)
        run = begin_run(day, torn)
        while not run.is_read:
            run = read_on(run, torn, goes_on=lambda: rng.random() < 0.5)
        again = publish_run(run, torn)

        assert torn.files.read(again.key).text == whole.files.read(report.key).text
        assert totals.of(day) == report.totals
        expected = [entry for entry in entries if day_at(entry.at_ms, zone) == day]
        assert report.totals.entries == len(expected)
        assert sum(total.amount for total in report.totals.by_kind.values()) == sum(
            e.amount for e in expected
        )
