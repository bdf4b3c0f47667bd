"""Promo codes and bonus points on a deployed system: given out once, used in orders, and given back."""

from __future__ import annotations

import random
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from typing import Any

import httpx
import pytest

from handlers.aws.attributes import n, optional_text
from handlers.aws.code_runs import DynamoRunStore
from handlers.aws.keys import account_key, entry_key, reward_key, total_ever_key, total_key
from handlers.aws.table_access import Tables
from harness import companions
from harness.audit import audit
from harness.system import RunningSystem
from tests import needed
from tests.emulated.storefront import Storefront, unique, wait_for
from tests.emulated.target import Target
from tests.emulated.test_orders import Checkout

CLIENTS, CODES = 64, 500
ANSWERED_WITHIN_S = 60
AGAIN_AFTER_S = 0.2
SEEN_WITHIN_S = 90  # by the consumers of streams, on a busy machine


@pytest.fixture
def shop(system: RunningSystem) -> Storefront:
    return Storefront(system)


def a_pool(shop: Storefront, codes: int = 0, **attributes: Any) -> str:
    """A new pool with so many codes worth 10.00 each."""
    pool_id = unique("pool")
    body = {"poolId": pool_id, "name": "Made by a test", "amount": 10, "currency": "EUR"} | attributes
    assert shop.post("/pools", body).status_code == 201
    if codes:
        made = [f"{pool_id}-{number:04d}".upper() for number in range(codes)]
        answer = shop.post(f"/pools/{pool_id}/codes", made)
        assert answer.status_code in (200, 201), answer.text
    return pool_id


def level(shop: Storefront, pool_id: str) -> dict[str, int]:
    return dict(shop.get(f"/pools/{pool_id}").json()["level"])


class Claimant:
    """One client that claims until the pool is empty; of its requests some are cut off, and sent again."""

    def __init__(self, shop: Storefront, pool_id: str, number: int) -> None:
        self._shop, self._pool_id, self._name = shop, pool_id, f"client-{number}"
        self._choose, self._wait = random.Random(number), threading.Event()
        self.cut_off = 0

    def run(self) -> list[str]:
        """The codes that it got."""
        codes: list[str] = []
        while True:
            answer = self._claim(f"{self._name}-{len(codes)}")
            if answer.status_code == 409:
                assert answer.json()["code"] == "pool_empty", answer.text
                return codes
            codes.append(answer.json()["promo_code"])

    def _claim(self, key: str) -> httpx.Response:
        """One request under a key, sent until it is answered."""
        while True:
            hasty = self._choose.random() < 0.2
            try:
                answer = self._shop.http.post(
                    "/codes/claim",
                    json={"pool": self._pool_id, "holder": self._name},
                    headers=self._shop.key | {"Idempotency-Key": f"{self._pool_id}-{key}"},
                    timeout=self._choose.uniform(0.001, 0.05) if hasty else ANSWERED_WITHIN_S,
                )
            except httpx.TransportError:
                self.cut_off += 1
                continue
            if answer.status_code in (200, 409) and answer.json().get("code") != "busy":
                return answer
            assert answer.status_code in (429, 502, 503, 504), answer.text
            self._wait.wait(AGAIN_AFTER_S * self._choose.random())


def test_64_clients_empty_a_pool_and_no_code_is_given_twice_or_lost(
    shop: Storefront, system: RunningSystem
) -> None:
    # The supplier has none worth this, so that it stays empty; that it is asked, and once, is what counts.
    pool_id = a_pool(shop, CODES, supplier="BROWSER", amount=77)
    claimants = [Claimant(shop, pool_id, number) for number in range(CLIENTS)]

    with ThreadPoolExecutor(CLIENTS) as pool:
        got = [code for codes in pool.map(Claimant.run, claimants) for code in codes]

    assert len(got) == len(set(got)) == CODES
    assert level(shop, pool_id) == {"free": 0, "given": CODES, "void": 0}
    assert sum(claimant.cut_off for claimant in claimants) > 0
    runs = DynamoRunStore(system.client("dynamodb"), Tables.with_prefix(system.prefix))
    wait_for("a replenishment", lambda: runs.last(pool_id), SEEN_WITHIN_S)
    assert len(runs.history(pool_id, 10)) == 1


