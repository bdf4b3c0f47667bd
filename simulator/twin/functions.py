"""Lambda's execution environments: how long a call takes, and which calls find none."""

from collections import defaultdict
from heapq import heappop, heappush

from simulator.scenario.model import Functions


class Environments:
    """All environments of one account; one runs one call at a time.

    The environment that was free last is used first, so that the others grow old and are given up. A call
    costs O(log n) in the number of environments and keeps nothing when it has ended.
    """

    def __init__(self, section: Functions) -> None:
        self._concurrency = section.concurrency
        self._cold_s, self._warm_s = section.cold_start_ms / 1_000, section.warm_ms / 1_000
        self._idle_s = section.idle_minutes * 60
        self._busy: list[tuple[float, str]] = []  # heap: when it ends, function
        self._free: defaultdict[str, list[float]] = defaultdict(list)  # since when, ascending, by function

    def start(self, function: str, now_s: float) -> tuple[float, bool] | None:
        """Begin a call at *now_s*, >= that of the call before.

        Returns:
            Seconds until it ends and whether it starts cold; None = too many calls at one time.
        """
        while self._busy and self._busy[0][0] <= now_s:
            ended_s, ended = heappop(self._busy)
            self._free[ended].append(ended_s)
        if len(self._busy) >= self._concurrency:
            return None
        free = self._free[function]
        if free and free[-1] < now_s - self._idle_s:
            free.clear()  # the others have been idle for longer still
        cold = not free
        if free:
            free.pop()
        took_s = self._warm_s + (self._cold_s if cold else 0.0)
        heappush(self._busy, (now_s + took_s, function))
        return took_s, cold
