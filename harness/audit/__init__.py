"""The audit: conservation laws checked on everything that a running system has stored."""

import math
import time
from collections.abc import Callable, Iterator, Sequence, Sized
from dataclasses import dataclass, replace

from handlers.aws.attributes import s
from handlers.aws.keys import COUNTER_KEY, OUTBOX_PREFIX, OUTBOX_SHARDS, TREND_KEY, Key
from handlers.aws.table_access import Tables
from harness.audit.stored import take_snapshot
from harness.system import RunningSystem
from simulator.findings import InvariantResult
from simulator.invariants import check_invariants
from simulator.snapshot import Snapshot

LOOKS = 3  # a breach is one that each of so many snapshots shows
SETTLED_WITHIN_S = 45.0  # how long a second look waits for a backlog to be worked off
POLL_S = 0.25
QUIET_FOR_S = 3.0


@dataclass(frozen=True)
class AuditReport:
    """What an audit found.

    Attributes:
        results: one per invariant.
        rows: rows looked at in the last snapshot; looks: how many snapshots it took; took_s: seconds in all.
    """

    results: tuple[InvariantResult, ...]
    rows: int
    looks: int
    took_s: float

    @property
    def clean(self) -> bool:
        """Whether every invariant holds."""
        return all(result.holds for result in self.results)

    def lines(self) -> Iterator[str]:
        """One line per invariant, breaches in words, and a summary."""
        width = max(len(result.name) for result in self.results)
        for result in self.results:
            verdict = "holds " if result.holds else "BREACH"
            detail = f"  {result.detail}" if result.detail else ""
            yield f"{verdict}  {result.name:<{width}}  {result.checked:>9,} checked{detail}"
        broken = sum(not result.holds for result in self.results)
        summary = (
            f"{broken} of {len(self.results)} laws broken" if broken else f"all {len(self.results)} laws hold"
        )
        yield f"{summary}: {self.rows:,} rows, {self.took_s:.1f} s"


def audit(
    system: RunningSystem,
    *,
    snapshot_of: Callable[[RunningSystem], Snapshot] | None = None,
    settle: Callable[[RunningSystem], object] | None = None,
) -> AuditReport:
    """Check every invariant on the running system, with traffic or without.

    A snapshot of a system at work catches changes half way. What looks broken is therefore looked at
    again, and counts only when every look shows the same fault of the same subject.

    Args:
        snapshot_of, settle: what takes a snapshot, and what waits before the next look.
    """
    snapshot_of, settle = snapshot_of or take_snapshot, settle or wait_until_settled
    started = time.monotonic()
    looks = 1
    snapshot = snapshot_of(system)
    results = check_invariants(snapshot)
    while looks < LOOKS and not all(result.holds for result in results):
        settle(system)
        snapshot = snapshot_of(system)
        results = _in_both(results, check_invariants(snapshot))
        looks += 1
    return AuditReport(tuple(results), _rows(snapshot), looks, time.monotonic() - started)


def _in_both(before: Sequence[InvariantResult], after: Sequence[InvariantResult]) -> list[InvariantResult]:
    """The later results with those breaches only that were there before."""
    results = []
    for old, new in zip(before, after, strict=True):
        seen = set(old.breaches)
        results.append(replace(new, breaches=tuple(breach for breach in new.breaches if breach in seen)))
    return results


def _rows(snapshot: Snapshot) -> int:
    parts: tuple[Sized, ...] = (
        snapshot.offers,
        snapshot.states,
        snapshot.places,
        snapshot.pivots,
        snapshot.events,
        snapshot.redeemed,
        snapshot.tallies,
        snapshot.outbox,
        snapshot.products,
        snapshot.orders,
        snapshot.codes,
        snapshot.free_codes,
        snapshot.accounts,
        snapshot.order_rewards,
        *snapshot.entries.values(),
        *snapshot.boards.values(),
        *snapshot.transitions.values(),
    )
    return sum(len(part) for part in parts)


def wait_until_settled(system: RunningSystem, timeout_s: float = SETTLED_WITHIN_S) -> bool:
    """Wait until nothing is on its way: outboxes and queues empty, consumers quiet for QUIET_FOR_S.

    Args:
        timeout_s: for which a backlog may stay as long as it is; one that shrinks is waited for.
    Returns:
        False when traffic or a backlog kept the system busy for *timeout_s*; an audit is still right then,
        only slower.
    """
    deadline = time.monotonic() + timeout_s
    progress: object = None
    least = math.inf
    quiet_since = time.monotonic()
    while time.monotonic() < deadline:
        waiting = messages_waiting(system)
        if 0 < waiting < least:
            least, deadline = waiting, time.monotonic() + timeout_s
        now = _progress(system) if not waiting else None
        if now is None or now != progress:
            progress, quiet_since = now, time.monotonic()
        elif time.monotonic() - quiet_since >= QUIET_FOR_S:
            return True
        time.sleep(POLL_S)
    return False


def messages_waiting(system: RunningSystem) -> int:
    """How many messages of orders are in their queues or being handled, as far as SQS knows."""
    names = ("OrderQueueUrl", "OrderFollowupsUrl")
    return sum(_depth(system, system.outputs[name]) for name in names if name in system.outputs)


def _depth(system: RunningSystem, queue_url: str) -> int:
    found = system.client("sqs").get_queue_attributes(
        QueueUrl=queue_url,
        AttributeNames=["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"],
    )
    return sum(map(int, found["Attributes"].values()))


def _progress(system: RunningSystem) -> tuple[str, str] | None:
    """What moves while consumers work, or None while messages wait to be published."""
    tables, dynamodb = Tables.with_prefix(system.prefix), system.client("dynamodb")
    for table in (tables.offers, tables.user_activity, tables.orders):
        for shard in range(OUTBOX_SHARDS):
            found = dynamodb.query(
                TableName=table,
                KeyConditionExpression="PK = :shard",
                ExpressionAttributeValues={":shard": s(f"{OUTBOX_PREFIX}{shard}")},
                Select="COUNT",
                ConsistentRead=True,
                Limit=1,
            )
            if found["Count"]:
                return None

    def attribute(table: str, key: Key, name: str) -> str:
        item = dynamodb.get_item(TableName=table, Key=key, ConsistentRead=True).get("Item", {})
        return str(item.get(name, {}).get("N", ""))

    counted = attribute(tables.user_activity, TREND_KEY, "version")
    return counted, attribute(tables.offers, COUNTER_KEY, "available")
