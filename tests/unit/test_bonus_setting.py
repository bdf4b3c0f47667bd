"""The setting with the rules of accrual: what it says holds, and what is wrong in it is named."""

import json
import re
from datetime import UTC
from zoneinfo import ZoneInfo

import pytest

from handlers.bonus_rules import rules_from
from harness.system import REPOSITORY
from offerloop.bonuses.rules import AccrualBase, AccrualRules, Campaign, Tier
from tests.factories import NOON_MS


def test_nothing_said_is_ten_per_cent_for_a_year():
    assert rules_from("", "UTC") == rules_from("{}", "UTC") == AccrualRules(zone=UTC)


def test_everything_can_be_said():
    text = json.dumps(
        {
            "ratePercent": 7.25,
            "base": "TOTAL_LESS_BONUS",
            "validDays": None,
            "returnDays": 14,
            "tiers": [{"fromPoints": 500, "ratePercent": 12.5}],
            "campaigns": [
                {"from": "2027-01-15T08:00:00Z", "to": "2027-01-15T10:00:01+02:00", "multiplier": 1.5}
            ],
        }
    )

    assert rules_from(text, "Europe/Kyiv") == AccrualRules(
        rate_hundredths=725,
        base=AccrualBase.TOTAL_LESS_BONUS,
        valid_days=None,
        return_days=14,
        tiers=(Tier(50_000, 1_250),),
        campaigns=(Campaign(NOON_MS, NOON_MS + 1_000, 150),),
        zone=ZoneInfo("Europe/Kyiv"),
    )


def a_campaign(start: str, end: str, multiplier: float) -> str:
    return json.dumps({"campaigns": [{"from": start, "to": end, "multiplier": multiplier}]})


FIRST, SECOND = "2027-01-15T00:00:00Z", "2027-01-16T00:00:00Z"


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("{", "the whole"),
        ('{"rate": 10}', "rate:"),
        ('{"ratePercent": 100.01}', "ratePercent"),
        ('{"ratePercent": 1.001}', "ratePercent"),
        ('{"base": "HALF"}', "base"),
        ('{"validDays": 0}', "validDays"),
        ('{"returnDays": -1}', "returnDays"),
        ('{"tiers": [{"fromPoints": 1}]}', "tiers.0.ratePercent"),
        (a_campaign("2027-01-15T00:00:00", SECOND, 2), "campaigns.0.from"),
        (a_campaign(SECOND, SECOND, 2), "campaigns.0.to"),
        (a_campaign(FIRST, SECOND, 10.01), "campaigns.0.multiplier"),
    ],
)
def test_what_is_wrong_is_named(text, named):
    with pytest.raises(ValueError, match=f"BONUS_RULES: {named}"):
        rules_from(text, "UTC")


@pytest.mark.parametrize("name", ["", "Mars/Olympus", "../etc/passwd", "/etc/localtime"])
def test_a_time_zone_that_is_none_is_named(name):
    with pytest.raises(ValueError, match=r"BUSINESS_TIME_ZONE: .* is no time zone"):
        rules_from("", name)


def test_the_rules_in_the_documentation_can_be_read():
    [example] = re.findall(r"```json\n(.*?)```", (REPOSITORY / "docs" / "bonuses.md").read_text(), re.DOTALL)

    rules = rules_from(example, "Europe/Kyiv")

    assert (rules.tiers, len(rules.campaigns)) == ((Tier(50_000, 1_250),), 1)
    assert AccrualRules(tiers=rules.tiers, campaigns=rules.campaigns, zone=rules.zone) == rules
