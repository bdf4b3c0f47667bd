"""The conservation laws of promo codes and bonus points, as pure functions over a snapshot."""

from collections import Counter
from collections.abc import Iterator, Mapping

from offerloop.bonuses.model import BALANCE_SIGN, Account, Entry, EntryKind
from offerloop.codes.model import Code, CodeStatus, Level
from offerloop.orders.model import HOLDING, PAID, Order, OrderStatus
from simulator.findings import Breach, Findings, Invariant
from simulator.snapshot import Snapshot

# -- codes -------------------------------------------------------------------------------------------


def counts_of_pools_are_those_of_their_codes(snapshot: Snapshot) -> Findings:
    """Issued = free + given out + void; and each pool's kept counts say the same."""
    counted: Counter[tuple[str, str]] = Counter()
    for code in snapshot.codes.values():
        counted[code.pool_id, _where(code)] += 1
    levels = {pool_id: _level(counted, pool_id) for pool_id, _ in counted}

    def breaches() -> Iterator[Breach]:
        for pool_id in sorted(levels.keys() | snapshot.code_levels.keys()):
            kept = snapshot.code_levels.get(pool_id, Level(0, 0, 0))
            found = levels.get(pool_id, Level(0, 0, 0))
            if kept != found:
                yield Breach(pool_id, f"counts say {_words(kept)}, its codes {_words(found)}")

    return Findings(len(snapshot.codes), breaches())


def _where(code: Code) -> str:
    if code.status is CodeStatus.FREE:
        return "free"
    return "void" if code.status is CodeStatus.VOID else "given"


def _level(counted: Mapping[tuple[str, str], int], pool_id: str) -> Level:
    return Level(*(counted.get((pool_id, where), 0) for where in ("free", "given", "void")))


def _words(level: Level) -> str:
    return f"{level.free} free, {level.given} given, {level.void} void"


def free_codes_are_in_their_pool_once(snapshot: Snapshot) -> Findings:
    """What a claim can find is what is free, so that no code is given out twice and none is forgotten."""
    listed = Counter(code for _, code in snapshot.free_codes)
    pools = {code: pool_id for pool_id, code in snapshot.free_codes}

    def breaches() -> Iterator[Breach]:
        for text, times in listed.items():
            code = snapshot.codes.get(text)
            if code is None or code.status is not CodeStatus.FREE:
                yield Breach(text, f"can be claimed, and is {'unknown' if code is None else code.status}")
            elif times > 1 or pools[text] != code.pool_id:
                yield Breach(text, f"can be claimed {times} times, from {pools[text]}")
        for text, code in snapshot.codes.items():
            if code.status is CodeStatus.FREE and text not in listed:
                yield Breach(text, "is free, and no claim can find it")

    return Findings(len(snapshot.free_codes), breaches())


def codes_are_with_the_orders_that_have_them(snapshot: Snapshot) -> Findings:
    """Held by the open order, used by the completed one, by nobody else's and by no second."""
    wanted = {
        order.promo_code: (status, order.order_id)
        for order in snapshot.orders.values()
        if order.promo_code is not None and (status := _status_in(order)) is not None
    }

    def breaches() -> Iterator[Breach]:
        for order in snapshot.orders.values():
            if order.promo_code is not None and _status_in(order) is not None:
                code = snapshot.codes.get(order.promo_code)
                if code is None or (code.status, code.order_id) != (_status_in(order), order.order_id):
                    found = "unknown" if code is None else f"{code.status} of {code.order_id}"
                    yield Breach(order.promo_code, f"{found}, but {order.order_id} is {order.status}")
                elif code.holder_id not in (None, order.customer_id):
                    yield Breach(order.promo_code, f"belongs to somebody else than {order.order_id}")
        for text, code in snapshot.codes.items():
            if code.status in (CodeStatus.HELD, CodeStatus.USED) and text not in wanted:
                yield Breach(text, f"is {code.status} by {code.order_id}, which does not have it")

    return Findings(len(wanted), breaches())


def _status_in(order: Order) -> CodeStatus | None:
    """What the code of an order must be because of it; None = nothing."""
    if order.status in HOLDING:
        return CodeStatus.HELD
    return CodeStatus.USED if order.status in PAID - {OrderStatus.REFUNDED} else None


# -- points ------------------------------------------------------------------------------------------


