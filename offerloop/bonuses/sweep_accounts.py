"""What time does to accounts: pending points become usable, and lots end."""

from collections.abc import Callable
from dataclasses import replace

from offerloop.bonuses import accounts
from offerloop.bonuses.ports import AccountStep, BonusLedger, Report, StaleAccount, nobody
from offerloop.clock import Clock, now_s
from offerloop.sweeps import Trouble, stop

PAGE = 100


def sweep_accounts(
    ledger: BonusLedger,
    clock: Clock,
    *,
    enough: Callable[[], bool] = lambda: False,
    report: Report = nobody,
    trouble: Trouble = stop,
) -> int:
    """Do to every account what is due, the longest overdue first, while some are left and there is time.

    Nobody can use a lot that has ended, swept or not; so nothing depends on when this is done.

    Args:
        enough: asked before each account.
        trouble: told of each customer whose account cannot be swept.
    Returns:
        How many accounts were changed.
    """
    changed, failed = 0, set[str]()
    while True:
        # Those that failed stay due: without them the page is as long as ever.
        due = ledger.due(now_s(clock), PAGE + len(failed))
        before = changed + len(failed)
        for customer_id in due:
            if customer_id in failed:
                continue
            if enough():
                return changed
            try:
                changed += _sweep(customer_id, ledger, clock.now_ms(), report)
            except Exception as error:
                trouble(customer_id, error)
                failed.add(customer_id)
        if changed + len(failed) == before:  # none is due, or the list of those that are is behind
            return changed


def _sweep(customer_id: str, ledger: BonusLedger, now_ms: int, report: Report) -> bool:
    before = ledger.account(customer_id)
    account, matured = accounts.mature(before, now_ms)
    account, expired = accounts.expire(account, now_ms)
    if account == before:
        return False
    after = replace(account, version=before.version + 1)
    step = AccountStep(before, after, matured + expired, now_ms // 1_000)
    try:
        ledger.write(step)
    except StaleAccount:  # it is still due, and comes again
        return False
    report(step)
    return True
