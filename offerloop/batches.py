"""How consumers of streams take a batch: all of it at once, and record by record when that fails."""

from collections.abc import Callable, Sequence
from typing import TypeVar

Record = TypeVar("Record")


def take_batch(
    records: Sequence[Record],
    handle: Callable[[Sequence[Record]], object],
    *,
    failures: type[Exception] | tuple[type[Exception], ...] = Exception,
    report: Callable[[Sequence[Record]], object] = len,
) -> int:
    """Handle a batch up to the first record that cannot be handled.

    A batch that fails as a whole is handled again record by record, so that one bad record does not hold up
    those before it. Handling must be idempotent. The stream goes on from the first record that failed, which
    keeps the order of each key.

    Args:
        failures: what handling may raise; anything else goes on to the caller.
        report: called inside the exception's handler with what failed: the batch, then the one record.
    Returns:
        How many records were handled, in order: the position of the first that failed.
    """
    if not records:
        return 0
    try:
        handle(records)
    except failures:
        report(records)
    else:
        return len(records)
    for position, record in enumerate(records):
        try:
            handle([record])
        except failures:
            report([record])
            return position
    return len(records)
