"""How many points an order earns, from when they can be used, and when they end."""

from datetime import UTC, datetime, time, timedelta, tzinfo
from enum import StrEnum

from offerloop import money
from offerloop.bonuses.model import Account
from offerloop.record import record

GRACE_DAYS = 14  # points that are given back can be used for so long at least


class AccrualBase(StrEnum):
    """What a rate is of."""

    TOTAL = "TOTAL"  # what the order came to
    TOTAL_LESS_BONUS = "TOTAL_LESS_BONUS"  # that, less the points it was paid with


@record(frozen=True, slots=True)
class Tier:
    """A rate, in hundredths of a per cent, for accounts with so many points issued and not clawed back."""

    issued_from: int
    rate_hundredths: int


@record(frozen=True, slots=True)
class Campaign:
    """A time, its end excluded, in which orders are placed that earn more, or less: 200 = twice as much."""

    from_ms: int
    to_ms: int
    multiplier_hundredths: int


@record(frozen=True, slots=True)
class AccrualRules:
    """How orders earn.

    Attributes:
        rate_hundredths: of a per cent, 0..10,000; a tier that an account has reached takes its place.
        valid_days: whole days that a lot lasts, beyond the one on which it begins; None = for ever.
        return_days: whole days for which points are pending, beyond that of the order; 0 = none.
        tiers, campaigns: in any order. Of campaigns at one time the one that gives most counts.
        zone: in which days begin and end.
    """

    rate_hundredths: int = 1_000
    base: AccrualBase = AccrualBase.TOTAL
    valid_days: int | None = 365
    return_days: int = 0
    tiers: tuple[Tier, ...] = ()
    campaigns: tuple[Campaign, ...] = ()
    zone: tzinfo = UTC


@record(frozen=True, slots=True)
class Accrual:
    """What an order earns.

    Attributes:
        base: what it is computed on; rate: in hundredths of a per cent.
        points: the base times the rate, halves rounded up.
        due_at: epoch seconds until which they are pending; None = they can be used at once.
        ends_at: epoch seconds at which they end; None = never.
    """

    base: int
    rate: int
    points: int
    due_at: int | None
    ends_at: int | None


def earned(
    total: int, used: int, account: Account, rules: AccrualRules, *, ordered_at_ms: int, now_ms: int
) -> Accrual:
    """Compute what an order earns.

    Args:
        total: what it came to, >= 0; used: how much of that was paid with points, 0..total.
        account: of its customer, as it is now.
        ordered_at_ms: decides about campaigns; now_ms: from when the points count.
    """
    base = total if rules.base is AccrualBase.TOTAL else total - used
    rate = _rate(account, rules, ordered_at_ms)
    now = now_ms // 1_000
    due_at = end_of_day(now, rules.return_days, rules.zone) if rules.return_days else None
    ends_at = None
    if rules.valid_days is not None:
        ends_at = end_of_day(now, rules.return_days + rules.valid_days, rules.zone)
    return Accrual(base, rate, money.percentage_of(base, rate), due_at, ends_at)


def _rate(account: Account, rules: AccrualRules, at_ms: int) -> int:
    """The rate of the highest tier reached, times the best campaign, rounded to hundredths of a per cent."""
    issued = account.issued - account.clawed_back
    reached = [(tier.issued_from, tier.rate_hundredths) for tier in rules.tiers if tier.issued_from <= issued]
    rate = max(reached)[1] if reached else rules.rate_hundredths
    running = [each for each in rules.campaigns if each.from_ms <= at_ms < each.to_ms]
    multiplier = max((each.multiplier_hundredths for each in running), default=100)
    return (rate * multiplier + 50) // 100


def end_of_day(at: int, days: int, zone: tzinfo) -> int:
    """Give the epoch second at which the day ends that comes *days* after that of *at*.

    Whole days, so that all that an account earns on a day ends together and is one lot.
    """
    last = datetime.fromtimestamp(at, zone).date() + timedelta(days=days)
    return int(datetime.combine(last + timedelta(days=1), time(), zone).timestamp())
