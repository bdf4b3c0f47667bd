"""The shop behind the deployed HTTP API."""

import itertools
import threading
import time
import uuid
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any
from urllib.parse import quote

import httpx

from offerloop import money
from offerloop.offers.model import DiscountType, EventType
from offerloop.orders.model import OrderStatus, ProductStatus
from offerloop.orders.refund_order import RefundedLine
from simulator.shoppers.checkout import (
    ADDRESS,
    BasketLine,
    Checkout,
    ClaimedCode,
    ListedProduct,
    OrderNews,
    OrderState,
    email_of,
)
from simulator.shoppers.request_meter import RequestMeter
from simulator.shoppers.shop import UNREACHABLE, Refused, Served, ServedOffer

ATTEMPTS = 5
LONGEST_WAIT_S = 5.0  # between two attempts, whatever Retry-After says
TIMEOUT_S = 15.0
ORDERS_PER_PAGE = 50
ON_SALE = ProductStatus.ACTIVE.value  # of all products, which the API lists
Body = Mapping[str, Any] | None

RETRIED = frozenset({429, 502, 503, 504})


class HttpShop:
    """Calls the API's routes, retrying what may succeed later.

    A report that is sent again carries the same Idempotency-Key, so that it has its effect once.

    Args:
        api_url: base address without a trailing slash.
        api_key: value of X-API-Key, or None to call as a visitor.
        connections: kept-alive connections, at least the number of calling threads.
        stopping: ends waits between attempts early.
        transport: how bytes travel; None = over the network.
    """

    def __init__(
        self,
        api_url: str,
        api_key: str | None = None,
        *,
        connections: int = 16,
        meter: RequestMeter | None = None,
        stopping: threading.Event | None = None,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self.meter = meter or RequestMeter()
        self._base = api_url.rstrip("/")
        self._stopping = stopping or threading.Event()
        self._keys = (f"{uuid.uuid4().hex}-{number}" for number in itertools.count())
        self._keys_lock = threading.Lock()
        self._client = httpx.Client(
            headers={"X-API-Key": api_key} if api_key else {},
            limits=httpx.Limits(max_connections=connections, max_keepalive_connections=connections),
            timeout=TIMEOUT_S,
            transport=transport,
            trust_env=False,  # a proxy of the environment must not see requests to this machine
        )

    def __enter__(self) -> "HttpShop":
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def recommend(self, user_id: str) -> Served | Refused:
        answer = self._ask("RECOMMEND", "POST", "/offers/recommend", {"user_id": user_id}, {})
        return answer if isinstance(answer, Refused) else _served(answer)

    def track(
        self, user_id: str, offer_id: str, category: str, event_type: EventType, key: str | None = None
    ) -> Refused | None:
        body = {
            "user_id": user_id,
            "offer_id": offer_id,
            "category": category,
            "event_type": event_type.value,
        }
        headers = {"Idempotency-Key": key or self._new_key()}
        answer = self._ask(event_type.value, "POST", "/events/track", body, headers)
        return answer if isinstance(answer, Refused) else None

    def products(self) -> tuple[ListedProduct, ...] | Refused:
        products = self._product_pages()
        if isinstance(products, Refused):
            return products
        return tuple(listed_product(product) for product in products if product["status"] == ON_SALE)

    def check_out(self, checkout: Checkout, key: str | None = None) -> str | Refused:
        headers = {"Idempotency-Key": key or self._new_key()}
        answer = self._ask("ORDER", "POST", "/orders", order_body(checkout), headers)
        return answer if isinstance(answer, Refused) else str(answer["orderId"])

    def order_status(self, order_id: str) -> OrderStatus | Refused:
        answer = self._ask("ORDER_STATUS", "GET", f"/orders/{order_id}", None, {})
        return answer if isinstance(answer, Refused) else OrderStatus(answer["status"])

    def orders_of(self, customer_id: str, cursor: str | None = None) -> OrderNews | Refused:
        """Ask for a page of a customer's orders, newest first."""
        page = f"&cursor={quote(cursor, safe='')}" if cursor else ""
        path = f"/customers/{quote(customer_id, safe='')}/orders?limit={ORDERS_PER_PAGE}{page}"
        answer = self._ask("ORDERS", "GET", path, None, {})
        return answer if isinstance(answer, Refused) else _news(answer)

    def cancel(self, order_id: str) -> Refused | None:
        answer = self._ask("CANCEL", "POST", f"/orders/{order_id}/cancel", None, {})
        return answer if isinstance(answer, Refused) else None

    def refund(
        self, order_id: str, lines: Sequence[RefundedLine] = (), key: str | None = None
    ) -> Refused | None:
        headers = {"Idempotency-Key": key or self._new_key()}
        items = [{"productId": line.product_id, "quantity": line.quantity} for line in lines]
        answer = self._ask("REFUND", "POST", f"/orders/{order_id}/refund", {"items": items}, headers)
        return answer if isinstance(answer, Refused) else None

    def claim_code(self, customer_id: str, pool_id: str, key: str | None = None) -> ClaimedCode | Refused:
        headers = {"Idempotency-Key": key or self._new_key()}
        answer = self._ask("CLAIM", "POST", "/codes/claim", {"pool": pool_id, "holder": customer_id}, headers)
        if isinstance(answer, Refused):
            return answer
        return ClaimedCode(answer["promo_code"], money.to_minor(Decimal(str(answer["amount"]))))

    def usable_points(self, customer_id: str) -> int | Refused:
        path = f"/customers/{quote(customer_id, safe='')}/bonus?limit=1"
        answer = self._ask("POINTS", "GET", path, None, {})
        return answer if isinstance(answer, Refused) else money.to_minor(Decimal(str(answer["usable"])))

    def codes_left(self, pool_id: str) -> int | Refused:
        """Ask how many codes a pool can give out."""
        answer = self._ask("POOL", "GET", f"/pools/{quote(pool_id, safe='')}", None, {})
        return answer if isinstance(answer, Refused) else int(answer["level"]["free"])

    def units_left(self, offer_id: str) -> int | Refused:
        answer = self._ask("STOCK", "GET", f"/offers/{offer_id}", None, {})
        return answer if isinstance(answer, Refused) else int(answer["inventory_count"])

    def restock(self, offer_id: str, units: int) -> Refused | None:
        headers = {"Idempotency-Key": self._new_key()}
        answer = self._ask("RESTOCK", "POST", f"/offers/{offer_id}/restock", {"units": units}, headers)
        return answer if isinstance(answer, Refused) else None

    def product_units(self) -> Mapping[str, int] | Refused:
        products = self._product_pages()
        if isinstance(products, Refused):
            return products
        return {
            product["productId"]: int(product["stock"])
            for product in products
            if product["status"] == ON_SALE
        }

    def restock_product(self, product_id: str, units: int) -> Refused | None:
        headers = {"Idempotency-Key": self._new_key()}
        path = f"/products/{product_id}/restock"
        answer = self._ask("RESTOCK_PRODUCT", "POST", path, {"units": units}, headers)
        return answer if isinstance(answer, Refused) else None

    def _product_pages(self) -> list[Mapping[str, Any]] | Refused:
        found: list[Mapping[str, Any]] = []
        cursor: str | None = ""
        while cursor is not None:
            page = f"&cursor={quote(cursor, safe='')}" if cursor else ""
            answer = self._ask("PRODUCTS", "GET", f"/products?limit=100{page}", None, {})
            if isinstance(answer, Refused):
                return answer
            found.extend(answer["products"])
            cursor = answer["cursor"]
        return found

    def _new_key(self) -> str:
        with self._keys_lock:
            return next(self._keys)

    def _ask(self, kind: str, method: str, path: str, body: Body, headers: Mapping[str, str]) -> Any:
        """Give the answer's JSON object, or Refused."""
        started = time.perf_counter()
        answer = self._answer(method, path, body, headers)
        refusal = answer.code if isinstance(answer, Refused) else None
        self.meter.answered(kind, (time.perf_counter() - started) * 1000, refusal)
        return answer

    def _answer(self, method: str, path: str, body: Body, headers: Mapping[str, str]) -> Any:
        for attempt in range(ATTEMPTS):
            try:
                response = self._client.request(method, self._base + path, json=body, headers=headers)
            except httpx.TransportError:
                response = None
            if response is not None and response.status_code not in RETRIED:
                break
            wait_s = _wait_s(response, attempt)
            if attempt + 1 == ATTEMPTS or self._stopping.wait(wait_s):
                break
            self.meter.retried()
        if response is None:
            return UNREACHABLE
        return _read(response)


def _wait_s(response: httpx.Response | None, attempt: int) -> float:
    """How long to wait before the next attempt: what Retry-After says, else 0.1 s doubling."""
    try:
        wait_s = float(response.headers["Retry-After"]) if response is not None else 0.1 * 2**attempt
    except (KeyError, ValueError):
        wait_s = 0.1 * 2**attempt
    return min(LONGEST_WAIT_S, max(0.0, wait_s))


def _read(response: httpx.Response) -> Any:
    """The JSON object of an answer, or the refusal; what has another form is refused as its status."""
    try:
        body = response.json()
    except ValueError:
        body = None
    if response.status_code in (200, 201) and isinstance(body, dict):
        return body
    code = body.get("code") if isinstance(body, dict) else None
    return Refused(code if isinstance(code, str) else f"http_{response.status_code}")


def _served(answer: Mapping[str, Any]) -> Served:
    """The offers of an answer.

    Raises:
        KeyError, ValueError: the API does not answer as documented.
    """
    offers = tuple(map(served_offer, answer["recommended_offers"]))
    return Served(offers, answer["total_available"])


def served_offer(offer: Mapping[str, Any]) -> ServedOffer:
    """One offer of an answer."""
    return ServedOffer(
        offer_id=offer["offer_id"],
        category=offer["category"],
        discount_type=DiscountType(offer["discount_type"]),
        discount_hundredths=round(offer["discount_value"] * 100),
        inventory_count=offer["inventory_count"],
        priority_boost=offer.get("priority_boost", 0),
    )


def listed_product(product: Mapping[str, Any]) -> ListedProduct:
    """One product of an answer."""
    price = money.to_minor(Decimal(str(product["price"])))
    return ListedProduct(product["productId"], product["category"], price)


def _news(answer: Mapping[str, Any]) -> OrderNews:
    orders = {
        order["orderId"]: OrderState(OrderStatus(order["status"]), order["reason"])
        for order in answer["orders"]
    }
    return OrderNews(orders, answer["cursor"])


def order_body(checkout: Checkout) -> dict[str, Any]:
    """A basket as `POST /orders` takes it."""
    body: dict[str, Any] = {
        "customerId": checkout.customer_id,
        "items": [_item(line) for line in checkout.lines],
        "totalAmount": _amount(checkout.total),
        "customerEmail": email_of(checkout.customer_id),
        "shippingAddress": {
            "street": ADDRESS.street,
            "city": ADDRESS.city,
            "zipCode": ADDRESS.zip_code,
            "country": ADDRESS.country,
        },
    }
    if checkout.phone is not None:
        body["customerPhone"] = checkout.phone
    if checkout.code is not None:
        body["promoCode"] = checkout.code.code
    if checkout.use_bonus:
        body["useBonus"] = _amount(checkout.use_bonus)
    return body


def _item(line: BasketLine) -> dict[str, Any]:
    item = {
        "productId": line.product.product_id,
        "quantity": line.quantity,
        "price": _amount(line.product.price),
    }
    return item if line.offer is None else item | {"offerId": line.offer.offer_id}


def _amount(minor: int) -> float:
    """As a JSON number; the nearest double of two decimals is written with those two decimals."""
    return float(money.to_major(minor))
