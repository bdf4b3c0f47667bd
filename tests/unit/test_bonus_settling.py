"""What a customer earned and used agrees with the order, whatever is delivered, how often, in what order."""

import itertools
from dataclasses import replace

import pytest
from aws_lambda_powertools import Logger, Metrics

from handlers.aws.bonus_rows import account_item
from handlers.aws.table_access import item_size
from handlers.bonus_reports import report_to
from offerloop.bonuses import accounts
from offerloop.bonuses.model import Account, EntryKind, Lot, Pending
from offerloop.bonuses.ports import AccountStep, StaleAccount
from offerloop.bonuses.rules import AccrualBase, AccrualRules, Campaign, end_of_day
from offerloop.bonuses.settle_rewards import settle_rewards
from offerloop.errors import Busy
from offerloop.orders.model import IN_PROGRESS, Order, OrderStatus
from simulator.memory.bonuses import MemoryBonusLedger
from simulator.memory.world import MemoryWorld
from tests.bonuses import DAY, TOMORROW, a_step, all_entries, derived_balance
from tests.factories import NOON, NOON_MS, FixedClock
from tests.orders import a_stored_order

S, K = OrderStatus, EntryKind
RULES = AccrualRules()


class Desk:
    """Ann's account of 500 points, and orders of hers."""

    def __init__(self, rules: AccrualRules = RULES, ends_at: int | None = None) -> None:
        self.clock, self.rules = FixedClock(), rules
        self.ledger = MemoryBonusLedger(MemoryWorld(self.clock))
        self.write(accounts.earn(Account("ann"), "before", 500, ends_at, NOON_MS))

    def write(self, booked: accounts.Booked) -> None:
        self.ledger.write(a_step(self.ledger.account("ann"), booked))

    def hold(self, points: int, order_id: str = "order-1") -> None:
        account = accounts.hold(self.account, order_id, points, NOON)
        self.write((account, ()))

    def settle(self, order: Order) -> list[tuple[EntryKind, int]]:
        step = settle_rewards(order, ledger=self.ledger, rules=self.rules, clock=self.clock)
        return [] if step is None else [(entry.kind, entry.amount) for entry in step.entries]

    @property
    def account(self) -> Account:
        return self.ledger.account("ann")


def an_order(status: OrderStatus = S.COMPLETED, **changes: object) -> Order:
    """Of 1,000 in all."""
    attributes: dict[str, object] = {"status": status, "total": 1_000}
    return a_stored_order("order-1", **(attributes | changes))


PAID_WITH_POINTS = an_order(total=800, bonus_used=200)


def with_pending(desk: Desk, count: int) -> None:
    """Ann's account with so many orders of a point each that can still be returned."""
    pending = tuple(Pending(f"{at:064d}", 10**9, NOON + 99 * DAY, NOON + 999 * DAY) for at in range(count))
    before = desk.account
    desk.ledger.write(
        AccountStep(before, replace(before, pending=pending, version=before.version + 1), (), NOON)
    )


def test_an_account_that_can_keep_no_more_pending_orders_gets_points_at_once_and_a_refund_takes_them():
    desk = Desk(replace(RULES, return_days=14))
    with_pending(desk, accounts.MAX_PENDING - 1)
    assert desk.settle(an_order()) == [(K.PENDED, 100)]
    other = replace(an_order(), order_id="order-2")

    assert desk.settle(other) == [(K.ISSUED, 100)]
    refunded = replace(other, status=S.REFUNDED, refunded=1_000)
    assert desk.settle(refunded) == [(K.CLAWED_BACK, 100)]
    assert len(desk.account.pending) == accounts.MAX_PENDING


def test_a_full_account_fits_into_its_row_with_room_for_lots_and_holds():
    desk = Desk()
    with_pending(desk, accounts.MAX_PENDING)

    assert item_size(account_item(desk.account)) < 200_000


def test_an_account_that_is_full_is_counted(capsys: pytest.CaptureFixture[str]):
    desk, metrics = Desk(), Metrics(namespace="Offerloop", service="offerloop")
    report = report_to(Logger(service="offerloop"), metrics)
    for count in (accounts.MAX_PENDING - 1, accounts.MAX_PENDING):
        with_pending(desk, count)
        report(a_step(desk.account, (desk.account, ())))

    metrics.flush_metrics()

    assert '"AccountsFull":[1.0]' in capsys.readouterr().out


