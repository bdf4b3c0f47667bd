"""Counts of what a client asked of the API, how it was answered and how long that took."""

import math
import threading
from array import array
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RequestCount:
    """Requests of one kind: answered ones (refusals included), retries of them, latencies in milliseconds."""

    kind: str
    requests: int
    latency_ms_p50: float
    latency_ms_p95: float


def percentile(sorted_values: Sequence[float], percent: float) -> float:
    """The nearest-rank percentile; 0 for no values."""
    if not sorted_values:
        return 0.0
    return float(sorted_values[max(0, math.ceil(len(sorted_values) * percent / 100) - 1)])


class RequestMeter:
    """Thread-safe; 4 bytes per request."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._latencies_ms: dict[str, array[float]] = {}
        self._refusals: Counter[str] = Counter()
        self._retries = 0

    def answered(self, kind: str, latency_ms: float, refusal: str | None) -> None:
        """Count one request with its final answer.

        Args:
            kind: ``RECOMMEND`` or an event type.
            latency_ms: from first sending to the final answer, waits between attempts included.
            refusal: the refusal's code, or None.
        """
        with self._lock:
            self._latencies_ms.setdefault(kind, array("f")).append(latency_ms)
            if refusal is not None:
                self._refusals[refusal] += 1

    def retried(self) -> None:
        with self._lock:
            self._retries += 1

    @property
    def requests(self) -> int:
        with self._lock:
            return sum(len(values) for values in self._latencies_ms.values())

    @property
    def retries(self) -> int:
        return self._retries

    @property
    def refusals(self) -> dict[str, int]:
        """Refusals by code, most frequent first."""
        with self._lock:
            return dict(self._refusals.most_common())

    def by_kind(self) -> list[RequestCount]:
        """One row per kind in order of first use, and a last one, ``all``, over everything."""
        with self._lock:
            copies = {kind: sorted(values) for kind, values in self._latencies_ms.items()}
        copies["all"] = sorted(value for values in copies.values() for value in values)
        return [
            RequestCount(kind, len(values), percentile(values, 50), percentile(values, 95))
            for kind, values in copies.items()
        ]
