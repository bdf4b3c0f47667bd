"""The bench of the daily job: a table served in process that pages as DynamoDB does."""

import pytest

from handlers.aws.reward_entries import PAGE, DynamoRewardEntries
from handlers.aws.table_access import ReadMeter, Tables
from harness.bench.rewards import AMOUNT, ServedLedger, seconds_bare, summed_up
from offerloop.bonuses.model import EntryKind


@pytest.mark.parametrize("per_list", [3, PAGE, PAGE + 1])
def test_the_job_reads_every_entry_that_is_served(per_list):
    entries = 16 * per_list
    _, run, _ = summed_up(
        DynamoRewardEntries(ServedLedger(per_list).client(), Tables.with_prefix("")), entries
    )

    redeemed = 16 * (per_list // 4)
    assert run.is_read
    assert run.totals.of(EntryKind.REDEEMED).count == redeemed
    assert run.totals.of(EntryKind.ISSUED).amount == (entries - redeemed) * AMOUNT


def test_the_bare_read_makes_the_calls_that_the_job_makes():
    """Else the one against the other would say nothing."""
    meter, ledger, calls = ReadMeter(), ServedLedger(PAGE + 1), []
    reader = DynamoRewardEntries(ledger.client(), Tables.with_prefix(""), meter=meter)
    answer = ledger._answer
    ledger._answer = lambda request, **rest: calls.append(request) or answer(request, **rest)

    summed_up(reader, 16 * ledger.per_list)
    seconds_bare(reader, ledger)

    assert len(calls) == meter.calls == 2 * 16
