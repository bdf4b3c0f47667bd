"""Replenishment runs: one asks a pool's supplier for new codes; a pool has one at a time."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Protocol

from offerloop.codes.model import Level, Pool, PoolStatus, SupplierKind
from offerloop.outbox import Message, Topic
from offerloop.record import record

MAX_ATTEMPTS = 6
# An attempt may take 3 minutes, the function's timeout; the pauses between them are 2, 4, 8, 16 and 32 s; and
# a message whose attempt was cut off comes back after 18 minutes, once or twice in the worst of cases.
DEADLINE_S = 60 * 60
# How long a pool is left alone after a run in vain, so that each claim does not start another.
COOL_DOWN_S = 5 * 60


class RunStatus(StrEnum):
    REQUESTED = "REQUESTED"  # or waiting for the next attempt
    RUNNING = "RUNNING"
    DONE = "DONE"
    FAILED = "FAILED"


OPEN = frozenset({RunStatus.REQUESTED, RunStatus.RUNNING})


@record(frozen=True, slots=True)
class Run:
    """One run.

    Attributes:
        asked_for: how many codes the supplier was asked for.
        updated_at_ms: when its status last changed.
        attempts: how often the supplier has been asked.
        added: codes that were new; once it is DONE.
        reason: why the last attempt was in vain.
        screenshot: where the picture of it is kept, a name for `CodeFiles`.
    """

    run_id: str
    pool_id: str
    status: RunStatus
    requested_at_ms: int
    updated_at_ms: int
    asked_for: int
    attempts: int = 0
    added: int = 0
    reason: str | None = None
    screenshot: str | None = None

    @property
    def is_open(self) -> bool:
        return self.status in OPEN


class RunStore(Protocol):
    def last(self, pool_id: str) -> Run | None:
        """The run of a pool that is open, or was the last; strongly consistent."""

    def start(self, run: Run, previous: Run | None, message: Message) -> None:
        """Store a new run and the message that sets it going, in one transaction.

        Raises:
            Stale: *previous*, which has ended, is not the pool's last run any more.
        """

    def write(self, before: Run, after: Run) -> None:
        """Store what became of an open run.

        Raises:
            Stale: it is not what it was when it was read.
        """

    def history(self, pool_id: str, limit: int) -> Sequence[Run]:
        """The newest runs of a pool, newest first."""


def is_due(pool: Pool, level: Level, last: Run | None, now_ms: int) -> bool:
    """Whether a pool needs a run now: too few codes, somebody to ask, none open or just in vain."""
    if pool.supplier is SupplierKind.NONE or pool.status is not PoolStatus.ACTIVE:
        return False
    if level.free >= pool.threshold or (last is not None and last.is_open):
        return False
    in_vain = last is not None and (last.status is RunStatus.FAILED or not last.added)
    return last is None or not in_vain or now_ms - last.updated_at_ms >= COOL_DOWN_S * 1_000


def run_message(run: Run) -> Message:
    """What asks for a run to be carried out."""
    body: Mapping[str, str | int | bool | None] = {"run_id": run.run_id, "pool_id": run.pool_id}
    return Message(run.run_id, Topic.REPLENISHMENT, run.pool_id, body, run.requested_at_ms)