def test_a_completed_order_uses_what_it_holds_and_earns_on_its_total():
    desk = Desk()
    desk.hold(200)

    assert desk.settle(PAID_WITH_POINTS) == [(K.REDEEMED, 200), (K.ISSUED, 100)]

    reward = desk.ledger.reward("order-1")
    assert (reward.total, reward.base, reward.rate) == (1_000, 1_000, 1_000)
    assert (reward.earned, reward.used, reward.used_lots) == (100, 200, (Lot(200),))
    assert reward.balance == desk.account.balance == 400
    assert desk.account.holds == ()


def test_the_points_used_may_be_left_out_of_the_base():
    desk = Desk(AccrualRules(base=AccrualBase.TOTAL_LESS_BONUS))
    desk.hold(200)

    assert desk.settle(PAID_WITH_POINTS) == [(K.REDEEMED, 200), (K.ISSUED, 80)]


def test_settling_twice_changes_nothing():
    desk = Desk()
    desk.hold(200)
    desk.settle(PAID_WITH_POINTS)
    was = desk.account

    assert desk.settle(PAID_WITH_POINTS) == []
    assert desk.account == was


@pytest.mark.parametrize("status", sorted(IN_PROGRESS))
def test_an_order_in_progress_keeps_what_it_holds(status):
    desk = Desk()
    desk.hold(200)

    assert desk.settle(an_order(status)) == []
    assert desk.account.held == 200


@pytest.mark.parametrize("status", [S.FAILED, S.CANCELLED])
def test_an_order_that_came_to_nothing_gives_back_what_it_held(status):
    desk = Desk()
    desk.hold(200)

    assert desk.settle(an_order(status)) == []

    assert (desk.account.held, desk.account.usable(NOON)) == (0, 500)
    assert desk.ledger.reward("order-1") is None
    was = desk.account
    desk.settle(an_order(status))
    assert desk.account == was


def test_an_order_too_small_to_earn_is_accounted_for_once_too():
    desk = Desk()

    assert desk.settle(an_order(total=4)) == []

    assert desk.ledger.reward("order-1").earned == 0


def test_a_campaign_at_the_time_of_the_order_counts_when_it_is_settled_later():
    desk = Desk(AccrualRules(campaigns=(Campaign(NOON_MS, NOON_MS + 1, 200),)))
    desk.clock.move_on(3 * DAY)

    assert desk.settle(an_order()) == [(K.ISSUED, 200)]


# -- refunds -----------------------------------------------------------------------------------------


def test_a_refund_takes_back_the_share_of_what_was_earned_and_the_last_one_the_rest():
    desk = Desk()
    desk.settle(an_order(total=1_000))

    assert desk.settle(an_order(S.PARTIALLY_REFUNDED, refunded=333)) == [(K.CLAWED_BACK, 33)]
    assert desk.settle(an_order(S.PARTIALLY_REFUNDED, refunded=666)) == [(K.CLAWED_BACK, 33)]
    assert desk.settle(an_order(S.REFUNDED, refunded=1_000)) == [(K.CLAWED_BACK, 34)]
    assert desk.account.balance == 500


def test_a_refund_gives_back_the_points_that_were_used_to_the_lots_they_came_from():
    far = NOON + 90 * DAY
    desk = Desk(ends_at=far)
    desk.hold(200)
    desk.settle(PAID_WITH_POINTS)

    half = replace(PAID_WITH_POINTS, status=S.PARTIALLY_REFUNDED, refunded=400, bonus_returned=100)
    assert desk.settle(half) == [(K.GIVEN_BACK, 100), (K.CLAWED_BACK, 50)]
    whole = replace(half, status=S.REFUNDED, refunded=800, bonus_returned=200)
    assert desk.settle(whole) == [(K.GIVEN_BACK, 100), (K.CLAWED_BACK, 50)]

    assert desk.account.lots == (Lot(500, far),)
    assert desk.settle(whole) == desk.settle(half) == desk.settle(PAID_WITH_POINTS) == []


def test_points_used_do_not_count_in_a_refunds_share_where_they_earn_nothing():
    desk = Desk(AccrualRules(base=AccrualBase.TOTAL_LESS_BONUS))
    desk.hold(200)
    desk.settle(PAID_WITH_POINTS)

    half = replace(PAID_WITH_POINTS, status=S.PARTIALLY_REFUNDED, refunded=400, bonus_returned=100)

    assert desk.settle(half) == [(K.GIVEN_BACK, 100), (K.CLAWED_BACK, 40)]


