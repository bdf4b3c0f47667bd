"""Trending in Redis: one sorted set whose order never changes by time alone.

Forward decay: points count more the later they are gained, by 2 to the power of the half-lives since a
landmark; dividing by the same power of *now* gives today's score. The landmark moves on long before the
powers overflow.
"""

import logging
from collections.abc import Sequence
from typing import Any

from redis.exceptions import RedisError

from handlers.aws.engagement_store import EngagementLedger
from offerloop.offers.experiments import Tally
from offerloop.offers.model import EngagementEvent, TrendingCategory
from offerloop.offers.relevance import decayed
from offerloop.offers.trending import FORGET_BELOW, TRENDING_HALF_LIFE_S, TRENDING_POINTS, strongest

logger = logging.getLogger(__name__)

# After an hour, twelve half-lives, a repeated event would not add FORGET_BELOW any more.
REMEMBERED_FOR_S = 12 * TRENDING_HALF_LIFE_S
MAX_READ = 256

# KEYS: scores, landmark, one key per event. ARGV: now, half-life (ms), seconds to remember an event,
# points to forget; then points and category of each event, faded to now.
_ADD = """
local now, half_life = tonumber(ARGV[1]), tonumber(ARGV[2])
local landmark = tonumber(redis.call('GET', KEYS[2]))
if not landmark then
  landmark = now
  redis.call('SET', KEYS[2], ARGV[1])
elseif (now - landmark) / half_life > 256 then
  local factor = 2 ^ ((landmark - now) / half_life)
  local all = redis.call('ZRANGE', KEYS[1], 0, -1, 'WITHSCORES')
  for i = 1, #all, 2 do
    local points = tonumber(all[i + 1]) * factor
    if points < tonumber(ARGV[4]) then
      redis.call('ZREM', KEYS[1], all[i])
    else
      redis.call('ZADD', KEYS[1], string.format('%.17g', points), all[i])
    end
  end
  landmark = now
  redis.call('SET', KEYS[2], ARGV[1])
end
local scale = 2 ^ ((now - landmark) / half_life)
local added = 0
for i = 3, #KEYS do
  if redis.call('SET', KEYS[i], 1, 'NX', 'EX', ARGV[3]) then
    local points, category = tonumber(ARGV[2 * i - 1]), ARGV[2 * i]
    redis.call('ZINCRBY', KEYS[1], string.format('%.17g', points * scale), category)
    added = added + 1
  end
end
return added
"""


class RedisEngagementStore:
    """`EngagementStore` with trending in Redis, marks and tallies in DynamoDB.

    Points are added before the event is marked: a batch that fails in between is delivered again, and
    Redis still knows which events it has added.

    Args:
        redis: a `redis.Redis` client.
        namespace: begins every key; the braces keep the keys on one node of a cluster.
    """

    def __init__(self, redis: Any, ledger: EngagementLedger, namespace: str = "offerloop") -> None:
        self._redis = redis
        self._ledger = ledger
        self._add = redis.register_script(_ADD)
        self._namespace = f"{{{namespace}}}:trending"
        self._scores = f"{self._namespace}:scores"
        self._landmark = f"{self._namespace}:landmark"

    def count(self, events: Sequence[EngagementEvent], now: int) -> int:
        self._add_points(events, now * 1_000)
        return self._ledger.count(events, now)

    def tallies(self, experiment_id: str) -> dict[str, Tally]:
        return self._ledger.tallies(experiment_id)

    def trending(self, now: int, limit: int) -> tuple[TrendingCategory, ...]:
        """As the port; nothing is trending while Redis cannot be reached, which must not stop serving."""
        try:
            with self._redis.pipeline(transaction=True) as pipeline:
                pipeline.get(self._landmark)
                pipeline.zrevrange(self._scores, 0, MAX_READ - 1, withscores=True)
                landmark, rows = pipeline.execute()
        except RedisError as error:
            logger.warning("Trending cannot be read: %s", error)
            return ()
        if landmark is None:
            return ()
        half_lives = (now * 1_000 - int(landmark)) / (TRENDING_HALF_LIFE_S * 1_000)
        return strongest({_text(name): float(score) * 2.0**-half_lives for name, score in rows}, limit)

    def _add_points(self, events: Sequence[EngagementEvent], now_ms: int) -> None:
        keys, arguments = [self._scores, self._landmark], []
        for event in events:
            elapsed_s = (now_ms - event.occurred_at_ms) / 1_000
            gained = decayed(TRENDING_POINTS[event.event_type], elapsed_s, TRENDING_HALF_LIFE_S)
            if gained >= FORGET_BELOW:
                keys.append(f"{self._namespace}:counted:{event.event_id}")
                arguments += [repr(gained), event.category]
        if arguments:
            head = [now_ms, TRENDING_HALF_LIFE_S * 1_000, REMEMBERED_FOR_S, FORGET_BELOW]
            self._add(keys=keys, args=[*head, *arguments])


def _text(name: str | bytes) -> str:
    return name.decode() if isinstance(name, bytes) else name
