"""Orders on a deployed system: from checkout to COMPLETED, and every way in which that fails."""

from __future__ import annotations

import os
import random
import threading
import uuid
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from decimal import Decimal
from typing import Any

import httpx
import psutil
import pytest

from handlers.aws.notice_log import DynamoNoticeLog
from handlers.aws.table_access import Tables
from handlers.aws.transport import queue_body
from harness.audit import audit, wait_until_settled
from harness.system import RunningSystem
from offerloop.orders.messages import NoticeKind
from offerloop.orders.notices import NoticeStatus
from offerloop.outbox import Message, Topic
from tests.emulated.storefront import Storefront, unique, wait_for
from tests.emulated.target import Target
from tests.processes import command_of

ENDS_WITHIN_S = 180  # a busy machine and a killed processor cost their time
FINAL = {"COMPLETED", "FAILED", "CANCELLED", "REFUNDED"}
STAGES = ["PENDING", "VALIDATING", "INVENTORY_CHECK", "PAYMENT_PROCESSING", "FULFILLMENT", "COMPLETED"]
ADDRESS = {"street": "1 Main St", "city": "X", "state": "IL", "zipCode": "62701", "country": "US"}
TESTERS_PHONE = "+447700900123"  # of the range that nobody has


class Checkout:
    """A shop of a test's own product."""

    def __init__(self, system: RunningSystem, *, price: str = "10.50", stock: int = 100) -> None:
        self.shop = Storefront(system)
        self.system = system
        self.product_id = unique("T")
        self.category = unique("shelf")
        self.price = Decimal(price)
        body = {
            "productId": self.product_id,
            "name": "Made by a test",
            "category": self.category,
            "price": float(self.price),
            "stock": stock,
        }
        assert self.shop.post("/products", body).status_code == 201

    def body(self, quantity: int = 1, **changes: Any) -> dict[str, Any]:
        """An order of this product, as the documentation has it."""
        item = {"productId": self.product_id, "name": "x", "quantity": quantity, "price": float(self.price)}
        return {
            "customerId": "customer123",
            "items": [item],
            "totalAmount": float(self.price * quantity),
            "customerEmail": "customer@shop.test",
            "shippingAddress": ADDRESS,
        } | changes

    def place(self, quantity: int = 1, **changes: Any) -> str:
        answer = self.shop.post("/orders", self.body(quantity, **changes))
        assert answer.status_code == 201, answer.text
        assert answer.json()["status"] == "PENDING"
        return str(answer.json()["orderId"])

    def order(self, order_id: str) -> dict[str, Any]:
        answer = self.shop.get(f"/orders/{order_id}")
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def ended(self, order_id: str) -> dict[str, Any]:
        """The order, once it has ended."""

        def look() -> dict[str, Any] | None:
            order = self.order(order_id)
            return order if order["status"] in FINAL else None

        return wait_for("the end of the order", look, ENDS_WITHIN_S)

    def stock(self) -> tuple[int, int, int]:
        """Free, held and sold."""
        product = self.shop.get(f"/products/{self.product_id}").json()
        return product["stock"], product["held"], product["sold"]

    def payment(self, order_id: str) -> dict[str, Any] | None:
        answer = httpx.get(f"{self.system.payment_url}/payments/{order_id}")
        return dict(answer.json()) if answer.status_code == 200 else None

    def kept(self, order_id: str) -> int:
        """What the payment service keeps of an order, in cents."""
        payment = self.payment(order_id)
        return 0 if payment is None else payment["captured"] - payment["refunded"] - payment["voided"]


@contextmanager
def payments(system: RunningSystem, **shares: float) -> Iterator[None]:
    """Let new charges be answered in these ways."""
    url = f"{system.payment_url}/behaviour"
    httpx.put(url, json={"shares": shares, "seed": 1, "silent_s": 4, "late_s": 4}).raise_for_status()
    try:
        yield
    finally:
        httpx.put(url, json={"shares": {"approve": 1}}).raise_for_status()


