"""The payment service's HTTP side: routes, refusals as problem+json."""

import re
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from offerloop.orders.ports import PaymentRejected
from offerloop.standins.payments import Charge, Mode
from standins import serving
from standins.payments import requests
from standins.payments.books import Books
from standins.payments.requests import BadRequest

STATUS_OF = {"unknown_payment": 404}  # any other rejection is 422


class PaymentServer(serving.Server):
    """Answers from one set of books."""

    service = "payments"

    def __init__(self, port: int, books: Books) -> None:
        super().__init__(port, PaymentRequest, books)
        self.books = books


class PaymentRequest(serving.Request):
    """One connection's requests; the log says the mode that a charge met."""

    most_body_bytes = 16_384
    server: PaymentServer

    def answer(self, path: str, query: str, body: bytes) -> None:
        here = {method: (act, found) for method, path_is, act in ROUTES if (found := path_is.fullmatch(path))}
        if not here:
            return self.problem(404, "not_found", "there is nothing here")
        if self.command not in here:
            allowed = ", ".join(here)
            return self.problem(405, "method_not_allowed", f"taken here: {allowed}", Allow=allowed)
        act, found = here[self.command]
        try:
            done = act(self.server.books, [requests.key_of(part) for part in found.groups()], body, query)
        except BadRequest as refusal:
            return self.problem(400, "invalid_input", str(refusal))
        except PaymentRejected as refusal:
            return self.problem(STATUS_OF.get(refusal.code, 422), refusal.code, str(refusal))
        return self.answer_charge(done) if isinstance(done, Charge) else self.send_json(200, done)

    def answer_charge(self, charged: Charge) -> None:
        """Answer a charge in its mode; what it did is stored by now."""
        behaviour = self.server.books.behaviour()
        self.noted = {"mode": charged.mode}
        if charged.mode is Mode.TIME_OUT:
            self.server.ending.wait(behaviour.silent_s)
            self.close_connection = True
            return
        if charged.mode is Mode.FAIL:
            self.problem(500, "internal_error", "something went wrong")
            return
        if charged.mode is Mode.ANSWER_LATE:
            self.server.ending.wait(behaviour.late_s)
        payment = charged.account.payment
        self.send_json(200, {"status": payment.status, "reason": payment.reason})

    def refuse(self, status: int, why: str) -> None:
        self.problem(status, "invalid_request", why)

    def problem(self, status: int, code: str, detail: str, **headers: str) -> None:
        """Answer with problem+json."""
        said = {"type": f"urn:offerloop:problem:{code}", "title": code.replace("_", " "), "status": status}
        self.send_json(status, said | {"code": code, "detail": detail}, "application/problem+json", **headers)


Act = Callable[[Books, list[str], bytes, str], Any]


def _charge(books: Books, keys: list[str], body: bytes, _query: str) -> Charge:
    given = requests.body_of(body, "amount", "currency")
    amount, currency = requests.amount_of(given), requests.currency_of(given)
    charged = books.charge(keys[0], amount, currency)
    if charged.mode is Mode.ANSWER_TWICE:  # the proxy in between sends it again
        again = books.charge(keys[0], amount, currency)
        return Charge(again.account, Mode.ANSWER_TWICE)
    return charged


def _void(books: Books, keys: list[str], _body: bytes, _query: str) -> object:
    return {"status": books.void(keys[0]).status}


def _refund(books: Books, keys: list[str], body: bytes, _query: str) -> object:
    amount = requests.amount_of(requests.body_of(body, "amount"))
    books.refund(keys[0], keys[1], amount)
    return {"amount": amount}


def _show(books: Books, keys: list[str], _body: bytes, _query: str) -> object:
    account = books.account(keys[0])
    if account is None:
        raise PaymentRejected("unknown_payment", f"nothing was ever asked under {keys[0]}")
    return asdict(account)


def _ledger(books: Books, _keys: list[str], _body: bytes, query: str) -> object:
    limit, after = requests.page_of(query)
    accounts = books.page(limit, after)
    return {
        "payments": [asdict(account) for account in accounts],
        "next": accounts[-1].key if len(accounts) == limit else None,
    }


def _show_behaviour(books: Books, _keys: list[str], _body: bytes, _query: str) -> object:
    return asdict(books.behaviour())


def _behave(books: Books, _keys: list[str], body: bytes, _query: str) -> object:
    behaviour = requests.behaviour_of(requests.body_of(body, "shares", "seed", "late_s", "silent_s"))
    books.behave(behaviour)
    return asdict(behaviour)


ROUTES: tuple[tuple[str, re.Pattern[str], Act], ...] = (
    ("PUT", re.compile("/payments/([^/]+)"), _charge),
    ("GET", re.compile("/payments/([^/]+)"), _show),
    ("POST", re.compile("/payments/([^/]+)/void"), _void),
    ("PUT", re.compile("/payments/([^/]+)/refunds/([^/]+)"), _refund),
    ("GET", re.compile("/ledger"), _ledger),
    ("GET", re.compile("/behaviour"), _show_behaviour),
    ("PUT", re.compile("/behaviour"), _behave),
)
