"""The audit reads the daily job's files and the totals of the stream as their adapters wrote them."""

from datetime import UTC, timedelta
from pathlib import Path

import boto3
import pytest
from moto import mock_aws

from handlers.aws.reward_entries import DynamoRewardEntries
from handlers.aws.reward_files import S3RewardFiles
from handlers.aws.reward_totals import DynamoRunningTotals
from handlers.aws.table_access import Tables
from harness.audit import audit
from harness.audit.day_files import day_files_of
from harness.system import RunningSystem
from offerloop.rewards import day_files
from offerloop.rewards.aggregate_rewards import Analytics
from offerloop.rewards.count_rewards import count_rewards
from simulator.figure_laws import FIGURE_LAWS
from simulator.memory.rewards import MemoryRewardMetrics
from tests.contract.conftest import NO_WAITING
from tests.factories import FixedClock
from tests.rewards import DAY_MS, MIDNIGHT_MS, TODAY, an_entry, put_entries, sum_up
from tests.template_tables import create_tables

NAMES, BUCKET = Tables.with_prefix(""), "figures"
FILES, TOTALS = (law.name for law in FIGURE_LAWS)
YESTERDAY = TODAY - timedelta(days=1)


class Books:
    """Entries of two days in a table, counted by the stream and summed up by the daily job."""

    def __init__(self) -> None:
        self.dynamodb, self.s3 = (boto3.client(name, region_name="us-east-1") for name in ("dynamodb", "s3"))
        create_tables(self.dynamodb)
        self.s3.create_bucket(Bucket=BUCKET)
        self.files = S3RewardFiles(self.s3, BUCKET)
        entries = DynamoRewardEntries(self.dynamodb, NAMES, NO_WAITING)
        clock = FixedClock(MIDNIGHT_MS + DAY_MS)
        self.job = Analytics(entries, self.files, MemoryRewardMetrics(), clock, UTC)
        self.book(an_entry(1), an_entry(2, at_ms=MIDNIGHT_MS - 1))
        for day in (YESTERDAY, TODAY):
            sum_up(self.job, day)

    def book(self, *entries) -> None:
        put_entries(self.dynamodb, *entries)
        totals = DynamoRunningTotals(self.dynamodb, NAMES, NO_WAITING)
        count_rewards(entries, totals=totals, zone=UTC)

    def system(self, **outputs: str) -> RunningSystem:
        found = {"AnalyticsBucketName": BUCKET} | outputs
        return RunningSystem("embedded", None, "us-east-1", "", "", "", None, found, Path())

    def results(self):
        report = audit(self.system(), settle=lambda system: None)
        return {result.name: result for result in report.results}


@pytest.fixture
def books(monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    with mock_aws():
        yield Books()


def test_what_the_daily_job_and_the_stream_say_is_what_the_ledger_has(books):
    results = books.results()

    assert (results[FILES].holds, results[FILES].checked) == (True, 2)
    assert (results[TOTALS].holds, results[TOTALS].checked) == (True, 2)


def test_a_late_entry_is_reported_until_its_day_is_run_again(books):
    books.book(an_entry(3, at_ms=MIDNIGHT_MS - 2))

    assert books.results()[FILES].detail.startswith("2027-01-14: 1 entries came late")
    sum_up(books.job, YESTERDAY)
    assert books.results()[FILES].holds


def test_a_file_that_somebody_changed_is_found(books):
    key, _ = day_files.keys_of(TODAY, is_partial=False)
    text = books.files.read(key).text.replace('"total_issued": 1.0', '"total_issued": 9.0')
    books.s3.put_object(Bucket=BUCKET, Key=key, Body=text)

    assert books.results()[FILES].detail == "2027-01-15: issued 9.00 in 1, the ledger has 1.00 in 1"


def test_an_entry_that_the_stream_has_lost_is_found(books):
    put_entries(books.dynamodb, an_entry(3))

    assert "the ledger has 3.00 in 3" in books.results()[TOTALS].detail


def test_files_of_days_that_are_not_over_and_files_of_others_are_passed_over(books):
    sum_up(books.job, TODAY + timedelta(days=1), may_be_partial=True)
    books.s3.put_object(Bucket=BUCKET, Key="daily-rewards/notes.json", Body=b"{}")

    assert set(day_files_of(books.system())) == {YESTERDAY, TODAY}


def test_a_system_that_does_not_say_where_its_files_are_has_none(books):
    assert day_files_of(RunningSystem("embedded", None, "", "", "", "", None, {}, Path())) == {}