def test_the_documented_order_is_completed_and_its_history_told(system: RunningSystem) -> None:
    checkout = Checkout(system)
    body = checkout.body()
    body["items"] = [{"productId": "LAPTOP001", "name": "Laptop", "quantity": 1, "price": 1299.99}]
    body["totalAmount"] = 1299.99

    answer = checkout.shop.post("/orders", body)
    order = checkout.ended(answer.json()["orderId"])

    assert (answer.status_code, answer.json()["totalAmount"]) == (201, 1299.99)
    assert [row["status"] for row in order["history"]] == STAGES
    assert order["tracking"]["carrier"]
    assert checkout.kept(order["orderId"]) == 129_999


def test_stock_moves_from_free_to_sold_and_back_by_refund(system: RunningSystem) -> None:
    checkout = Checkout(system)
    order_id = checkout.place(3)
    assert checkout.ended(order_id)["status"] == "COMPLETED"
    assert checkout.stock() == (97, 0, 3)

    part = {"items": [{"productId": checkout.product_id, "quantity": 1}]}
    answer = checkout.shop.post(f"/orders/{order_id}/refund", part).json()
    rest = checkout.shop.post(f"/orders/{order_id}/refund", {}).json()

    assert (answer["status"], answer["refundedAmount"]) == ("PARTIALLY_REFUNDED", 10.5)
    assert (rest["status"], rest["refundedTotal"]) == ("REFUNDED", 31.5)
    assert checkout.stock() == (100, 0, 0)
    wait_for("the money to go back", lambda: checkout.kept(order_id) == 0, ENDS_WITHIN_S)


def test_an_offer_of_a_line_is_redeemed_by_the_order_alone(system: RunningSystem) -> None:
    checkout = Checkout(system, price="20.00")
    offer = checkout.shop.create(checkout.category, stock=5)  # 10 %
    user = unique("user")
    body = checkout.body(customerId=user, totalAmount=18)
    body["items"][0]["offerId"] = offer["offer_id"]

    order_id = checkout.shop.post("/orders", body).json()["orderId"]

    assert checkout.ended(order_id)["status"] == "COMPLETED"
    stored = checkout.shop.offer(offer["offer_id"])
    assert (stored["inventory_count"], stored["held_count"], stored["redeemed_count"]) == (4, 0, 1)
    again = checkout.shop.track(user, offer, "REDEMPTION")
    assert (again.status_code, again.json()["code"]) == (409, "already_redeemed")
    wait_for(
        "the offer to be served no more",
        lambda: offer["offer_id"] not in checkout.shop.served(user),
        ENDS_WITHIN_S,
    )


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"totalAmount": 1}, 422, "amount_mismatch"),
        (
            {"items": [{"productId": "NOWHERE", "quantity": 1, "price": 1}]},
            422,
            "product_not_sold",
        ),
        ({"items": []}, 400, "invalid_input"),
        ({"customerEmail": "nobody"}, 400, "invalid_input"),
        ({"customerPhone": "12345"}, 400, "invalid_input"),
        ({"promoCode": "BON100"}, 409, "code_not_good"),
        ({"customerId": "has-no-points", "useBonus": 5}, 409, "insufficient_bonus"),
        ({"surprise": 1}, 400, "invalid_input"),
    ],
)
def test_a_wrong_order_is_refused(
    system: RunningSystem, changes: dict[str, Any], status: int, code: str
) -> None:
    checkout = Checkout(system)

    answer = checkout.shop.post("/orders", checkout.body(**changes))

    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_the_same_order_sent_twice_is_one(system: RunningSystem) -> None:
    checkout = Checkout(system)
    key = {"Idempotency-Key": unique("key")}

    first, second = (checkout.shop.post("/orders", checkout.body(), **key) for _ in range(2))

    assert (second.status_code, second.json()) == (201, first.json())
    assert checkout.ended(first.json()["orderId"])["status"] == "COMPLETED"
    assert checkout.stock() == (99, 0, 1)


