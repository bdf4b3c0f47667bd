"""What the page of rewards is told, and how few reads bring it and the pools of codes."""

import json
from datetime import UTC, timedelta
from pathlib import Path

import pytest

from dashboard import reward_charts, reward_reads
from dashboard.data import Unreachable
from dashboard.live import LiveSource
from dashboard.reward_data import (
    DAYS_OVER,
    NEWEST_RUNS,
    Origin,
    RewardDay,
    Rewards,
    TopCustomers,
    breakage,
    points_held,
)
from dashboard.reward_reads import DAYS_KEPT_MS, PoolReads, RewardReads
from handlers.aws.code_files import S3CodeFiles
from handlers.aws.code_runs import DynamoRunStore
from handlers.aws.code_store import DynamoCodeStore
from handlers.aws.reward_files import S3RewardFiles
from handlers.aws.reward_totals import DynamoRunningTotals
from handlers.aws.table_access import Tables
from harness.system import RunningSystem
from offerloop.bonuses.model import EntryKind
from offerloop.codes.forecast import HOUR_MS, Sample
from offerloop.codes.model import Level
from offerloop.codes.runs import Run, RunStatus, run_message
from offerloop.rewards import day_files
from offerloop.rewards.model import NOTHING, KindTotal, Totals
from simulator.memory.code_runs import MemoryCodeFiles
from simulator.memory.rewards import MemoryRewardFiles, MemoryRunningTotals
from simulator.memory.world import MemoryWorld
from tests.codes import a_claim, a_pool, filled
from tests.factories import NOON_MS, FixedClock
from tests.given_rewards import MemoryNewestEntries, a_picture
from tests.mocked_aws import mocked_aws
from tests.rewards import DAY_MS, TODAY, an_entry, put_entries
from tests.template_tables import create_tables

MINUTE_MS = 60_000
YESTERDAY = TODAY - timedelta(days=1)
BUCKETS = {"PromoBucketName": "promo", "AnalyticsBucketName": "figures"}
OUTPUTS = BUCKETS | {"BusinessTimeZone": "UTC", "Currency": "UAH"}
EMPTY_FILE = day_files.file_text(TODAY, NOTHING)
A_BIT_OF_ALL = Totals({kind: KindTotal(100 * at + 1, at) for at, kind in enumerate(EntryKind, 1)})


def some_rewards(*days, today=NOTHING):
    """Days that are over, each with its totals and where they are from, before today."""
    over = [RewardDay(TODAY - timedelta(days=len(days) - at), *each) for at, each in enumerate(days)]
    nobody = TopCustomers(NOON_MS, NOON_MS, [], 0)
    return Rewards(NOON_MS, "EUR", "UTC", over, RewardDay(TODAY, today, Origin.STREAM), NOTHING, nobody)


# ── Rewards ────────────────────────────────────────────────────────────────────────────────────────


def test_what_the_files_of_a_day_say_is_what_they_were_written_from():
    texts = day_files.file_text(TODAY, A_BIT_OF_ALL), day_files.details_text(TODAY, UTC, A_BIT_OF_ALL)

    assert day_files.totals_in(*texts) == A_BIT_OF_ALL


@pytest.mark.parametrize(
    "texts",
    [
        (),
        (EMPTY_FILE,),
        (EMPTY_FILE, "[1]"),
        (EMPTY_FILE, "spreadsheet"),
        (EMPTY_FILE, day_files.details_text(TODAY, UTC, NOTHING).replace("0.0", "NaN")),
        (EMPTY_FILE, json.dumps({"total_expired": "many"})),
    ],
)
def test_files_that_do_not_say_it_all_are_none(texts):
    assert day_files.totals_in(*texts) is None


def test_the_days_add_up_with_today_and_liability_goes_by_the_sign_of_each_kind():
    view = some_rewards((A_BIT_OF_ALL, Origin.FILE), (NOTHING, Origin.STREAM), today=A_BIT_OF_ALL)

    twice = {kind: KindTotal(200 * at + 2, 2 * at) for at, kind in enumerate(EntryKind, 1)}
    assert view.total == Totals(twice)
    issued, redeemed, given_back, clawed_back, expired = 202, 402, 602, 802, 1_002
    assert points_held(view.total) == issued - redeemed + given_back - clawed_back - expired
    assert breakage(view.total) == expired / issued
    assert breakage(NOTHING) is None


def test_days_without_a_file_are_named_when_they_had_entries():
    view = some_rewards((NOTHING, Origin.STREAM), (A_BIT_OF_ALL, Origin.STREAM), (A_BIT_OF_ALL, Origin.FILE))

    assert view.without_file == [TODAY - timedelta(days=2)]


