"""The hunt finds bugs that are planted in promo codes and points, and shrinks the script to few steps."""

import json
from dataclasses import replace

import pytest

from offerloop.bonuses import settle_rewards
from offerloop.codes import claim_code
from offerloop.codes.model import CodeStatus, Level
from offerloop.orders import process_order, steps
from offerloop.orders.model import OrderStatus
from simulator.hunt.code_steps import AddCodes, ClaimCode, CreatePool, WithdrawCode
from simulator.hunt.laws import ONE_EFFECT
from simulator.hunt.script import (
    AdvanceOrder,
    CancelOrder,
    CreateProduct,
    Line,
    PlaceOrder,
    RefundOrder,
    in_words,
    steps_as_data,
    steps_from_json,
)
from simulator.hunt.search import UNEXPECTED, perform, search
from simulator.hunt.system import MemorySystem
from simulator.hunt.weather import ALL_WEATHER
from simulator.memory import orders as memory_orders
from simulator.memory.codes import MemoryCodeStore

ROUNDS = 20
FEW_STEPS = 16

LEVELS = "Codes issued = free + given out + void"
FREE = "Free codes can be claimed, once"
WITH_ORDERS = "Codes are with the orders that have them"
BALANCES = "Bonus balances = sums of their entries"
HELD = "Points are held by open orders alone"
OF_ORDERS = "Entries of orders = what they earned and used"


def gives_out_a_code_and_leaves_it_in_the_pool(patch):
    claim = MemoryCodeStore.claim

    def generous(store, asked):
        code = claim(store, asked)
        store._world.free_codes[code.pool_id][code.code] = None
        return code

    patch.setattr(MemoryCodeStore, "claim", generous)


def claims_again_under_the_same_key(patch):
    patch.setattr(claim_code, "recall", lambda *_: None)
    patch.setattr(claim_code, "answered", lambda *_: None)


def adds_a_code_that_was_seen_before(patch):
    def add(store, pool, codes, **how):
        for code in codes:
            store._world.codes.pop(code, None)
        return before(store, pool, codes, **how)

    before = MemoryCodeStore.add
    patch.setattr(MemoryCodeStore, "add", add)


def holds_a_code_whoever_has_it(patch):
    patch.setattr(memory_orders, "is_good_for", lambda *_: True)
    patch.setattr(process_order, "good_for", lambda *_: None)


def keeps_the_code_of_a_cancelled_order(patch):
    move = steps.code_move
    patch.setattr(
        steps,
        "code_move",
        lambda before, after: None if after is OrderStatus.CANCELLED else move(before, after),
    )


def keeps_the_points_of_an_order_that_did_not_come_about(patch):
    patch.setattr(settle_rewards.accounts, "release", lambda account, _: account)


def takes_back_nothing_when_an_order_is_given_back(patch):
    patch.setattr(settle_rewards.accounts, "claw_back", lambda account, *_: (account, ()))


def uses_points_and_leaves_them_in_the_account(patch):
    hold = process_order.hold

    def hold_twice(account, order_id, amount, now):
        return replace(hold(account, order_id, amount, now), lots=account.lots)

    patch.setattr(process_order, "hold", hold_twice)


BUGS = {
    gives_out_a_code_and_leaves_it_in_the_pool: {FREE, LEVELS, ONE_EFFECT},
    claims_again_under_the_same_key: {ONE_EFFECT},
    adds_a_code_that_was_seen_before: {LEVELS, ONE_EFFECT, FREE, WITH_ORDERS},
    holds_a_code_whoever_has_it: {WITH_ORDERS},
    keeps_the_code_of_a_cancelled_order: {WITH_ORDERS},
    keeps_the_points_of_an_order_that_did_not_come_about: {HELD},
    takes_back_nothing_when_an_order_is_given_back: {OF_ORDERS},
    uses_points_and_leaves_them_in_the_account: {BALANCES, HELD, UNEXPECTED},
}


@pytest.mark.parametrize("plant", BUGS, ids=lambda plant: plant.__name__)
def test_a_planted_bug_is_found_and_its_script_is_short(plant, monkeypatch):
    plant(monkeypatch)

    found = next(filter(None, (search(seed, ALL_WEATHER).breach for seed in range(ROUNDS))))

    assert found.violation.law in BUGS[plant]
    assert len(found.script) <= FEW_STEPS, [in_words(step) for step in found.script]