def test_a_pool_that_runs_low_is_refilled_by_its_generator(shop: Storefront) -> None:
    pool_id = a_pool(shop, supplier="GENERATOR", threshold=3, batch=10)
    assert shop.post(f"/pools/{pool_id}/generate", {"count": 4}).status_code == 201

    for _ in range(2):
        assert shop.post("/codes/claim", {"pool": pool_id}).status_code == 200

    wait_for("ten new codes", lambda: level(shop, pool_id)["free"] == 12, SEEN_WITHIN_S)


def test_a_pool_that_runs_low_is_refilled_by_a_browser_on_the_suppliers_site(shop: Storefront) -> None:
    needed.chromium()
    pool_id = a_pool(shop, 4, supplier="BROWSER", threshold=3, batch=7)

    for _ in range(2):
        assert shop.post("/codes/claim", {"pool": pool_id}).status_code == 200

    wait_for("seven codes of the supplier", lambda: level(shop, pool_id)["free"] == 9, SEEN_WITHIN_S)
    given = [shop.post("/codes/claim", {"pool": pool_id}).json()["promo_code"] for _ in range(9)]
    assert len([code for code in given if code.startswith("BON10")]) == 7


def test_a_buyers_bonus_is_read_from_and_written_to_the_crm(shop: Storefront, system: RunningSystem) -> None:
    place = companions.kept(companions.KEYCRM, system.state_dir)
    assert place is not None
    key = {"Authorization": f"Bearer {place.secrets['KEYCRM_KEY']}"}
    crm = httpx.Client(base_url=f"{place.url}/v1", headers=key)
    mail = f"{unique('ann')}@shop.test"
    buyer = crm.post("/buyer", json={"full_name": "Ann", "email": [mail]}).raise_for_status().json()["id"]

    assert shop.get("/crm/buyers", email=mail).json()["name"] == "Ann"
    written = shop.http.put(f"/crm/buyers/{buyer}/bonus", json={"bonus": 150.5}, headers=shop.key)
    assert written.status_code == 202, written.text

    def shown() -> str:
        return crm.get(f"/buyer/{buyer}", params={"include": "custom_fields"}).text

    wait_for("the bonus in the CRM", lambda: "150.5" in shown(), SEEN_WITHIN_S)


def test_code_and_points_pay_for_an_order_and_a_refund_brings_them_back(system: RunningSystem) -> None:
    checkout = Checkout(system, price="100.00")
    shop, customer = checkout.shop, unique("ann")
    code = claimed(shop, a_pool(shop, 1), customer)
    earned(shop, customer, 1_000)

    quote = shop.post("/orders/quote", quoted(checkout, customer, code, 40)).json()
    assert (quote["totalAmount"], quote["usableBonus"], quote["earnedBonus"]) == (50, 100, 9)
    order_id = checkout.place(customerId=customer, promoCode=code, useBonus=40, totalAmount=50)
    assert checkout.ended(order_id)["status"] == "COMPLETED"
    assert checkout.kept(order_id) == 5_000
    balance_is(shop, customer, 100 - 40 + 9)
    assert shop.get(f"/codes/{code}").json()["status"] == "USED"

    assert shop.post(f"/orders/{order_id}/refund", {}).json()["refundedAmount"] == 50
    balance_is(shop, customer, 100)
    assert shop.get(f"/codes/{code}").json()["status"] == "CLAIMED"
    assert_clean(system)


