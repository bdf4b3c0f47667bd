"""The laws of codes and points: what breaks each, and that nothing else breaks with it."""

from dataclasses import replace

import pytest

from offerloop.bonuses.model import Hold, Lot
from offerloop.codes.model import CodeStatus, Level
from offerloop.orders.model import OrderStatus
from simulator.reward_laws import REWARD_LAWS
from tests.unit.test_audit_invariants import broken_laws, sound, with_order, without

COUNTS, FREE, WITH_ORDERS = (law.name for law in REWARD_LAWS[:3])
BALANCES, HELD, ACCRUED, ENTRIES = (law.name for law in REWARD_LAWS[3:])


def a_code_of(snapshot, status):
    return next(code for code in snapshot.codes.values() if code.status is status)


def with_code(snapshot, found, **fields):
    """The snapshot with the first code of this status changed."""
    code = replace(a_code_of(snapshot, found), **fields)
    return replace(snapshot, codes={**snapshot.codes, code.code: code})


def in_fulfilment_again(snapshot, status):
    order = next(order for order in snapshot.orders.values() if order.status is status)
    changed = replace(order, status=OrderStatus.FULFILLMENT)
    return replace(snapshot, orders={**snapshot.orders, order.order_id: changed})


def with_account(snapshot, **fields):
    return replace(snapshot, accounts={"ann": replace(snapshot.accounts["ann"], **fields)})


def with_reward(snapshot, **fields):
    """The snapshot with the reward of the order that was refunded changed."""
    reward = next(each for each in snapshot.order_rewards.values() if each.clawed_back)
    changed = {reward.order_id: replace(reward, **fields)}
    return replace(snapshot, order_rewards={**snapshot.order_rewards, **changed})


def entries_of_ann(snapshot, change):
    return replace(snapshot, entries={"ann": change(list(snapshot.entries["ann"]))})


CORRUPTIONS = {
    "a code that nobody counts": (
        lambda s: replace(s, code_levels={"bonus-100": Level(1, 1, 0)}),
        {COUNTS},
    ),
    "a code that was withdrawn and is given out": (
        lambda s: with_code(s, CodeStatus.FREE, status=CodeStatus.VOID),
        {COUNTS, FREE},
    ),
    "a code that can be claimed twice": (
        lambda s: replace(s, free_codes=[*s.free_codes, *s.free_codes]),
        {FREE},
    ),
    "a code that can be claimed again": (
        lambda s: replace(s, free_codes=[*s.free_codes, ("bonus-100", a_code_of(s, CodeStatus.USED).code)]),
        {FREE},
    ),
    "a code that no claim finds": (lambda s: replace(s, free_codes=[]), {FREE}),
    "a code of a completed order that was given back": (
        lambda s: with_code(s, CodeStatus.USED, status=CodeStatus.CLAIMED, order_id=None),
        {WITH_ORDERS},
    ),
    "a code that another order holds": (
        lambda s: with_code(s, CodeStatus.HELD, order_id="another"),
        {WITH_ORDERS},
    ),
    "a code that is somebody else's": (
        lambda s: with_code(s, CodeStatus.HELD, holder_id="bob"),
        {WITH_ORDERS},
    ),
    "a code that stays held": (
        lambda s: with_order(s, OrderStatus.FULFILLMENT, promo_code=None),
        {WITH_ORDERS},
    ),
    "points that came from nowhere": (
        lambda s: with_account(s, lots=(*s.accounts["ann"].lots, Lot(1))),
        {BALANCES},
    ),
    "an entry that was lost": (
        lambda s: entries_of_ann(s, lambda entries: entries[1:]),
        {BALANCES, ENTRIES},
    ),
    "an entry that says another balance": (
        lambda s: entries_of_ann(s, lambda entries: [replace(entries[0], balance=99), *entries[1:]]),
        {BALANCES},
    ),
    "points that are usable while some are owed": (
        lambda s: with_account(s, lots=(*s.accounts["ann"].lots, Lot(1)), owed=1),
        {BALANCES},
    ),
    "points that an order holds twice": (
        lambda s: with_account(s, holds=(replace(s.accounts["ann"].holds[0], lots=(Lot(10),)),), owed=5),
        {HELD, BALANCES},
    ),
    "points that stay held": (
        lambda s: with_account(s, holds=(Hold("gone", s.accounts["ann"].holds[0].lots),)),
        {HELD},
    ),
    "a completed order that earned nothing": (
        lambda s: replace(
            s,
            order_rewards=without(
                s.order_rewards, next(each.order_id for each in s.order_rewards.values() if each.used)
            ),
        ),
        {ACCRUED},
    ),
    "an order that earned before it was completed": (
        lambda s: in_fulfilment_again(s, OrderStatus.PARTIALLY_REFUNDED),
        {ACCRUED},
    ),
    "points that were taken back and are not booked": (
        lambda s: with_reward(s, clawed_back=0),
        {ENTRIES},
    ),
}

# What must break besides, because the corrupted value is also the source of something else.
BESIDES = {
    "an order that earned before it was completed": {
        "Every order's history is complete and legal",
        "Products sold = units of completed orders",
        "Stock is held by open orders alone",
        "No hold outlives its deadline",
        "Payments kept = completed orders less refunds",
    },
}


@pytest.mark.parametrize("corruption", CORRUPTIONS)
def test_a_corruption_breaks_its_own_laws_and_no_other(corruption):
    corrupt, laws = CORRUPTIONS[corruption]

    broken = broken_laws(corrupt(sound()))

    assert broken >= laws
    assert broken - laws <= BESIDES.get(corruption, set())


def test_every_law_is_broken_by_some_corruption():
    assert {law for _, laws in CORRUPTIONS.values() for law in laws} == {law.name for law in REWARD_LAWS}
