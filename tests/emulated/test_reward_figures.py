"""The daily job on a deployed system: its file is what the ledger has, and the audit holds it to that."""

from __future__ import annotations

import time
from datetime import UTC, date, timedelta

from handlers.aws.bonus_ledger import DynamoBonusLedger
from handlers.aws.order_store import DynamoOrderStore
from handlers.aws.reward_files import S3RewardFiles
from handlers.aws.reward_totals import DynamoRunningTotals
from handlers.aws.table_access import Tables
from harness.audit import audit
from harness.system import RunningSystem
from offerloop.bonuses.accrue_bonus import AccrueBonus, Accruing, accrue_bonus
from offerloop.bonuses.rules import AccrualRules
from offerloop.rewards import day_files
from offerloop.rewards.days import day_at, starts_ms
from offerloop.rewards.model import Totals
from simulator.figure_laws import FIGURE_LAWS
from simulator.findings import InvariantResult
from tests.emulated.storefront import unique, wait_for
from tests.emulated.target import Target
from tests.emulated.test_orders import Checkout
from tests.factories import FixedClock

COUNTED_WITHIN_S = 90  # by the stream, on a busy machine
FILES = FIGURE_LAWS[0].name


class Figures:
    """What a deployed system says of its days."""

    def __init__(self, system: RunningSystem, target: Target) -> None:
        self._system, self._target = system, target
        self._tables, self._dynamodb = Tables.with_prefix(system.prefix), system.client("dynamodb")
        self._running = DynamoRunningTotals(self._dynamodb, self._tables)
        self.today = day_at(time.time_ns() // 1_000_000, UTC)
        self.yesterday = self.today - timedelta(days=1)

    def earn_yesterday(self, total: int) -> None:
        """A tenth of an order of another system, by the clock of yesterday."""
        clock = FixedClock(starts_ms(self.yesterday, UTC) + 3_600_000)
        ledger = DynamoBonusLedger(self._dynamodb, self._tables)
        orders = DynamoOrderStore(self._dynamodb, self._tables)
        command = AccrueBonus(unique("o"), unique("ann"), total)
        before = self.counted(self.yesterday).entries
        accrue_bonus(command, Accruing(ledger, orders, AccrualRules(), clock))
        wait_for("the stream", lambda: self.counted(self.yesterday).entries > before, COUNTED_WITHIN_S)

    def counted(self, day: date) -> Totals:
        """What the stream has counted of a day."""
        return self._running.of(day)

    def sum_up(self, day: date, **variables: str) -> str:
        """Run the daily job from the command line, and give what that says."""
        ended = self._target.run("rewards", DAY=day.isoformat(), **variables)
        assert ended.returncode == 0, ended.stdout + ended.stderr
        return ended.stdout

    def file_of(self, day: date, *, is_partial: bool = False) -> Totals | None:
        """What the files of a day say."""
        files = S3RewardFiles(self._system.client("s3"), self._system.outputs["AnalyticsBucketName"])
        found = [files.read(key) for key in day_files.keys_of(day, is_partial)]
        return day_files.totals_in(*(file.text for file in found if file is not None))

    def audited(self) -> InvariantResult:
        return next(result for result in audit(self._system).results if result.name == FILES)


def test_the_file_of_a_day_is_its_ledger_and_a_late_entry_is_told_until_the_day_is_run_again(
    system: RunningSystem, target: Target
) -> None:
    figures = Figures(system, target)
    figures.earn_yesterday(100_000)

    figures.sum_up(figures.yesterday)

    assert figures.file_of(figures.yesterday) == figures.counted(figures.yesterday)
    audited = figures.audited()
    assert (audited.holds, audited.checked >= 1) == (True, True), audited.detail

    figures.earn_yesterday(5_000)
    assert f"{figures.yesterday}: 1 entries came late" in figures.audited().detail
    assert "1 entries came late" in figures.sum_up(figures.yesterday)
    assert figures.audited().holds


def test_the_points_of_an_order_are_in_the_figures_of_its_day(system: RunningSystem, target: Target) -> None:
    figures, checkout = Figures(system, target), Checkout(system, price="100.00")
    before = figures.counted(figures.today).entries
    order_id = checkout.place(customerId=unique("ann"), totalAmount=100)
    assert checkout.ended(order_id)["status"] == "COMPLETED"
    wait_for("the stream", lambda: figures.counted(figures.today).entries > before, COUNTED_WITHIN_S)

    figures.sum_up(figures.today, PARTIAL="1")

    so_far = figures.file_of(figures.today, is_partial=True)
    assert so_far == figures.counted(figures.today)
    assert figures.file_of(figures.today) is None