LAMP = CreateProduct(product="lamp", category="kites", price=1_000, stock=5)
POOL = CreatePool(pool="spring", amount=300, codes=1)
CLAIM = ClaimCode(user="ann", pool="spring", key="k1")
LAMPS = (Line(product="lamp"),)
PLAIN = PlaceOrder(order="o0", user="ann", lines=LAMPS)
ORDER = PlaceOrder(order="o1", user="ann", lines=LAMPS, code_of="ann", points=50)
STEP = AdvanceOrder(order="o1")


def at_rest(*script):
    """The system after a script, when everything was delivered, and the answer to the last step."""
    system = MemorySystem()
    answer = None
    for step in script:
        answer = system.perform(step)
    system.come_to_rest()
    return system, answer


def earned(*script):
    """A system in which Ann has earned a hundred points before the script."""
    system, _ = at_rest(LAMP, POOL, PLAIN)
    answers = [system.perform(step) for step in script]
    system.come_to_rest()
    return system, answers


def order_of(system, name="o1"):
    return system.world.orders[system.orders.names[name]]


def test_an_order_is_paid_with_a_code_and_points_and_earns_by_what_it_came_to():
    system, _ = earned(CLAIM, ORDER)
    order, account = order_of(system), system.world.accounts["ann"]

    assert (order.status, order.total) == (OrderStatus.COMPLETED, 1_000 - 300 - 50)
    assert {code.status for code in system.world.codes.values()} == {CodeStatus.USED}
    assert (account.redeemed, account.balance) == (50, 100 - 50 + 70)


def test_a_claim_repeated_under_its_key_gives_the_same_code_and_another_finds_the_pool_empty():
    system, answers = earned(CLAIM, CLAIM, ClaimCode(user="bob", pool="spring"))

    assert answers == [{"code": "CODE-0000"}, {"code": "CODE-0000"}, {"refused": "pool_empty"}]
    assert system.world.code_counts["spring"] == Level(0, 1, 0)


def test_somebody_elses_code_and_too_many_points_are_refused():
    of_bob = PlaceOrder(order="o2", user="bob", lines=LAMPS, code_of="ann")
    too_many = PlaceOrder(order="o3", user="ann", lines=LAMPS, points=500)

    _, answers = earned(CLAIM, of_bob, too_many)

    assert answers[1:] == [{"refused": "code_not_good"}, {"refused": "insufficient_bonus"}]


def test_of_two_orders_with_one_code_one_fails():
    again = PlaceOrder(order="o2", user="ann", lines=LAMPS, code_of="ann")

    system, _ = earned(CLAIM, ORDER, again)

    ends = {order_of(system, name).status for name in ("o1", "o2")}
    assert ends == {OrderStatus.COMPLETED, OrderStatus.FAILED}


@pytest.mark.parametrize("end", [CancelOrder(order="o1"), RefundOrder(order="o1")])
def test_code_and_points_of_an_order_that_does_not_last_are_its_customers_again(end):
    on_its_way = [STEP] * (5 if isinstance(end, RefundOrder) else 3)

    system, _ = earned(CLAIM, ORDER, *on_its_way, end)

    assert [code.status for code in system.world.codes.values()] == [CodeStatus.CLAIMED]
    assert system.world.accounts["ann"].usable(system.now) == 100


def test_a_code_that_was_withdrawn_is_added_no_more():
    system, answer = at_rest(POOL, WithdrawCode(number=0), AddCodes(pool="spring", first=0, codes=2))

    assert answer == {"added": ["CODE-0001"]}
    assert system.world.code_counts["spring"] == Level(1, 0, 1)


def test_a_script_with_codes_is_written_and_read_without_loss_and_breaks_no_law():
    script = [LAMP, POOL, PLAIN, *[AdvanceOrder(order="o0")] * 5, CLAIM, CLAIM, ORDER, *[STEP] * 4]
    script += [WithdrawCode(number=0), AddCodes(pool="spring", first=0, codes=3), CancelOrder(order="o1")]

    assert steps_from_json(json.dumps(steps_as_data(script))) == script
    performance = perform(script)
    assert (performance.steps, performance.broken) == (len(script), None)
