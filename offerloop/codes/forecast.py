"""When a pool will be empty, from how many codes it gave out lately.

The pace is a plain rate: claims over the last hour, or, where a supplier takes longer, over as long as that,
a day at most. Whoever wonders at a forecast can count it again; an average that fades would need a half-life
that nobody can read off a pool. And over a window as long as the lead time the rule to refill early says just
what matters: what is free would not have lasted for the last so long.
"""

from collections.abc import Sequence

from offerloop.codes.model import Level, Pool
from offerloop.record import record

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS
# Pools are looked at every minute, a second more or less.
KEPT_EVERY_MS = 45_000
SHOWN_FROM_MS = MINUTE_MS // 2  # a pace that was counted over less would jump with each claim
TRUSTED_FROM_MS = 10 * MINUTE_MS  # the least for which codes are bought


@record(frozen=True, slots=True)
class Sample:
    """A pool's level at a moment: codes that were free, and codes given out ever."""

    at_ms: int
    free: int
    given: int


@record(frozen=True, slots=True)
class Pace:
    """Claims that were counted over a time > 0."""

    claims: int
    span_ms: int

    @property
    def per_hour(self) -> float:
        return self.claims * HOUR_MS / self.span_ms


def sample_of(level: Level, at_ms: int) -> Sample:
    return Sample(at_ms, level.free, level.given)


def with_sample(trail: Sequence[Sample], now: Sample) -> Sequence[Sample]:
    """A trail that goes on to *now*: each minute of the last hour, each hour of the last day, and no more.

    Args:
        trail: oldest first.
    Returns:
        At most about 90 samples; *trail* itself where its last one is from just now.
    """
    if trail and now.at_ms - trail[-1].at_ms < KEPT_EVERY_MS:
        return trail
    hours: dict[int, Sample] = {}
    for sample in trail:
        age_ms = now.at_ms - sample.at_ms
        if HOUR_MS < age_ms <= DAY_MS + HOUR_MS:
            hours[sample.at_ms // HOUR_MS] = sample
    minutes = [sample for sample in trail if now.at_ms - sample.at_ms <= HOUR_MS]
    return (*hours.values(), *minutes, now)


def pace_of(pool: Pool, trail: Sequence[Sample], now: Sample) -> Pace | None:
    """How fast codes go: over the pool's window, or as much of it as there are samples of.

    Returns:
        None where that is too little to tell.
    """
    earlier = [sample for sample in trail if now.at_ms - sample.at_ms >= SHOWN_FROM_MS]
    if not earlier:
        return None
    since_ms = now.at_ms - window_ms(pool)
    first = min(earlier, key=lambda sample: abs(sample.at_ms - since_ms))
    return Pace(now.given - first.given, now.at_ms - first.at_ms)


def window_ms(pool: Pool) -> int:
    """What the pace of a pool is counted over."""
    return min(max(lead_ms(pool), HOUR_MS), DAY_MS)


def lead_ms(pool: Pool) -> int:
    return 0 if pool.lead_minutes is None else pool.lead_minutes * MINUTE_MS


def empty_in_ms(free: int, pace: Pace | None) -> int | None:
    """When the last code goes if claims go on like this and nobody refills; None = it cannot be told."""
    if not free:
        return 0
    return None if pace is None or not pace.claims else free * pace.span_ms // pace.claims


def runs_out_early(pool: Pool, trail: Sequence[Sample], now: Sample) -> bool:
    """Whether a pool that has a lead time will be empty before codes that are asked for now would come."""
    pace = pace_of(pool, trail, now)
    if pool.lead_minutes is None or pace is None or not pace.claims or pace.span_ms < TRUSTED_FROM_MS:
        return False
    # A young trail is not drawn out: what went in its few minutes may be all that goes in the whole window.
    left_ms = now.free * max(pace.span_ms, window_ms(pool)) // pace.claims
    return left_ms <= lead_ms(pool)