def balances_are_the_sums_of_their_entries(snapshot: Snapshot) -> Findings:
    def breaches() -> Iterator[Breach]:
        for customer_id in sorted(snapshot.accounts.keys() | snapshot.entries.keys()):
            account = snapshot.accounts.get(customer_id, Account(customer_id))
            entries = sorted(snapshot.entries.get(customer_id, ()), key=lambda entry: entry.number)
            fault = _fault_of_ledger(account, entries)
            if fault:
                yield Breach(customer_id, fault)

    return Findings(sum(len(entries) for entries in snapshot.entries.values()), breaches())


def _fault_of_ledger(account: Account, entries: list[Entry]) -> str:
    if [entry.number for entry in entries] != list(range(1, account.entries + 1)):
        return f"{len(entries)} entries where {account.entries} were written"
    balance = 0
    for entry in entries:
        balance += BALANCE_SIGN[entry.kind] * entry.amount
        if balance != entry.balance:
            return f"entry {entry.number} says {entry.balance} after it, its sum is {balance}"
    if balance != account.balance:
        return f"the balance is {account.balance}, its entries sum up to {balance}"
    if any(lot.amount <= 0 for lot in account.lots) or account.owed < 0:
        return "a lot has no points, or less than nothing is owed"
    return "points can be used while some are owed" if account.owed and account.lots else ""


def points_are_held_by_open_orders(snapshot: Snapshot) -> Findings:
    held = {hold.order_id: hold.amount for account in snapshot.accounts.values() for hold in account.holds}
    due = {
        order.order_id: order.bonus_used
        for order in snapshot.orders.values()
        if order.bonus_used and order.status in HOLDING
    }

    def breaches() -> Iterator[Breach]:
        for order_id in sorted(held.keys() | due.keys()):
            if held.get(order_id, 0) != due.get(order_id, 0):
                yield Breach(order_id, f"{held.get(order_id, 0)} points held, {due.get(order_id, 0)} due")

    return Findings(len(due), breaches())


def completed_orders_accrue_once(snapshot: Snapshot) -> Findings:
    """Each has its reward, with what it used and what its refunds gave back."""
    paid = {each.order_id: each for each in snapshot.orders.values() if each.status in PAID}

    def breaches() -> Iterator[Breach]:
        for order_id, order in paid.items():
            reward = snapshot.order_rewards.get(order_id)
            if reward is None:
                yield Breach(order_id, "is completed, and no points are accounted for")
            elif (reward.used, reward.given_back) != (order.bonus_used, order.bonus_returned):
                yield Breach(
                    order_id,
                    f"used {order.bonus_used} points and got {order.bonus_returned} back, "
                    f"the ledger says {reward.used} and {reward.given_back}",
                )
        for order_id in snapshot.order_rewards.keys() & snapshot.orders.keys():
            if order_id not in paid:
                yield Breach(order_id, "has points accounted for, and is not completed")

    return Findings(len(paid), breaches())


def entries_of_orders_are_their_rewards(snapshot: Snapshot) -> Findings:
    """What the ledger issued for an order, with what is pending, is what it earned and still has."""
    sums: Counter[tuple[str, EntryKind]] = Counter()
    for entries in snapshot.entries.values():
        for entry in entries:
            if entry.order_id is not None:
                sums[entry.order_id, entry.kind] += entry.amount
    pending = Counter[str]()
    for account in snapshot.accounts.values():
        for each in account.pending:
            pending[each.order_id] += each.amount

    def breaches() -> Iterator[Breach]:
        for order_id, reward in snapshot.order_rewards.items():
            lost = sums[order_id, EntryKind.CLAWED_BACK]
            net = sums[order_id, EntryKind.ISSUED] - lost + pending[order_id]
            if net != reward.earned - reward.clawed_back:
                yield Breach(order_id, f"earned {reward.earned - reward.clawed_back}, the ledger says {net}")
            used = sums[order_id, EntryKind.REDEEMED], sums[order_id, EntryKind.GIVEN_BACK]
            if used != (reward.used, reward.given_back):
                yield Breach(order_id, f"used and got back {reward.used, reward.given_back}, not {used}")

    return Findings(len(snapshot.order_rewards), breaches())


REWARD_LAWS = (
    Invariant("Codes issued = free + given out + void", counts_of_pools_are_those_of_their_codes),
    Invariant("Free codes can be claimed, once", free_codes_are_in_their_pool_once),
    Invariant("Codes are with the orders that have them", codes_are_with_the_orders_that_have_them),
    Invariant("Bonus balances = sums of their entries", balances_are_the_sums_of_their_entries),
    Invariant("Points are held by open orders alone", points_are_held_by_open_orders),
    Invariant("Completed orders accrue, once", completed_orders_accrue_once),
    Invariant("Entries of orders = what they earned and used", entries_of_orders_are_their_rewards),
)
