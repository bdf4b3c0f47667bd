"""Business days begin and end at midnight where the business is, and leave no moment out."""

from datetime import UTC, date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offerloop.rewards.days import Span, day_at, ends_ms, last_day_over, spans, starts_ms, zone_named

KYIV, AUCKLAND, NEW_YORK = (zone_named(f) for f in ("Europe/Kyiv", "Pacific/Auckland", "America/New_York"))
SAO_PAULO = zone_named("America/Sao_Paulo")  # skipped midnights until 2018
HOUR_MS = 3_600_000
ZONES = st.sampled_from([UTC, KYIV, AUCKLAND, NEW_YORK, SAO_PAULO, zone_named("Asia/Kolkata")])
DAYS = st.dates(date(2015, 1, 1), date(2035, 12, 31))


def hours_by_utc_day(day, zone):
    """How many hours of a day lie in which UTC day of the month."""
    return {each.utc_day.day: (each.until_ms - each.from_ms) // HOUR_MS for each in spans(day, zone)}


def test_a_utc_day_is_one_span():
    day = date(2026, 11, 20)

    [span] = spans(day, UTC)

    assert span == Span(day, starts_ms(day, UTC), ends_ms(day, UTC))
    assert span.until_ms - span.from_ms == 24 * HOUR_MS


def test_a_day_elsewhere_lies_in_the_utc_days_that_it_touches():
    day = date(2026, 11, 20)

    assert hours_by_utc_day(day, KYIV) == {19: 2, 20: 22}
    assert hours_by_utc_day(day, NEW_YORK) == {20: 19, 21: 5}


@pytest.mark.parametrize(
    ("day", "zone", "hours"),
    [(date(2026, 3, 29), KYIV, 23), (date(2026, 10, 25), KYIV, 25), (date(2018, 11, 4), SAO_PAULO, 23)],
)
def test_days_on_which_clocks_change_are_shorter_or_longer(day, zone, hours):
    assert ends_ms(day, zone) - starts_ms(day, zone) == hours * HOUR_MS


@given(DAYS, ZONES)
def test_spans_are_the_whole_day_and_each_lies_in_its_utc_day(day, zone):
    found = list(spans(day, zone))

    assert found[0].from_ms == starts_ms(day, zone)
    assert found[-1].until_ms == ends_ms(day, zone) == starts_ms(day + timedelta(days=1), zone)
    assert [each.until_ms for each in found[:-1]] == [each.from_ms for each in found[1:]]
    for span in found:
        assert day_at(span.from_ms, UTC) == span.utc_day == day_at(span.until_ms - 1, UTC)


@given(DAYS, ZONES, st.floats(0, 1, exclude_max=True))
def test_a_moment_belongs_to_the_day_whose_spans_have_it(day, zone, share):
    first, end = starts_ms(day, zone), ends_ms(day, zone)

    assert day_at(first + int(share * (end - first)), zone) == day


def test_the_last_day_that_is_over_is_the_one_before_now():
    night = starts_ms(date(2026, 11, 21), UTC) + 15 * 60_000

    assert last_day_over(night, UTC) == date(2026, 11, 20)
    assert last_day_over(night, NEW_YORK) == date(2026, 11, 19)  # the 20th is not over there
    assert last_day_over(night, AUCKLAND) == date(2026, 11, 20)


@pytest.mark.parametrize("name", ["Europe/Atlantis", "", "../etc/passwd", "Europe"])
def test_a_zone_that_is_none_is_refused_by_its_name(name):
    with pytest.raises(ValueError, match="is no time zone"):
        zone_named(name)
