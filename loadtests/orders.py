"""What became of the orders that a run placed: a load test that sells must say whether anything was lost.

After the run every accepted order is asked for until it is final or time is up. Times are the shop's
own, from the order's history: no clock of the generator's machine is compared with them.
"""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import Any

import httpx

from loadtests.histogram import LatencyHistogram
from offerloop.orders.model import IN_PROGRESS, OrderStatus

FINAL_WITHIN_S = (
    180.0  # a payment service that gives no answer takes an order up to four minutes (docs/orders.md)
)
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 5.0  # between two rounds of questions, doubled each time
AT_ONCE = 4  # questions at one time
TIMEOUT_S = 30.0


class NoOrder(Enum):
    """Why there is nothing to be said about an order."""

    UNKNOWN = "unknown"  # the shop says that there is none
    NO_ANSWER = "no answer"


Details = Mapping[str, Any]  # of `GET /orders/{order_id}`
Ask = Callable[[str], Details | NoOrder]


@dataclass(frozen=True)
class OrdersOutcome:
    """What became of all orders of a run.

    Attributes:
        accepted: orders that were answered 201.
        ended: by final status.
        reasons: of FAILED orders, without the ids and figures in them.
        lost: ids of accepted orders that the shop does not know.
        unfinished: ids of orders that were not final when time was up.
        until_final: from when an order was placed to its final status.
        completed_per_s: COMPLETED orders, from the first placed to the last completed; 0 for none.
    """

    accepted: int = 0
    ended: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    lost: tuple[str, ...] = ()
    unfinished: tuple[str, ...] = ()
    until_final: LatencyHistogram = field(default_factory=LatencyHistogram)
    completed_per_s: float = 0.0

    def share(self, count: int) -> float:
        """A count as a share of the accepted orders, 0..1; 0 for no orders."""
        return count / self.accepted if self.accepted else 0.0

    @property
    def until_final_ms(self) -> tuple[float, float] | None:
        """p50 and p95; None where no order is final."""
        if not self.until_final.count:
            return None
        return self.until_final.percentile_ms(50), self.until_final.percentile_ms(95)

    def lines(self) -> Iterator[str]:
        """The outcome in words."""
        ended = ", ".join(f"{count} {status}" for status, count in self.ended.most_common())
        yield (
            f"{self.accepted} accepted: {ended or 'none final'}, {len(self.unfinished)} still in progress, "
            f"{len(self.lost)} lost"
        )
        for reason, count in self.reasons.most_common():
            yield f"{count} FAILED: {reason}"
        if self.until_final_ms is not None:
            p50, p95 = self.until_final_ms
            yield f"from placed to final: p50 {p50:,.0f} ms, p95 {p95:,.0f} ms"
            yield f"{self.completed_per_s:.1f} completed a second"

    def to_json(self) -> dict[str, Any]:
        p50_ms, p95_ms = self.until_final_ms or (None, None)
        return {
            "accepted": self.accepted,
            "ended": self.ended,
            "failed_because": self.reasons,
            "unfinished": self.unfinished,
            "lost": self.lost,
            "until_final_p50_ms": p50_ms,
            "until_final_p95_ms": p95_ms,
            "completed_per_s": round(self.completed_per_s, 2),
            "lines": list(self.lines()),
        }


def follow(
    order_ids: Collection[str],
    ask: Ask,
    *,
    within_s: float = FINAL_WITHIN_S,
    now_s: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], object] = time.sleep,
) -> OrdersOutcome:
    """Ask for every order until it is final, at least once and at most *within_s* seconds.

    The shop reads an order consistently: one that it does not know is lost, and not asked for again.
    """
    answers: dict[str, Details | NoOrder] = dict.fromkeys(order_ids, NoOrder.NO_ANSWER)
    ends, pause_s = now_s() + within_s, FIRST_PAUSE_S
    with ThreadPoolExecutor(AT_ONCE) as asking:
        while open_ids := [order_id for order_id, answer in answers.items() if _is_open(answer)]:
            answers |= zip(open_ids, asking.map(ask, open_ids), strict=True)
            if now_s() + pause_s > ends or not any(map(_is_open, answers.values())):
                break
            sleep(pause_s)
            pause_s = min(LONGEST_PAUSE_S, 2 * pause_s)
    return outcome_of(answers)


def outcome_of(answers: Mapping[str, Details | NoOrder]) -> OrdersOutcome:
    """Sum up the last answer about each order."""
    final = [answer for answer in answers.values() if isinstance(answer, Mapping) and not _is_open(answer)]
    until_final = LatencyHistogram()
    for order in final:
        until_final.add((_ended_at(order) - _moment(order["placedAt"])).total_seconds())
    return OrdersOutcome(
        accepted=len(answers),
        ended=Counter(order["status"] for order in final),
        reasons=Counter(kind_of(order["reason"] or "") for order in final if _is(order, OrderStatus.FAILED)),
        lost=tuple(order_id for order_id, answer in answers.items() if answer is NoOrder.UNKNOWN),
        unfinished=tuple(order_id for order_id, answer in answers.items() if _is_open(answer)),
        until_final=until_final,
        completed_per_s=_per_second([order for order in final if _is(order, OrderStatus.COMPLETED)]),
    )


def kind_of(reason: str) -> str:
    """A reason without what differs from order to order: words with a digit in them."""
    return re.sub(r"\S*\d\S*", "…", reason)


@contextmanager
def asked_over_http(
    api_url: str, api_key: str | None, transport: httpx.BaseTransport | None = None
) -> Iterator[Ask]:
    """Ask the deployed shop; what is turned away or gets no answer is asked again in the next round.

    Args:
        transport: how bytes travel; None = over the network.
    """
    headers = {"X-API-Key": api_key} if api_key else {}
    # A proxy of the environment must not see requests to this machine.
    with httpx.Client(headers=headers, timeout=TIMEOUT_S, transport=transport, trust_env=False) as client:

        def ask(order_id: str) -> Details | NoOrder:
            try:
                answer = client.get(f"{api_url}/orders/{order_id}")
                if answer.status_code == 404:
                    return NoOrder.UNKNOWN
                details: Details = answer.raise_for_status().json()
            except (httpx.HTTPError, ValueError):
                return NoOrder.NO_ANSWER
            return details

        yield ask


def _is_open(answer: Details | NoOrder) -> bool:
    """Whether there is more to hear of an order."""
    if isinstance(answer, NoOrder):
        return answer is NoOrder.NO_ANSWER
    return OrderStatus(answer["status"]) in IN_PROGRESS


def _is(order: Details, status: OrderStatus) -> bool:
    return OrderStatus(order["status"]) is status


def _ended_at(order: Details) -> datetime:
    return _moment(order["history"][-1]["at"])


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _per_second(completed: Iterable[Details]) -> float:
    orders = list(completed)
    if not orders:
        return 0.0
    first = min(_moment(order["placedAt"]) for order in orders)
    last = max(map(_ended_at, orders))
    return len(orders) / max(1e-3, (last - first).total_seconds())
