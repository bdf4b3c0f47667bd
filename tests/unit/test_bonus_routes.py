"""The routes for bonus points, as the gateway calls them, and the rule that runs every minute."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest

from handlers.aws.cursors import cursor_at
from offerloop.bonuses import accounts
from offerloop.bonuses.customers import customer_id_of
from offerloop.bonuses.model import Lot
from offerloop.orders.model import OrderStatus
from simulator.memory.bonuses import MemoryBonusLedger
from simulator.memory.world import MemoryWorld
from tests.bonuses import DAY, LATER, TOMORROW, an_account
from tests.factories import NOON, FixedClock
from tests.orders import a_stored_order
from tests.routes import CONTEXT, SHOP, Route, a_route

ACCRUAL, QUOTE, ACCOUNT = "/bonus-accrual", "/bonus/quote", "/customers/{customer_id}/bonus"
PHONE, EMAIL = "+380441234567", "ann@shop.test"
DOCUMENTED = {
    "orderId": "12345",
    "orderTotal": 1000,
    "customer": {"name": "Ann", "phone": PHONE, "email": EMAIL},
    "bonusAmount": 100,
    "usedBonusAmount": 50,
}


@pytest.fixture
def route(monkeypatch: pytest.MonkeyPatch) -> Route:
    world = MemoryWorld(FixedClock())
    world.put_account(an_account(Lot(8_000, LATER), customer_id=customer_id_of(PHONE, None)))
    world.put_account(an_account(Lot(1_050, TOMORROW), Lot(2_000)))
    return a_route(monkeypatch, "ManageBonuses", world)


def printed(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


# -- accruals ----------------------------------------------------------------------------------------


def test_the_documented_accrual_gets_the_documented_answer(route: Route) -> None:
    answer = route.call(ACCRUAL, DOCUMENTED, headers=SHOP)

    assert answer == (
        200,
        {"success": True, "orderId": "12345", "bonusAmount": 100, "usedBonusAmount": 50, "balance": 130},
    )
    assert route.call(ACCRUAL, DOCUMENTED, headers=SHOP) == answer


def test_what_was_booked_is_logged_and_counted_and_says_nothing_of_the_customer(
    route: Route, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(2):
        route.call(ACCRUAL, DOCUMENTED, headers=SHOP)

    lines = printed(capsys)
    logged = [vars(record) for record in caplog.records if record.getMessage() == "Points booked"]
    assert [(line["kind"], line["points"]) for line in logged] == [("REDEEMED", 5_000), ("ISSUED", 10_000)]
    assert [line["PointsIssued"] for line in lines if "PointsIssued" in line] == [[10_000]]
    assert [line["PointsRedeemed"] for line in lines if "PointsRedeemed" in line] == [[5_000]]
    assert not any(
        known in f"{lines}{logged}" for known in ("Ann", PHONE[1:], EMAIL, customer_id_of(PHONE, None))
    )
    assert not any(known in str(route.world) for known in ("Ann", PHONE[1:], EMAIL))


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"bonusAmount": 99.99}, 422, "amount_mismatch"),
        ({"usedBonusAmount": 80.01}, 409, "insufficient_bonus"),
        ({"orderTotal": 40, "bonusAmount": 4}, 400, "invalid_input"),
        ({"customer": {}}, 400, "invalid_input"),
        ({"customer": {"phone": "044 1234567"}}, 400, "invalid_input"),
        ({"orderTotal": -1}, 400, "invalid_input"),
        ({"orderTotal": 10.001}, 400, "invalid_input"),
        ({"orderId": "not an id"}, 400, "invalid_input"),
    ],
)
def test_what_cannot_be_accrued_is_refused(
    route: Route, change: dict[str, object], status: int, code: str
) -> None:
    answer, body = route.call(ACCRUAL, DOCUMENTED | change, headers=SHOP)

    assert (answer, body["code"], route.world.order_rewards) == (status, code, {})


def test_an_amount_that_is_not_ours_is_refused_with_ours(route: Route) -> None:
    _, body = route.call(ACCRUAL, DOCUMENTED | {"bonusAmount": 1}, headers=SHOP)

    assert body["errors"] == [{"field": "bonusAmount", "message": "the order earns 100.00"}]


def test_an_order_that_earned_by_other_figures_is_a_conflict(route: Route) -> None:
    route.call(ACCRUAL, DOCUMENTED, headers=SHOP)

    answer = route.call(ACCRUAL, DOCUMENTED | {"usedBonusAmount": 0}, headers=SHOP)

    assert (answer[0], answer[1]["code"]) == (409, "order_already_accrued")


def test_an_idempotency_key_stands_for_one_body(route: Route) -> None:
    headers = SHOP | {"Idempotency-Key": "k1"}
    first = route.call(ACCRUAL, DOCUMENTED, headers=headers)

    assert route.call(ACCRUAL, DOCUMENTED, headers=headers) == first
    assert route.call(ACCRUAL, DOCUMENTED | {"orderId": "2"}, headers=headers)[0] == 422


def test_only_the_shops_server_accrues(route: Route) -> None:
    assert route.call(ACCRUAL, DOCUMENTED, headers=route.token("ann"))[0] == 403
    assert route.call(ACCRUAL, DOCUMENTED)[0] == 403
    assert route.world.order_rewards == {}


def test_an_order_placed_here_says_what_it_earned_by_itself(route: Route) -> None:
    done = a_stored_order("done", status=OrderStatus.COMPLETED, total=100_000)
    route.world.orders["done"] = done
    body = {"orderId": "done", "orderTotal": 1000, "customer": {"phone": PHONE}}

    answer = route.call(ACCRUAL, body, headers=SHOP)

    assert (answer[1]["bonusAmount"], answer[1]["balance"]) == (100, 130.5)  # ann's, who placed it


# -- quotes ------------------------------------------------------------------------------------------


def quoted(route: Route, headers: dict[str, str] | None, **query: str) -> tuple[int, dict[str, object]]:
    return route.call(QUOTE, method="GET", headers=headers, query=query)


def test_a_customer_is_quoted_by_its_own_account(route: Route) -> None:
    answer = quoted(route, route.token("ann"), orderTotal="20.00", customerId="ben")

    assert answer == (200, {"bonusAmount": 2, "usableBonus": 20, "balance": 30.5})


def test_the_shop_is_quoted_for_any_customer_or_none(route: Route) -> None:
    assert quoted(route, SHOP, orderTotal="999.99", usedBonusAmount="30.5", customerId="ann")[1] == {
        "bonusAmount": 100,
        "usableBonus": 30.5,
        "balance": 30.5,
    }
    assert quoted(route, SHOP, orderTotal="1000")[1] == {"bonusAmount": 100, "usableBonus": 0, "balance": 0}


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ({}, 400, "invalid_input"),
        ({"orderTotal": "x"}, 400, "invalid_input"),
        ({"orderTotal": "NaN"}, 400, "invalid_input"),
        ({"orderTotal": "1.001"}, 400, "invalid_input"),
        ({"orderTotal": "10", "usedBonusAmount": "11"}, 400, "invalid_input"),
        ({"orderTotal": "100", "usedBonusAmount": "30.51"}, 409, "insufficient_bonus"),
    ],
)
def test_what_cannot_be_quoted_is_refused(
    route: Route, query: dict[str, str], status: int, code: str
) -> None:
    answer, body = quoted(route, route.token("ann"), **query)

    assert (answer, body["code"]) == (status, code)


def test_visitors_are_quoted_nothing(route: Route) -> None:
    assert quoted(route, None, orderTotal="10")[0] == 401


# -- accounts ----------------------------------------------------------------------------------------


def test_an_account_is_shown_with_its_history(route: Route) -> None:
    ledger = MemoryBonusLedger(route.world)
    route.call(
        ACCRUAL, {"orderId": "1", "orderTotal": 105, "usedBonusAmount": 5, "customerId": "ann"}, headers=SHOP
    )
    route.world.put_account(accounts.hold(ledger.account("ann"), "open", 1_000, NOON))

    status, body = route.call(ACCOUNT, method="GET", headers=route.token("ann"), customer_id="ann")

    assert status == 200
    assert body == {
        "customerId": "ann",
        "balance": 36,
        "usable": 26,
        "held": 10,
        "pending": 0,
        "owed": 0,
        "pendingOrders": [],
        "nextExpiry": {"amount": 6, "at": "2028-01-16T00:00:00.000Z"},
        "history": [
            {
                "number": 2,
                "kind": "ISSUED",
                "amount": 10.5,
                "change": 10.5,
                "balance": 36,
                "at": "2027-01-15T08:00:00.000Z",
                "orderId": "1",
                "detail": "earned by an order",
            },
            {
                "number": 1,
                "kind": "REDEEMED",
                "amount": 5,
                "change": -5,
                "balance": 25.5,
                "at": "2027-01-15T08:00:00.000Z",
                "orderId": "1",
                "detail": "used in an order",
            },
        ],
        "cursor": None,
    }


def test_a_history_comes_page_by_page(route: Route) -> None:
    for number in range(3):
        body = {"orderId": f"o-{number}", "orderTotal": 10, "customerId": "ann"}
        route.call(ACCRUAL, body, headers=SHOP)

    def page(**query: str) -> tuple[list[str], str | None]:
        _, body = route.call(ACCOUNT, method="GET", headers=SHOP, query=query, customer_id="ann")
        return [entry["orderId"] for entry in body["history"]], body["cursor"]

    first, cursor = page(limit="2")

    assert first == ["o-2", "o-1"]
    assert page(limit="2", cursor=cursor or "") == (["o-0"], None)


def test_a_foreign_cursor_is_refused(route: Route) -> None:
    query = {"cursor": cursor_at("nowhere")}

    assert route.call(ACCOUNT, method="GET", headers=SHOP, query=query, customer_id="ann")[0] == 400


def test_customers_see_their_own_points_only(route: Route) -> None:
    assert route.call(ACCOUNT, method="GET", headers=route.token("ben"), customer_id="ann")[0] == 403
    assert route.call(ACCOUNT, method="GET", customer_id="ann")[0] == 401
    assert route.call(ACCOUNT, method="GET", headers=SHOP, customer_id="nobody")[1]["balance"] == 0


# -- every minute ------------------------------------------------------------------------------------


def test_every_minute_lots_end_and_are_counted(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    clock = FixedClock()
    world = MemoryWorld(clock)
    world.put_account(an_account(Lot(1_050, TOMORROW), Lot(2_000)))
    sweeper = a_route(monkeypatch, "SweepBonuses", world)
    context = SimpleNamespace(**vars(CONTEXT), get_remaining_time_in_millis=lambda: 55_000)

    assert sweeper.module.handle({}, context) == {"accounts": 0}
    clock.move_on(DAY)
    assert sweeper.module.handle({}, context) == {"accounts": 1, "PointsExpired": 1_050}

    assert world.accounts["ann"].balance == 2_000
    assert [line["PointsExpired"] for line in printed(capsys) if "_aws" in line] == [[1_050]]


def test_a_sweep_ends_before_its_time_does(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = FixedClock(TOMORROW * 1_000)
    world = MemoryWorld(clock)
    world.put_account(an_account(Lot(5, TOMORROW)))
    sweeper = a_route(monkeypatch, "SweepBonuses", world)
    context = SimpleNamespace(**vars(CONTEXT), get_remaining_time_in_millis=lambda: 9_999)

    assert sweeper.module.handle({}, context) == {"accounts": 0}