def test_the_bars_of_a_day_come_to_the_point_of_its_line():
    figure = reward_charts.liability(some_rewards((A_BIT_OF_ALL, Origin.FILE), today=A_BIT_OF_ALL))

    *bars, line = figure.data
    assert [round(sum(of_day), 2) for of_day in zip(*(bar.y for bar in bars), strict=True)] == list(line.y)
    assert line.customdata[0] == "-€7.01"


def the_reads(world):
    """Reads of a world with an empty bucket, and both ports that it reads."""
    files, totals = MemoryRewardFiles(), MemoryRunningTotals(world)
    return RewardReads(files, totals, MemoryNewestEntries(world), UTC, "EUR"), files, totals


def write_files(files, day, totals):
    texts = day_files.file_text(day, totals), day_files.details_text(day, UTC, totals)
    for key, text in zip(day_files.keys_of(day, is_partial=False), texts, strict=True):
        files.write(key, text, None)


def test_a_day_is_told_by_its_files_and_without_them_by_the_stream():
    world = MemoryWorld(FixedClock())
    reads, files, totals = the_reads(world)
    late = an_entry(1, at_ms=NOON_MS - 2 * DAY_MS)
    put_entries(world, late)
    totals.add(TODAY - timedelta(days=2), [late])
    write_files(files, YESTERDAY, A_BIT_OF_ALL)

    view = reads.rewards(NOON_MS)

    assert [each.day for each in view.all] == [
        TODAY - timedelta(days=ago) for ago in range(DAYS_OVER, -1, -1)
    ]
    one = Totals({EntryKind.ISSUED: KindTotal(100, 1)})
    assert [(each.totals, each.origin) for each in view.days[-2:]] == [
        (one, Origin.STREAM),
        (A_BIT_OF_ALL, Origin.FILE),
    ]


def test_days_that_are_over_are_read_once_a_minute_and_today_each_time():
    world = MemoryWorld(FixedClock())
    reads, files, totals = the_reads(world)
    reads.rewards(NOON_MS)
    put_entries(world, an_entry(1))
    totals.add(TODAY, [an_entry(1)])
    write_files(files, YESTERDAY, A_BIT_OF_ALL)

    soon, later = reads.rewards(NOON_MS + DAYS_KEPT_MS - 1), reads.rewards(NOON_MS + DAYS_KEPT_MS)

    assert (soon.today.totals.entries, soon.days[-1].totals) == (1, NOTHING)
    assert later.days[-1].totals == A_BIT_OF_ALL


def test_with_midnight_the_days_move_on():
    reads, files, _ = the_reads(MemoryWorld(FixedClock()))
    almost = NOON_MS + DAY_MS - 8 * HOUR_MS - 1_000
    reads.rewards(almost)
    write_files(files, TODAY, A_BIT_OF_ALL)

    view = reads.rewards(almost + 1_000)

    assert (view.days[-1].day, view.days[-1].totals) == (TODAY, A_BIT_OF_ALL)
    assert view.today.day == TODAY + timedelta(days=1)


