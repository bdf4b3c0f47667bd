"""The rules by which orders earn points, read from one setting; what is wrong in it fails at cold start."""

from datetime import datetime, tzinfo
from decimal import Decimal
from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from offerloop import money
from offerloop.bonuses.rules import AccrualBase, AccrualRules, Campaign, Tier
from offerloop.rewards.days import zone_named

MOST_HUNDREDTHS = 10_000  # a point for every unit paid; more is a slip of the pen
Percent = Annotated[Decimal, Field(ge=0, le=100, decimal_places=2)]
Days = Annotated[int, Field(ge=0, le=36_500)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class TierPart(_Part):
    fromPoints: Annotated[Decimal, Field(ge=0, decimal_places=2)]
    ratePercent: Percent


class CampaignPart(_Part):
    start: Annotated[AwareDatetime, Field(alias="from")]
    end: Annotated[AwareDatetime, Field(alias="to")]
    multiplier: Annotated[Decimal, Field(ge=0, le=100, decimal_places=2)]


class RulesPart(_Part):
    """The setting `BONUS_RULES`; what is left out is as `AccrualRules` has it."""

    ratePercent: Percent = Decimal(10)
    base: AccrualBase = AccrualBase.TOTAL
    validDays: Annotated[int, Field(ge=1, le=36_500)] | None = 365
    returnDays: Days = 0
    tiers: tuple[TierPart, ...] = ()
    campaigns: tuple[CampaignPart, ...] = ()


def rules_from(text: str, zone_name: str) -> AccrualRules:
    """Read the rules.

    Args:
        text: a `RulesPart` as JSON; empty = the defaults.
        zone_name: IANA name of the time zone in which days begin and end.
    Raises:
        ValueError: names the field that is wrong.
    """
    zone = _zone(zone_name)
    try:
        part = RulesPart.model_validate_json(text or "{}")
    except ValidationError as error:
        found = error.errors(include_url=False, include_context=False)
        wrong = [f"{'.'.join(map(str, each['loc'])) or 'the whole'}: {each['msg']}" for each in found]
        raise ValueError(f"BONUS_RULES: {'; '.join(wrong)}") from None
    rules = AccrualRules(
        rate_hundredths=money.to_minor(part.ratePercent),
        base=part.base,
        valid_days=part.validDays,
        return_days=part.returnDays,
        tiers=tuple(
            Tier(money.to_minor(each.fromPoints), money.to_minor(each.ratePercent)) for each in part.tiers
        ),
        campaigns=tuple(
            Campaign(_ms(each.start), _ms(each.end), money.to_minor(each.multiplier))
            for each in part.campaigns
        ),
        zone=zone,
    )
    _check(rules)
    return rules


def _check(rules: AccrualRules) -> None:
    """Raises:
    ValueError: a campaign ends before it begins, or makes an order earn more than it came to.
    """
    highest = max([rules.rate_hundredths, *(tier.rate_hundredths for tier in rules.tiers)])
    for at, campaign in enumerate(rules.campaigns):
        if campaign.from_ms >= campaign.to_ms:
            raise ValueError(f"BONUS_RULES: campaigns.{at}.to: must be after its beginning")
        if highest * campaign.multiplier_hundredths > MOST_HUNDREDTHS * 100:
            raise ValueError(f"BONUS_RULES: campaigns.{at}.multiplier: makes a rate of more than 100 %")


def _zone(name: str) -> tzinfo:
    try:
        return zone_named(name)
    except ValueError as error:
        raise ValueError(f"BUSINESS_TIME_ZONE: {error}") from None


def _ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1_000)