def test_a_refund_after_the_points_were_spent_is_owed_and_the_next_points_pay_it(
    system: RunningSystem,
) -> None:
    checkout = Checkout(system, price="100.00")
    shop, customer = checkout.shop, unique("bob")
    first = checkout.place(3, customerId=customer, totalAmount=300)
    checkout.ended(first)
    balance_is(shop, customer, 30)
    second = checkout.place(customerId=customer, useBonus=30, totalAmount=70)
    checkout.ended(second)
    balance_is(shop, customer, 10)  # earned by the second

    shop.post(f"/orders/{first}/refund", {})

    balance_is(shop, customer, -20)
    account = shop.get(f"/customers/{customer}/bonus").json()
    assert (account["usable"], account["owed"]) == (0, 20)
    assert account["history"][0]["kind"] == "CLAWED_BACK"
    refused = shop.post("/orders", checkout.body(customerId=customer, useBonus=1, totalAmount=99))
    assert (refused.status_code, refused.json()["code"]) == (409, "insufficient_bonus")
    checkout.ended(checkout.place(5, customerId=customer, totalAmount=500))
    balance_is(shop, customer, 30)
    assert_clean(system)


def test_an_order_that_the_stream_has_lost_is_settled_by_hand(system: RunningSystem, target: Target) -> None:
    checkout = Checkout(system, price="100.00")
    shop, customer = checkout.shop, unique("dan")
    order_id = checkout.place(customerId=customer, totalAmount=100)
    checkout.ended(order_id)
    balance_is(shop, customer, 10)
    forget(system, customer, order_id)
    balance_is(shop, customer, 0)

    ended = target.run("settle")

    assert ended.returncode == 0, ended.stderr
    assert "1 of them were not accounted for" in ended.stdout
    balance_is(shop, customer, 10)
    assert_clean(system)


def forget(system: RunningSystem, customer: str, order_id: str) -> None:
    """Remove what the ledger has of one customer with one order, and what the running totals have of it."""
    dynamodb, table = system.client("dynamodb"), Tables.with_prefix(system.prefix).rewards

    def counted() -> str | None:
        entry = dynamodb.get_item(TableName=table, Key=entry_key(customer, 1))["Item"]
        return optional_text(entry, "counted_in")

    day = date.fromisoformat(wait_for("the stream to count it", counted, SEEN_WITHIN_S))
    for key in (total_key(day, 0), total_ever_key(0)):
        dynamodb.update_item(
            TableName=table,
            Key=key,
            UpdateExpression="ADD issued_amount :amount, issued_count :one",
            ExpressionAttributeValues={":amount": n(-1_000), ":one": n(-1)},
        )
    for key in (account_key(customer), entry_key(customer, 1), reward_key(order_id)):
        dynamodb.delete_item(TableName=table, Key=key)


def test_a_strangers_code_is_refused_like_one_that_was_never_made(system: RunningSystem) -> None:
    checkout = Checkout(system, price="100.00")
    shop = checkout.shop
    code = claimed(shop, a_pool(shop, 1), unique("ann"))
    stranger = unique("eve")

    answers = [
        shop.post("/orders/quote", quoted(checkout, stranger, text)) for text in (code, "NEVER-MADE", "?")
    ]

    assert {answer.status_code for answer in answers} == {409}
    assert len({answer.text for answer in answers}) == 1


def claimed(shop: Storefront, pool_id: str, customer: str) -> str:
    answer = shop.post("/codes/claim", {"pool": pool_id, "holder": customer})
    assert answer.status_code == 200, answer.text
    return str(answer.json()["promo_code"])


def earned(shop: Storefront, customer: str, total: int) -> None:
    """Let a customer earn a tenth of an order that another system took."""
    answer = shop.post(
        "/bonus-accrual", {"orderId": unique("o"), "orderTotal": total, "customerId": customer}
    )
    assert answer.status_code == 200, answer.text


def quoted(checkout: Checkout, customer: str, code: str, points: int = 0) -> dict[str, Any]:
    items = [{"productId": checkout.product_id, "quantity": 1}]
    return {"customerId": customer, "items": items, "promoCode": code, "useBonus": points}


def balance_is(shop: Storefront, customer: str, balance: int) -> None:
    """Wait until the stream has brought the balance there."""

    def look() -> bool:
        return bool(shop.get(f"/customers/{customer}/bonus").json()["balance"] == balance)

    wait_for(f"a balance of {balance}", look, SEEN_WITHIN_S)


def assert_clean(system: RunningSystem) -> None:
    report = audit(system)
    assert report.clean, "\n".join(report.lines())