# ── What is stored ─────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def aws(monkeypatch):
    """Clients on moto, with the tables and the two buckets."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    with mocked_aws() as client:
        clients = {name: client(name) for name in ("dynamodb", "s3")}
        create_tables(clients["dynamodb"])
        for bucket in BUCKETS.values():
            clients["s3"].create_bucket(Bucket=bucket)
        yield clients


def a_source(outputs):
    place = "embedded", None, "us-east-1", "", "http://api", "the-key", None
    return LiveSource(RunningSystem(*place, outputs, Path("/nowhere")))


def a_run(number=1, **changes):
    at_ms = NOON_MS + number * 1_000
    attributes = {"status": RunStatus.REQUESTED, "requested_at_ms": at_ms, "updated_at_ms": at_ms}
    return Run(f"run-{number}", "bonus-100", asked_for=20, **(attributes | changes))


def ended_runs(store, count):
    """Runs one after the other; returns the last."""
    last = None
    for number in range(1, count + 1):
        run = a_run(number)
        store.start(run, last, run_message(run))
        last = a_run(number, status=RunStatus.DONE, attempts=1, added=20)
        store.write(run, last)
    return last


@pytest.fixture
def pools(aws):
    tables = Tables.with_prefix("")
    return PoolReads(aws["dynamodb"], tables, MemoryCodeFiles())


def test_empty_tables_have_no_pools(pools):
    assert list(pools.pools(NOON_MS).pools) == []


def test_a_pool_has_its_level_and_its_newest_runs(aws, pools):
    tables = Tables.with_prefix("")
    codes, runs = DynamoCodeStore(aws["dynamodb"], tables), DynamoRunStore(aws["dynamodb"], tables)
    pool = filled(codes, 30)
    filled(codes, 0, a_pool("welcome-10"))
    claimed = [codes.claim(a_claim(pool)).code for _ in range(4)]
    codes.withdraw(codes.free("bonus-100", 1)[0])
    last = ended_runs(runs, NEWEST_RUNS + 2)

    view = pools.pools(NOON_MS)

    first, second = view.pools
    assert (first.pool, first.level) == (pool, Level(25, 4, 1))
    assert (first.runs[0], len(first.runs)) == (last, NEWEST_RUNS)
    assert (second.level, second.runs) == (Level(0, 0, 0), ())
    assert view.runs == list(first.runs)
    assert not any(code in repr(view) for code in [*claimed, *codes.free("bonus-100", 50)])


def test_a_pool_goes_on_from_where_its_watchers_have_seen_it(aws, pools):
    codes = DynamoCodeStore(aws["dynamodb"], Tables.with_prefix(""))
    filled(codes, 30)
    codes.keep_trail("bonus-100", [Sample(NOON_MS - HOUR_MS, 40, 0)])

    (view,) = pools.pools(NOON_MS).pools

    assert list(view.trail) == [Sample(NOON_MS - HOUR_MS, 40, 0), Sample(NOON_MS, 30, 0)]


def test_runs_are_read_again_only_when_the_last_has_moved_on(aws, pools, monkeypatch):
    tables = Tables.with_prefix("")
    runs = DynamoRunStore(aws["dynamodb"], tables)
    filled(DynamoCodeStore(aws["dynamodb"], tables), 1)
    run = a_run()
    runs.start(run, None, run_message(run))
    asked = []
    history = pools._runs.history
    monkeypatch.setattr(pools._runs, "history", lambda *about: asked.append(about) or history(*about))

    shown = [pools.pools(NOON_MS + at).runs for at in range(2)]
    runs.write(run, a_run(status=RunStatus.RUNNING, attempts=1))
    shown.append(pools.pools(NOON_MS + 3).runs)

    assert [[each.status for each in of] for of in shown] == [["REQUESTED"], ["REQUESTED"], ["RUNNING"]]
    assert len(asked) == 2


def test_the_number_of_pools_is_bounded_and_said(aws, pools, monkeypatch):
    codes = DynamoCodeStore(aws["dynamodb"], Tables.with_prefix(""))
    for number in range(3):
        codes.create_pool(a_pool(f"pool-{number}"), None)
    monkeypatch.setattr(reward_reads, "MOST_POOLS", 2)

    view = pools.pools(NOON_MS)

    assert ([each.pool.pool_id for each in view.pools], view.is_cut) == (["pool-0", "pool-1"], True)


def test_a_screenshot_is_read_by_its_name_and_nothing_else_is_taken_for_one(aws):
    source = a_source(OUTPUTS)
    files = S3CodeFiles(aws["s3"], "promo", "promo-codes/")
    files.put("failures/run-1.png", a_picture())
    files.put("failures/run-2.png", b"<script>")

    assert source.failure_picture("failures/run-1.png") == a_picture()
    assert source.failure_picture("failures/run-2.png") is None
    assert source.failure_picture("failures/run-3.png") is None


def test_a_running_system_is_read_through_its_outputs(aws, monkeypatch):
    monkeypatch.setattr("dashboard.live.time.time_ns", lambda: NOON_MS * 1_000_000)
    source, tables = a_source(OUTPUTS), Tables.with_prefix("")
    filled(DynamoCodeStore(aws["dynamodb"], tables), 3)
    write_files(S3RewardFiles(aws["s3"], "figures"), YESTERDAY, A_BIT_OF_ALL)
    put_entries(aws["dynamodb"], an_entry(1))
    DynamoRunningTotals(aws["dynamodb"], tables).add(TODAY, [an_entry(1)])

    assert [view.level for view in source.pools().pools] == [Level(3, 0, 0)]
    view = source.rewards()
    assert view.days[-1] == RewardDay(YESTERDAY, A_BIT_OF_ALL, Origin.FILE)
    assert (view.currency, view.today.totals.entries, view.ever.entries) == ("UAH", 1, 1)
    assert [each.customer_id for each in view.top.customers] == ["ann"]


def test_a_system_that_was_deployed_before_these_pages_is_said_so(aws):
    with pytest.raises(Unreachable, match=r"Currency: `make up`"):
        a_source(BUCKETS | {"BusinessTimeZone": "UTC"}).rewards()
