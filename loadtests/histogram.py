"""Latencies in buckets, so that what several processes measured adds up to exact counts and true percentiles.

Percentiles cannot be averaged; histograms over the same buckets can be added. Buckets are those of an HDR
histogram: one per microsecond below 128, from there on 64 for each doubling, so a latency is known to 1.6 %.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping

SUB_BITS = 6  # 64 buckets for each doubling


def bucket_of(latency_us: int) -> int:
    """The bucket of a latency in whole microseconds, >= 0."""
    shift = max(0, latency_us.bit_length() - SUB_BITS - 1)
    return (shift << SUB_BITS) + (latency_us >> shift)


def highest_of(bucket: int) -> int:
    """The highest latency, in microseconds, that falls into a bucket."""
    shift = max(0, (bucket >> SUB_BITS) - 1)
    mantissa = bucket - (shift << SUB_BITS)
    return ((mantissa + 1) << shift) - 1


class LatencyHistogram:
    """Counts of latencies by bucket; equal when the counts are."""

    def __init__(self, counts: Mapping[int, int] | None = None) -> None:
        self._counts: Counter[int] = Counter(counts or {})

    def __eq__(self, other: object) -> bool:
        return isinstance(other, LatencyHistogram) and self._counts == other._counts

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"LatencyHistogram({dict(sorted(self._counts.items()))})"

    def add(self, latency_s: float) -> None:
        """Count one latency; below 0 (a clock that jitters) counts as 0."""
        self._counts[bucket_of(max(0, round(latency_s * 1e6)))] += 1

    def merge(self, other: LatencyHistogram) -> None:
        """Add all that *other* counted."""
        self._counts.update(other._counts)

    @property
    def count(self) -> int:
        return self._counts.total()

    def percentile_ms(self, percent: float) -> float:
        """The nearest-rank percentile in milliseconds: the highest value of its bucket; 0 for no latencies.

        Args:
            percent: 0 < percent <= 100.
        """
        rank = max(1, math.ceil(self.count * percent / 100))
        for bucket in sorted(self._counts):
            rank -= self._counts[bucket]
            if rank <= 0:
                return highest_of(bucket) / 1000
        return 0.0

    def to_json(self) -> dict[str, int]:
        """The counts as a JSON object."""
        return {str(bucket): count for bucket, count in sorted(self._counts.items())}

    @classmethod
    def from_json(cls, counts: Mapping[str, int]) -> LatencyHistogram:
        """The histogram that `to_json` wrote."""
        return cls({int(bucket): count for bucket, count in counts.items()})
