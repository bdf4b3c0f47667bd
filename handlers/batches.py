"""Batches of stream records as Lambda hands them over, and the answer that names the first failure."""

from collections.abc import Callable, Sequence
from typing import Any

from aws_lambda_powertools import Logger

from offerloop.batches import take_batch

Record = dict[str, Any]
BatchAnswer = dict[str, list[dict[str, str]]]

# What reading a row raises that foreign hands wrote; all else may pass with time.
UNREADABLE = (KeyError, TypeError, ValueError)


def answer_batch(
    records: Sequence[Record],
    handle: Callable[[Sequence[Record]], object],
    sequence_number: Callable[[Record], str],
    logger: Logger,
) -> BatchAnswer:
    """Handle a batch and report the first record that cannot be handled, see `take_batch`."""

    def log_failure(failed: Sequence[Record]) -> None:
        logger.exception(
            "Records could not be handled", records=len(failed), sequence_number=sequence_number(failed[0])
        )

    handled = take_batch(records, handle, report=log_failure)
    return goes_on_from(records[handled:], sequence_number)


def goes_on_from(left: Sequence[Record], sequence_number: Callable[[Record], str]) -> BatchAnswer:
    """The answer after which the stream goes on from the first of the records that are left."""
    return {"batchItemFailures": [{"itemIdentifier": sequence_number(record)} for record in left[:1]]}


def dynamodb_sequence(record: Record) -> str:
    return str(record["dynamodb"]["SequenceNumber"])


def kinesis_sequence(record: Record) -> str:
    return str(record["kinesis"]["sequenceNumber"])
