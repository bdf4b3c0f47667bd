"""How stream consumers take a batch: all of it at once, and record by record when that fails."""

from collections.abc import Callable, Sequence
from typing import Any

from aws_lambda_powertools import Logger

Record = dict[str, Any]


def take_batch(
    records: Sequence[Record],
    handle: Callable[[Sequence[Record]], None],
    sequence_number: Callable[[Record], str],
    logger: Logger,
) -> dict[str, Any]:
    """Handle a batch and report the first record that cannot be handled.

    A batch that fails as a whole is handled again record by record, so that one bad record does not
    hold up those before it. Handling must be idempotent. The stream goes on from the reported record,
    which keeps the order of each key.

    Returns:
        `{"batchItemFailures": [{"itemIdentifier": …}]}`, the list empty when all went well.
    """
    try:
        handle(records)
        return {"batchItemFailures": []}
    except Exception:
        logger.exception("Batch failed; going on record by record", records=len(records))
    for record in records:
        try:
            handle([record])
        except Exception:
            logger.exception("Record failed", sequence_number=sequence_number(record))
            return {"batchItemFailures": [{"itemIdentifier": sequence_number(record)}]}
    return {"batchItemFailures": []}


def dynamodb_sequence(record: Record) -> str:
    return str(record["dynamodb"]["SequenceNumber"])


def kinesis_sequence(record: Record) -> str:
    return str(record["kinesis"]["sequenceNumber"])
