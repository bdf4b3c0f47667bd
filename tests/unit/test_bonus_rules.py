"""How many points an order earns, and when they end."""

from dataclasses import replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from offerloop.bonuses.model import Account
from offerloop.bonuses.rules import Accrual, AccrualBase, AccrualRules, Campaign, Tier, earned, end_of_day
from tests.factories import NOON_MS

DEFAULT = AccrualRules()
ANN = Account("ann")


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp())


def accrual(total: int, used: int = 0, rules: AccrualRules = DEFAULT, account: Account = ANN) -> Accrual:
    return earned(total, used, account, rules, ordered_at_ms=NOON_MS, now_ms=NOON_MS)


def test_a_thousand_earns_a_hundred():
    assert accrual(100_000, used=5_000).points == 10_000


def test_the_base_can_leave_out_what_was_paid_with_points():
    rules = AccrualRules(base=AccrualBase.TOTAL_LESS_BONUS)

    assert (accrual(100_000, 5_000, rules).base, accrual(100_000, 5_000, rules).points) == (95_000, 9_500)


@pytest.mark.parametrize(("total", "points"), [(0, 0), (4, 0), (5, 1), (14, 1), (15, 2), (24, 2), (25, 3)])
def test_halves_are_rounded_up(total, points):
    assert accrual(total).points == points


@pytest.mark.parametrize(
    ("issued", "clawed_back", "rate"),
    [(0, 0, 1_000), (999, 0, 1_000), (1_000, 0, 1_500), (1_000, 1, 1_000), (9_999, 0, 2_000)],
)
def test_a_tier_takes_the_place_of_the_rate_once_it_is_reached(issued, clawed_back, rate):
    rules = AccrualRules(tiers=(Tier(5_000, 2_000), Tier(1_000, 1_500)))

    found = accrual(100, rules=rules, account=replace(ANN, issued=issued, clawed_back=clawed_back))

    assert found.rate == rate


@pytest.mark.parametrize(
    ("starts", "ends", "rate"), [(0, 1, 2_000), (1, 2, 1_000), (-1, 0, 1_000), (-5, 5, 2_000)]
)
def test_a_campaign_counts_for_orders_placed_in_its_time(starts, ends, rate):
    rules = AccrualRules(campaigns=(Campaign(NOON_MS + starts, NOON_MS + ends, 200),))

    assert accrual(100, rules=rules).rate == rate


def test_of_two_campaigns_the_better_counts():
    rules = AccrualRules(campaigns=(Campaign(0, 2**42, 150), Campaign(0, 2**42, 300), Campaign(0, 2**42, 50)))

    assert accrual(100, rules=rules).points == 30


def test_points_end_with_their_day_so_that_those_of_one_day_end_together():
    morning = earned(100, 0, ANN, DEFAULT, ordered_at_ms=0, now_ms=at("2027-01-15T00:00:00+00:00") * 1_000)
    evening = earned(100, 0, ANN, DEFAULT, ordered_at_ms=0, now_ms=at("2027-01-15T23:59:59+00:00") * 1_000)

    assert morning.ends_at == evening.ends_at == at("2028-01-16T00:00:00+00:00")
    assert morning.due_at is None


def test_points_may_last_for_ever():
    assert accrual(100, rules=AccrualRules(valid_days=None)).ends_at is None


def test_points_of_an_order_that_can_be_returned_last_from_the_end_of_its_return_window():
    found = accrual(100, rules=AccrualRules(return_days=14, valid_days=30))

    assert found.due_at == at("2027-01-30T00:00:00+00:00")
    assert found.ends_at == at("2027-03-01T00:00:00+00:00")


@pytest.mark.parametrize(
    ("zone", "now", "days", "end"),
    [
        (UTC, "2027-01-15T12:00:00+00:00", 0, "2027-01-16T00:00:00+00:00"),
        (ZoneInfo("Europe/Kyiv"), "2027-01-15T22:30:00+00:00", 0, "2027-01-16T22:00:00+00:00"),
        (ZoneInfo("Europe/Kyiv"), "2027-03-27T12:00:00+00:00", 1, "2027-03-28T21:00:00+00:00"),  # 23 hours
        (
            ZoneInfo("America/Santiago"),
            "2027-09-04T12:00:00+00:00",
            0,
            "2027-09-05T04:00:00+00:00",
        ),  # no midnight
    ],
)
def test_days_end_where_the_business_is(zone, now, days, end):
    assert end_of_day(at(now), days, zone) == at(end)