def test_a_customers_token_is_for_its_own_orders(system: RunningSystem) -> None:
    checkout = Checkout(system)
    mine = {"X-Customer-Token": checkout.shop.post("/customers/mine/token", {}).json()["token"]}
    others = checkout.place()

    placed = checkout.shop.http.post("/orders", json=checkout.body(customerId="somebody"), headers=mine)
    order_id = placed.json()["orderId"]

    assert checkout.order(order_id)["customerId"] == "mine"  # the token beats the body
    assert checkout.shop.http.get(f"/orders/{order_id}", headers=mine).status_code == 200
    assert checkout.shop.http.get(f"/orders/{others}", headers=mine).status_code == 404
    assert checkout.shop.http.post(f"/orders/{others}/cancel", headers=mine).status_code == 404
    assert checkout.shop.http.post(f"/orders/{order_id}/refund", json={}, headers=mine).status_code == 403
    assert checkout.shop.http.get("/customers/somebody/orders", headers=mine).status_code == 403
    assert checkout.shop.http.get(f"/orders/{order_id}").status_code == 401
    listed = checkout.shop.http.get("/customers/mine/orders", headers=mine).json()["orders"]
    assert order_id in [order["orderId"] for order in listed]


def test_a_declined_payment_fails_the_order_and_holds_nothing(system: RunningSystem) -> None:
    checkout = Checkout(system)

    with payments(system, decline=1):
        order = checkout.ended(checkout.place())

    assert order["status"] == "FAILED"
    assert order["reason"].startswith("payment declined")
    assert checkout.stock() == (100, 0, 0)


def test_more_than_there_is_cannot_be_bought(system: RunningSystem) -> None:
    checkout = Checkout(system, stock=1)

    orders = [checkout.ended(order_id) for order_id in [checkout.place(), checkout.place()]]

    assert sorted(order["status"] for order in orders) == ["COMPLETED", "FAILED"]
    assert checkout.stock() == (0, 0, 1)


def test_an_order_without_an_answer_from_the_payment_service_can_be_cancelled(system: RunningSystem) -> None:
    checkout = Checkout(system)

    with payments(system, time_out=1):
        order_id = checkout.place()
        wait_for("the hold", lambda: checkout.stock() == (99, 1, 0), ENDS_WITHIN_S)
        answer = checkout.shop.post(f"/orders/{order_id}/cancel")

    assert (answer.status_code, answer.json()["status"]) == (200, "CANCELLED")
    assert checkout.stock() == (100, 0, 0)
    wait_for(
        "the payment's correction",
        lambda: (checkout.payment(order_id) or {}).get("voided") is not None and checkout.kept(order_id) == 0,
        ENDS_WITHIN_S,
    )


def test_a_dead_letter_becomes_a_failed_order_that_holds_nothing(system: RunningSystem) -> None:
    checkout = Checkout(system)
    sqs = system.client("sqs")

    with payments(system, time_out=1):
        order_id = checkout.place()
        wait_for("the hold", lambda: checkout.stock() == (99, 1, 0), ENDS_WITHIN_S)
        sqs.send_message(QueueUrl=system.outputs["OrderFailuresUrl"], MessageBody=work_message(order_id))
        order = checkout.ended(order_id)

    assert (order["status"], order["reason"]) == ("FAILED", "the order could not be processed")
    assert checkout.stock() == (100, 0, 0)
    wait_for("the payment's correction", lambda: checkout.kept(order_id) == 0, ENDS_WITHIN_S)


def test_what_was_given_up_is_sent_round_again(target: Target, system: RunningSystem) -> None:
    checkout = Checkout(system)
    order_id = checkout.place()
    body = {"order_id": order_id, "kind": "FAILED", "customer_id": "ann", "phone": None, "text": "Failed!"}
    message = queue_body(Message(f"{order_id}:failed", Topic.ORDER_NOTICE, order_id, body, 0)).decode()
    system.client("sqs").send_message(QueueUrl=system.outputs["FollowupFailuresUrl"], MessageBody=message)

    ended = target.run("redrive")

    assert (ended.returncode, "sent round again: 1" in ended.stdout) == (0, True), ended.stderr
    log = DynamoNoticeLog(system.client("dynamodb"), Tables.with_prefix(system.prefix))
    sent = (order_id, "FAILED")
    wait_for(
        "the notice",
        lambda: sent in {(notice.order_id, notice.kind) for notice in log.latest(200)},
        ENDS_WITHIN_S,
    )


def work_message(order_id: str) -> str:
    """What the transport puts in the queue for an order."""
    message = Message(f"{order_id}:work", Topic.ORDER_WORK, order_id, {"order_id": order_id}, 0)
    return queue_body(message).decode()


