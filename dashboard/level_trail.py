"""How levels of pools went, as a dashboard saw them: the cheapest source of a burn rate.

A claim leaves nothing behind that is in order of time, and no table is scanned for a page. How many codes a
pool has ever given out is counted, though, and read anyway; how much that grew between two looks is claims.
"""

from collections.abc import Mapping, Sequence

from dashboard.reward_data import HOUR_MS, Sample
from offerloop.codes.model import Level

KEPT_EVERY_MS = 15_000


class LevelTrail:
    """Samples of about the last hour, one each quarter of a minute at most; safe to share between visitors.

    Where nobody looked for longer, the last sample before is kept to count from.
    """

    def __init__(self) -> None:
        self._kept: Mapping[str, Sequence[Sample]] = {}

    def note(self, at_ms: int, levels: Mapping[str, Level]) -> Mapping[str, Sequence[Sample]]:
        """Add levels that were read just now; gives the samples of each of these pools, oldest first.

        The last sample is the one that is added.
        """
        now = {pool_id: Sample(at_ms, level.free, level.given) for pool_id, level in levels.items()}
        known = {pool_id: _before(sample, self._kept.get(pool_id, ())) for pool_id, sample in now.items()}
        self._kept = {
            pool_id: earlier if _is_close(earlier, at_ms) else (*earlier, now[pool_id])
            for pool_id, earlier in known.items()
        }
        return {pool_id: (*earlier, now[pool_id]) for pool_id, earlier in known.items()}


def _before(sample: Sample, kept: Sequence[Sample]) -> Sequence[Sample]:
    """The samples that this one can be compared with."""
    earlier = [each for each in kept if each.at_ms < sample.at_ms]
    if earlier and earlier[-1].given > sample.given:
        return ()  # what was given out never falls: the tables were made anew
    within = [each for each in earlier if each.at_ms > sample.at_ms - HOUR_MS]
    return (*earlier[: len(earlier) - len(within)][-1:], *within)


def _is_close(earlier: Sequence[Sample], at_ms: int) -> bool:
    return bool(earlier) and at_ms - earlier[-1].at_ms < KEPT_EVERY_MS