def test_points_that_end_within_two_weeks_last_that_long_when_they_are_given_back():
    desk = Desk(ends_at=TOMORROW)
    desk.hold(200)
    desk.settle(PAID_WITH_POINTS)
    desk.clock.move_on(5 * DAY)

    desk.settle(replace(PAID_WITH_POINTS, status=S.REFUNDED, refunded=800, bonus_returned=200))

    assert Lot(200, end_of_day(NOON + 5 * DAY, 14, RULES.zone)) in desk.account.lots


def test_a_refund_after_the_points_were_spent_leaves_them_owed_until_the_next_ones():
    desk = Desk()
    desk.settle(an_order())
    desk.hold(600, "order-2")
    desk.settle(replace(an_order(total=400, bonus_used=600), order_id="order-2"))
    assert desk.account.balance == 100  # of the second order

    desk.settle(replace(an_order(S.REFUNDED, refunded=400, total=400, bonus_used=600), order_id="order-2"))
    desk.settle(an_order(S.REFUNDED, refunded=1_000))
    assert (desk.account.balance, desk.account.owed) == (-100, 100)

    desk.settle(replace(an_order(total=3_000), order_id="order-3"))
    assert (desk.account.balance, desk.account.usable(NOON)) == (200, 200)
    assert derived_balance(all_entries(desk.ledger)) == 200


def test_points_still_pending_are_dropped_by_a_refund():
    desk = Desk(AccrualRules(return_days=14))
    assert desk.settle(an_order()) == [(K.PENDED, 100)]

    assert desk.settle(an_order(S.PARTIALLY_REFUNDED, refunded=500)) == [(K.DROPPED, 50)]

    assert (desk.account.awaited, desk.account.balance) == (50, 500)


def test_the_rules_of_the_day_of_the_order_decide_about_its_refund():
    desk = Desk()
    desk.settle(an_order())
    desk.rules = AccrualRules(rate_hundredths=5_000, base=AccrualBase.TOTAL_LESS_BONUS)

    assert desk.settle(an_order(S.PARTIALLY_REFUNDED, refunded=500)) == [(K.CLAWED_BACK, 50)]


def test_in_whatever_order_the_news_comes_the_end_is_the_same():
    states = [
        PAID_WITH_POINTS,
        replace(PAID_WITH_POINTS, status=S.PARTIALLY_REFUNDED, refunded=267, bonus_returned=66),
        replace(PAID_WITH_POINTS, status=S.PARTIALLY_REFUNDED, refunded=534, bonus_returned=133),
        replace(PAID_WITH_POINTS, status=S.REFUNDED, refunded=800, bonus_returned=200),
    ]
    for delivered in itertools.permutations(states):
        desk = Desk()
        desk.hold(200)
        for order in delivered:
            desk.settle(order)

        reward = desk.ledger.reward("order-1")
        assert (reward.clawed_back, reward.given_back) == (reward.earned, reward.used) == (100, 200)
        assert (desk.account.balance, desk.account.lots) == (500, (Lot(500),))


# -- others at the same time -------------------------------------------------------------------------


class Contended(MemoryBonusLedger):
    """A ledger in which somebody else is quicker a few times."""

    times = 0

    def write(self, step):
        if self.times:
            self.times -= 1
            raise StaleAccount
        super().write(step)


def test_who_loses_against_another_change_decides_again():
    desk = Desk()
    desk.ledger = Contended(desk.ledger._world)
    desk.ledger.times = 3

    assert desk.settle(an_order()) == [(K.ISSUED, 100)]


def test_who_loses_too_often_says_so():
    desk = Desk()
    desk.ledger = Contended(desk.ledger._world)
    desk.ledger.times = 99

    with pytest.raises(Busy):
        desk.settle(an_order())


def test_what_was_written_is_reported_once():
    desk, told = Desk(), []

    for _ in range(2):
        settle_rewards(an_order(), ledger=desk.ledger, rules=RULES, clock=desk.clock, report=told.append)

    assert [entry.kind for step in told for entry in step.entries] == [K.ISSUED]


def test_an_account_never_seen_before_can_earn():
    desk = Desk()

    desk.settle(replace(an_order(), customer_id="ben"))

    assert desk.ledger.account("ben").balance == 100