def test_customers_are_told_at_most_once_and_only_at_numbers_that_nobody_has(system: RunningSystem) -> None:
    checkout = Checkout(system)
    reserved = checkout.place(2, customerPhone=TESTERS_PHONE)
    somebodys = checkout.place(customerPhone="+15005550006")
    log = DynamoNoticeLog(system.client("dynamodb"), Tables.with_prefix(system.prefix))

    def told() -> dict[tuple[str, str], Any]:
        found = {(notice.order_id, notice.kind.value): notice for notice in log.latest(200)}
        done = [notice for notice in found.values() if notice.status is not NoticeStatus.SENDING]
        ours = [notice for notice in done if notice.order_id in (reserved, somebodys)]
        return found if len(ours) == 4 else {}

    notices = wait_for("four notices", told, ENDS_WITHIN_S)
    created = notices[reserved, "CREATED"]
    assert (created.status, notices[somebodys, "CREATED"].status) == ("SENT", "NUMBER_NOT_ALLOWED")
    assert created.text.splitlines()[:5] == [
        "🛒 Order Created!",
        f"Order ID: {reserved[:8]}...",
        "Customer: customer123",
        "Items: 2",
        "Total: €21.00",
    ]
    assert notices[reserved, "COMPLETED"].text.startswith("✅ Order Completed!")


def test_a_phone_that_opted_out_gets_no_texts_until_it_opts_in(system: RunningSystem) -> None:
    checkout = Checkout(system)
    phone = "+447700900124"
    log = DynamoNoticeLog(system.client("dynamodb"), Tables.with_prefix(system.prefix))

    def told() -> NoticeStatus:
        order_id = checkout.place(customerPhone=phone)

        def look() -> NoticeStatus | None:
            found = {(notice.order_id, notice.kind): notice.status for notice in log.latest(200)}
            status = found.get((order_id, NoticeKind.CREATED))
            return None if status is NoticeStatus.SENDING else status

        return wait_for("the notice", look, ENDS_WITHIN_S)

    statuses = [told()]
    for path in ("/messages/opt-out", "/messages/opt-in"):
        assert checkout.shop.post(path, {"phone": phone}).status_code == 200
        statuses.append(told())

    assert statuses == [NoticeStatus.SENT, NoticeStatus.OPTED_OUT, NoticeStatus.SENT]


def test_a_completed_order_is_rated_by_its_customer_alone(system: RunningSystem) -> None:
    checkout = Checkout(system)
    rater = unique("rater")
    headers = [
        {"X-Customer-Token": checkout.shop.post(f"/customers/{each}/token", {}).json()["token"]}
        for each in (rater, unique("other"))
    ]
    order_id = checkout.place(customerId=rater)
    before = checkout.ended(order_id)
    path = f"/orders/{order_id}/rating"

    first, replaced, others = (
        checkout.shop.http.post(path, json={"rating": rating}, headers=who)
        for rating, who in ((2, headers[0]), (5, headers[0]), (1, headers[1]))
    )

    assert (first.status_code, replaced.status_code, others.status_code) == (200, 200, 404)
    after = checkout.order(order_id)
    assert (before["rating"], after["rating"]["rating"]) == (None, 5)
    assert (after["status"], after["history"]) == (before["status"], before["history"])
    assert checkout.shop.post(path, {"rating": 6}).json()["code"] == "invalid_input"


EXAMPLE_QUESTIONS = [
    "What's my order status?",
    "Where is my package?",
    "Show me my recent orders",
    "Show recent orders",
    "What's the status of my order?",
    "How do I track my package?",
]


