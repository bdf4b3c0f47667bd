"""`PaymentGateway` over HTTP: keys in the path, one bounded attempt per call, no answer taken on trust.

Trying again is for whoever asked: the queue's retries come with the same key.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from urllib3 import PoolManager, Timeout
from urllib3.exceptions import HTTPError

from offerloop.errors import PaymentUnavailable
from offerloop.orders.ports import Payment, PaymentRejected, PaymentStatus

if TYPE_CHECKING:
    from urllib3 import BaseHTTPResponse

# A call that hangs must fail while the function still has time to put the order back.
CONNECT_S = 1.0
READ_S = 3.0
MOST_CONNECTIONS = 4
# 4xx that speak of the moment, not of the request: timeout, too early, too many requests.
PASSING = (408, 425, 429)


class NoPaymentGateway:
    """Stands where no payment service is set: orders wait for one, and fail when their time is up."""

    def charge(self, key: str, amount: int, currency: str) -> Payment:
        raise _not_set()

    def void(self, key: str) -> None:
        raise _not_set()

    def refund(self, key: str, refund_key: str, amount: int) -> None:
        raise _not_set()


def _not_set() -> PaymentUnavailable:
    return PaymentUnavailable("no payment service is set: give the stack a PaymentUrl")


class HttpPaymentGateway:
    """A client of one payment service; safe to share among threads.

    Args:
        url: `http(s)://host[:port][/path]`, without a query.
        secret: sent as a bearer token, when there is one.
        connect_s, read_s: how long to wait for the connection, and for each part of the answer.
    Raises:
        ValueError: the address is none.
    """

    def __init__(
        self, url: str, secret: str | None = None, connect_s: float = CONNECT_S, read_s: float = READ_S
    ) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
            raise ValueError("the payment service's address is none: expected https://host/path")
        self._base = url.rstrip("/")
        self._headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if secret:
            self._headers["Authorization"] = f"Bearer {secret}"
        timeout = Timeout(connect=connect_s, read=read_s)
        self._pool = PoolManager(maxsize=MOST_CONNECTIONS, timeout=timeout, retries=False)

    def charge(self, key: str, amount: int, currency: str) -> Payment:
        answer = self._ask("PUT", f"/payments/{_part(key)}", {"amount": amount, "currency": currency})
        try:
            return Payment(PaymentStatus(answer["status"]), _reason(answer))
        except (KeyError, ValueError):
            raise _unreadable() from None

    def void(self, key: str) -> None:
        answer = self._ask("POST", f"/payments/{_part(key)}/void", {})
        if answer.get("status") != PaymentStatus.VOIDED:
            raise _unreadable()

    def refund(self, key: str, refund_key: str, amount: int) -> None:
        path = f"/payments/{_part(key)}/refunds/{_part(refund_key)}"
        answer = self._ask("PUT", path, {"amount": amount})
        if answer.get("amount") != amount:
            raise _unreadable()

    def _ask(self, method: str, path: str, body: dict[str, object]) -> dict[str, Any]:
        """One request and its answer, a JSON object.

        Raises:
            PaymentUnavailable: nothing that says what happened.
            PaymentRejected: any 4xx that asking again does not mend.
        """
        content = json.dumps(body).encode()
        try:
            response = self._pool.request(
                method, self._base + path, body=content, headers=self._headers, redirect=False
            )
        except HTTPError as failure:
            raise PaymentUnavailable(
                f"the payment service did not answer: {type(failure).__name__}"
            ) from None
        if 400 <= response.status < 500 and response.status not in PASSING:
            raise _rejected(response)
        if response.status != 200:
            raise PaymentUnavailable(f"the payment service answered {response.status}")
        answer = _object(response.data)
        if answer is None:
            raise _unreadable()
        return answer


def _part(key: str) -> str:
    """A key as one part of a path; `.` and `..` would be taken for steps in it."""
    return quote(key, safe="").replace(".", "%2E")


def _reason(answer: dict[str, Any]) -> str | None:
    reason = answer.get("reason")
    return reason if isinstance(reason, str) else None


def _object(content: bytes) -> dict[str, Any] | None:
    """The JSON object in an answer; None when there is none."""
    try:
        answer = json.loads(content)
    except (ValueError, RecursionError):
        return None
    return answer if isinstance(answer, dict) else None


def _rejected(response: BaseHTTPResponse) -> PaymentRejected:
    problem = _object(response.data) or {}
    code = str(problem.get("code") or f"status_{response.status}")
    return PaymentRejected(
        code, str(problem.get("detail") or f"the payment service answered {response.status}")
    )


def _unreadable() -> PaymentUnavailable:
    return PaymentUnavailable("the payment service's answer says nothing of what happened")
