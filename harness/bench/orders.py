"""How long an order takes to be accepted, and how many a second the whole pipeline carries to their end."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from harness.bench.api_calls import ApiCalls
from harness.bench.figures import Bar, Figure, ratios
from harness.bench.recommend import deploy_hello, p50s_in_turns
from harness.bench.row import Bench
from harness.system import RunningSystem
from loadtests.orders import Ask, Details, OrdersOutcome, asked_over_http, follow
from offerloop.orders.model import IN_PROGRESS, OrderStatus
from simulator.shoppers.checkout import BasketLine, Checkout, ListedProduct
from simulator.shoppers.http_shop import order_body

MOST_AGAINST_HELLO = 2.5
LEAST_PER_S = 25
WARM_UP, PER_ROUND = 20, 20
ORDERS, CLIENTS = 300, 8
PRODUCTS, LINES = 8, 2  # a basket has two lines in the mean (loadtests/checkouts.py)
PRICE = 1_849
STOCK = 1_000_000
FINAL_WITHIN_S = 120.0
ASK_EVERY_S = 0.25


def measure(bench: Bench) -> Iterator[Figure]:
    """First single orders against hello, then many at once to their end."""
    system = bench.system()
    till = Till(system)
    yield from against_hello(till, bench.rounds(9))
    yield from throughput(till, bench.rounds(3))


class Till:
    """Places orders at a system: of products of the bench's own, which never run out.

    Raises:
        RuntimeError: the products cannot be made.
    """

    def __init__(self, system: RunningSystem) -> None:
        self.system = system
        self.headers = {"X-API-Key": system.api_key}
        self._run = uuid.uuid4().hex[:12]
        self._products = [
            ListedProduct(f"BENCH-{self._run}-{number}", "bench", PRICE) for number in range(PRODUCTS)
        ]
        with self.calls() as calls:
            for product in self._products:
                calls.timed_post("/products", _new_product(product), expected=201)

    def calls(self) -> ApiCalls:
        """A connection for one client."""
        return ApiCalls(self.system.api_url, self.headers)

    def body(self, number: int) -> Mapping[str, Any]:
        """The body of the n-th order."""
        products = (self._products[(number + line) % PRODUCTS] for line in range(LINES))
        lines = tuple(BasketLine(product, 1) for product in products)
        return order_body(Checkout(f"bench-{self._run}-{number % 50}", lines))

    def settle(self, order_ids: Sequence[str]) -> OrdersOutcome:
        """Wait until orders are final; the newest is asked for alone, so that the others are not held up."""
        with asked_over_http(self.system.api_url, self.system.api_key) as ask:
            _wait_for(order_ids[-1], ask)
            return follow(order_ids, ask, within_s=FINAL_WITHIN_S)


def against_hello(till: Till, rounds: int) -> list[Figure]:
    """Hello with one transactional write and a placed order in turns; the pipeline works behind both."""
    with ApiCalls(deploy_hello(till.system)) as hello, till.calls() as shop:
        kinds = {
            "hello": lambda turn: hello.timed_post("/hello-write", till.body(turn), expected=201),
            "order": lambda turn: shop.timed_post("/orders", till.body(turn), key_of_its_own(), expected=201),
        }
        p50s_in_turns(kinds, WARM_UP)
        measured = []
        for _ in range(rounds):
            till.settle([place(shop, till.body(0))])  # what the rounds before left is behind it in the queue
            measured.append(p50s_in_turns(kinds, PER_ROUND))
    by_kind = {kind: tuple(1_000 * p50s[kind] for p50s in measured) for kind in kinds}
    against = ratios(by_kind["order"], by_kind["hello"])
    return [
        Figure("orders.hello_ms", "hello with one transactional write, p50", "ms", by_kind["hello"]),
        Figure("orders.p50_ms", "POST /orders, p50", "ms", by_kind["order"]),
        Figure("orders.ratio", "POST /orders against hello", "×", against, Bar("≤", MOST_AGAINST_HELLO)),
    ]


def throughput(till: Till, rounds: int) -> list[Figure]:
    """Orders placed as fast as they are taken, until all are final."""
    till.settle(place_many(till, CLIENTS * 4))  # starts the environments that a burst needs
    taken_per_s, outcomes = [], []
    for _ in range(rounds):
        began = time.perf_counter()
        order_ids = place_many(till, ORDERS)
        taken_per_s.append(len(order_ids) / (time.perf_counter() - began))
        outcomes.append(till.settle(order_ids))
    completed = tuple(outcome.completed_per_s for outcome in outcomes)
    missing = tuple(float(ORDERS - outcome.ended[OrderStatus.COMPLETED]) for outcome in outcomes)
    return [
        Figure(
            "orders.taken_per_s",
            f"orders taken, {CLIENTS} clients",
            "/s",
            tuple(taken_per_s),
            more_is_better=True,
        ),
        Figure(
            "orders.per_s",
            f"{ORDERS} orders from placed to COMPLETED",
            "/s",
            completed,
            Bar("≥", LEAST_PER_S),
        ),
        Figure("orders.missing", "orders that are not COMPLETED", "", missing, Bar("=", 0)),
    ]


def place_many(till: Till, count: int) -> list[str]:
    """Place *count* orders, all clients at once; gives their ids, newest last."""
    with ThreadPoolExecutor(CLIENTS) as clients:
        shares = list(clients.map(partial(_place_share, till, count), range(CLIENTS)))
    placed = sorted(order for share in shares for order in share)
    return [order_id for _, order_id in placed]


def _place_share(till: Till, count: int, client: int) -> list[tuple[float, str]]:
    """One client's orders, each with when it was sent."""
    with till.calls() as calls:
        return [
            (time.perf_counter(), place(calls, till.body(number))) for number in range(client, count, CLIENTS)
        ]


def place(calls: ApiCalls, body: Mapping[str, Any]) -> str:
    """Place one order; gives its id.

    Raises:
        RuntimeError: it was not accepted.
    """
    status, answer = calls.call("POST", "/orders", body, key_of_its_own())
    if status != 201:
        raise RuntimeError(f"POST /orders answered {status}: {answer[:200]!r}")
    return str(json.loads(answer)["orderId"])


def key_of_its_own() -> dict[str, str]:
    """An Idempotency-Key, as every client of the till sends one."""
    return {"Idempotency-Key": uuid.uuid4().hex}


def _wait_for(order_id: str, ask: Ask) -> None:
    ends = time.monotonic() + FINAL_WITHIN_S
    while not _is_final(ask(order_id)) and time.monotonic() < ends:
        time.sleep(ASK_EVERY_S)


def _is_final(answer: Details | object) -> bool:
    return isinstance(answer, Mapping) and OrderStatus(answer["status"]) not in IN_PROGRESS


def _new_product(product: ListedProduct) -> dict[str, object]:
    return {
        "productId": product.product_id,
        "name": "A product of the bench",
        "category": product.category,
        "price": product.price / 100,
        "stock": STOCK,
    }