def test_the_chatbot_answers_the_documented_questions_about_ones_own_orders(system: RunningSystem) -> None:
    checkout = Checkout(system)
    asker = unique("asker")
    token = {"X-Customer-Token": checkout.shop.post(f"/customers/{asker}/token", {}).json()["token"]}
    order_id = checkout.place(customerId=asker)
    number = checkout.ended(order_id)["tracking"]["number"]
    wait_for(
        "the index of customers",
        lambda: checkout.shop.get(f"/customers/{asker}/orders").json()["orders"],
        ENDS_WITHIN_S,
    )

    def ask(query: str) -> dict[str, Any]:
        by_key = checkout.shop.post("/chatbot", {"query": query, "customerId": asker})
        by_token = checkout.shop.http.post(
            "/chatbot", json={"query": query, "customerId": "customer123"}, headers=token
        )
        assert (by_key.status_code, by_token.status_code) == (200, 200), by_key.text + by_token.text
        assert by_key.json() == by_token.json()
        return dict(by_key.json())

    for question in (*EXAMPLE_QUESTIONS, f"What's the status of order {order_id[:8]}...?", f"{order_id}?"):
        answer = ask(question)
        assert (answer["source"], answer["orders"]) == ("template", [order_id]), question
        assert order_id in answer["answer"]
    assert number in ask("Where is my package?")["answer"]


def test_the_chatbot_does_not_tell_anothers_order_from_none(system: RunningSystem) -> None:
    checkout = Checkout(system)
    asker = unique("asker")
    others = checkout.place()

    answers = [
        checkout.shop.post("/chatbot", {"query": f"What's the status of order {asked}?", "customerId": asker})
        for asked in (others, others[:8], "abc-123-def", str(uuid.uuid4()))
    ]

    assert {answer.status_code for answer in answers} == {200}
    assert all(answer.json() == answers[0].json() for answer in answers)
    assert answers[0].json()["orders"] == []
    nobody = checkout.shop.post("/chatbot", {"query": "Show recent orders"})
    assert (nobody.status_code, nobody.json()["errors"][0]["field"]) == (400, "customerId")


# -- a storm ----------------------------------------------------------------------------------------

STORM = {
    **{"approve": 0.6, "decline": 0.1, "time_out": 0.1},
    **{"answer_late": 0.05, "answer_twice": 0.1, "fail": 0.05},
}
# Some minutes for hundreds; OFFERLOOP_STORM_ORDERS=500 is a storm worth the name.
ORDERS = int(os.environ.get("OFFERLOOP_STORM_ORDERS", "60"))


def test_no_order_is_lost_doubled_or_left_hanging_in_a_storm(target: Target, system: RunningSystem) -> None:
    """Processors are killed, payments fail in every way, and each message comes twice."""
    checkout = Checkout(system, stock=ORDERS // 2)
    calm = threading.Event()
    killed = Counter[str]()
    with payments(system, **STORM), short_visibility(system), ThreadPoolExecutor(9) as threads:
        killer = threads.submit(kill_processors, target, calm, killed)
        try:
            orders = list(threads.map(lambda _: checkout.place(), range(ORDERS)))
            sqs, queue = system.client("sqs"), system.outputs["OrderQueueUrl"]
            for order_id in orders:
                sqs.send_message(QueueUrl=queue, MessageBody=work_message(order_id))
            statuses = Counter(checkout.ended(order_id)["status"] for order_id in orders)
        finally:
            calm.set()  # or the killer, and so the test, would never end
        killer.result()

    assert killed["processors"] > 0
    assert statuses.total() == ORDERS
    assert statuses.keys() <= {"COMPLETED", "FAILED"}
    assert checkout.stock() == (ORDERS // 2 - statuses["COMPLETED"], 0, statuses["COMPLETED"])
    wait_until_settled(system)
    report = audit(system)
    assert report.clean, "\n".join(report.lines())


def kill_processors(target: Target, calm: threading.Event, killed: Counter[str]) -> None:
    """Kill a process that carries orders on, now and then."""
    chance = random.Random(5)
    while not calm.wait(chance.uniform(0.3, 1.5)):
        for process in target.process("emulator").children(recursive=True):
            if "handlers.process_orders.handle" in command_of(process):
                with suppress(psutil.Error):
                    process.kill()
                    killed["processors"] += 1


@contextmanager
def short_visibility(system: RunningSystem) -> Iterator[None]:
    """Let messages of a consumer that was killed come back within seconds."""
    sqs, urls = (
        system.client("sqs"),
        [system.outputs[name] for name in ("OrderQueueUrl", "OrderFollowupsUrl")],
    )
    for url in urls:
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "5"})
    try:
        yield
    finally:
        for url in urls:
            sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "180"})
