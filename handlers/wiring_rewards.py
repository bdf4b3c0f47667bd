"""The composition root of bonus points and reward figures, beside wiring.py."""

from __future__ import annotations

from datetime import tzinfo
from functools import cache
from typing import TYPE_CHECKING

from handlers import wiring

if TYPE_CHECKING:
    from offerloop.bonuses.ports import BonusLedger
    from offerloop.bonuses.rules import AccrualRules
    from offerloop.rewards.aggregate_rewards import Analytics
    from offerloop.rewards.ports import RunningTotals


@cache
def bonus_ledger() -> BonusLedger:
    from handlers.aws.bonus_ledger import DynamoBonusLedger

    return DynamoBonusLedger(wiring.client("dynamodb"), wiring.tables())


@cache
def accrual_rules() -> AccrualRules:
    from handlers.bonus_rules import rules_from

    return rules_from(wiring.settings().bonus_rules, wiring.settings().business_time_zone)


@cache
def reward_analytics() -> Analytics:
    from handlers.aws.reward_entries import DynamoRewardEntries
    from handlers.aws.reward_files import S3RewardFiles
    from handlers.aws.reward_metrics import CloudWatchRewardMetrics
    from offerloop.rewards.aggregate_rewards import Analytics

    found = wiring.settings()
    return Analytics(
        entries=DynamoRewardEntries(wiring.client("dynamodb"), wiring.tables()),
        files=S3RewardFiles(wiring.client("s3"), found.analytics_bucket),
        metrics=CloudWatchRewardMetrics(wiring.client("cloudwatch"), found.reward_metrics_namespace),
        clock=wiring.clock(),
        zone=business_zone(),
    )


@cache
def business_zone() -> tzinfo:
    from offerloop.rewards.days import zone_named

    return zone_named(wiring.settings().business_time_zone)


@cache
def running_totals() -> RunningTotals:
    from handlers.aws.reward_totals import DynamoRunningTotals

    return DynamoRunningTotals(wiring.client("dynamodb"), wiring.tables())
