"""`Crm` over the Open API of KeyCRM: one bounded attempt per call, no answer taken on trust.

The key goes out in a header alone; neither it nor what a buyer is looked up by is in any message of ours.
Source: the API's description at https://docs.keycrm.app (`Buyer`), as docs/crm.md retells it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode, urlsplit

from urllib3 import PoolManager, Timeout
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError

from offerloop import money
from offerloop.crm.model import Buyer, Contact, ContactKind
from offerloop.crm.ports import CrmSilent
from offerloop.errors import CrmUnavailable, UnknownBuyer

if TYPE_CHECKING:
    from urllib3 import BaseHTTPResponse

# A call that hangs must fail while the function still has time to answer.
CONNECT_S = 1.0
READ_S = 3.0
MOST_CONNECTIONS = 4
AGAIN_S = 5  # after an outage, where the CRM says nothing of its length
LIMIT_WINDOW_S = 60  # after a 429, likewise: KeyCRM allows 60 requests a minute
LONGEST_WAIT_S = 3_600
PAGE_LIMIT = 50  # the most that KeyCRM gives on a page
MOST_PAGES = 4  # one phone on more buyers than 200 is no phone of a person's
MOST_BONUS = 10**12
FILTERS = {ContactKind.PHONE: "filter[buyer_phone]", ContactKind.EMAIL: "filter[buyer_email]"}
KEY = re.compile(r"[!-~]{1,500}")  # with anything else the HTTP client would show it in an error


class HttpKeyCrm:
    """A client of one KeyCRM account; safe to share among threads.

    Args:
        url: `http(s)://host[:port][/path]`, without a query; KeyCRM's own is https://openapi.keycrm.app/v1.
        field: uuid of the custom field that holds the bonus.
        key: reads the API key; once more when the CRM refuses the one at hand, which may have been replaced.
        admit: counts one request, and refuses by raising.
        connect_s, read_s: how long to wait for the connection, and for each part of the answer.
    Raises:
        ValueError: the address is none.
    """

    def __init__(
        self,
        url: str,
        field: str,
        key: Callable[[], str],
        admit: Callable[[], None],
        connect_s: float = CONNECT_S,
        read_s: float = READ_S,
    ) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
            raise ValueError("the CRM's address is none: expected https://host/path")
        self._base = url.rstrip("/")
        self._field = field
        self._read_key = key
        self._key: str | None = None
        self._admit = admit
        timeout = Timeout(connect=connect_s, read=read_s)
        self._pool = PoolManager(maxsize=MOST_CONNECTIONS, timeout=timeout, retries=False)

    def find(self, contact: Contact) -> Buyer | None:
        for spelling in _spellings(contact):
            found = [
                entry for entry in self._matching(contact.kind, spelling) if _has_contact(entry, contact)
            ]
            if found:
                return min((self._buyer(entry) for entry in found), key=lambda buyer: int(buyer.buyer_id))
        return None

    def get(self, buyer_id: str) -> Buyer:
        try:
            entry = self._ask("GET", _path(buyer_id), {"include": "custom_fields"})
        except UnknownBuyer:
            self._page({"limit": 1})  # or the address is wrong, and nobody would be known there
            raise
        buyer = self._buyer(entry)
        if buyer.buyer_id != buyer_id:
            raise _unreadable()
        return buyer

    def write_bonus(self, buyer: Buyer, bonus: int) -> None:
        body = {
            "full_name": buyer.name,  # required, though nothing about it is to change
            "custom_fields": [{"uuid": self._field, "value": _decimal_text(bonus)}],
        }
        answer = self._ask("PUT", _path(buyer.buyer_id), {}, body)
        if str(answer.get("id")) != buyer.buyer_id:
            raise _unreadable()

    def _matching(self, kind: ContactKind, spelling: str) -> Iterator[dict[str, Any]]:
        """The buyers that the CRM gives for a spelling, over all its pages."""
        for page in range(1, MOST_PAGES + 1):
            query = {"limit": PAGE_LIMIT, "page": page, "include": "custom_fields", FILTERS[kind]: spelling}
            data, more = self._page(query)
            yield from data
            if not data or not more:
                return

    def _page(self, query: dict[str, object]) -> tuple[list[dict[str, Any]], bool]:
        """The buyers on a page of the list, and whether there are more."""
        try:
            answer = self._ask("GET", "/buyer", query)
        except UnknownBuyer:
            raise CrmUnavailable("the CRM answered 404: its address may be wrong", AGAIN_S) from None
        data = answer.get("data")
        if not isinstance(data, list) or not all(isinstance(entry, dict) for entry in data):
            raise _unreadable()
        return data, bool(answer.get("next_page_url"))

    def _ask(self, method: str, path: str, query: dict[str, object], body: object = None) -> dict[str, Any]:
        """One request and its answer, a JSON object; one more where the key was replaced meanwhile.

        Raises:
            CrmUnavailable, CrmSilent, UnknownBuyer
        """
        key = self._key or self._read_key()
        response = self._send(method, path, query, body, key)
        if response.status in (401, 403):
            fresh = self._read_key()
            if fresh == key:
                raise CrmUnavailable("the CRM does not take our key", LIMIT_WINDOW_S)
            key = fresh
            response = self._send(method, path, query, body, key)
        self._key = None if response.status in (401, 403) else key
        return _answer_in(response)

    def _send(
        self, method: str, path: str, query: dict[str, object], body: object, key: str
    ) -> BaseHTTPResponse:
        if not KEY.fullmatch(key):
            raise CrmUnavailable("the secret has no key that a CRM could have given", LIMIT_WINDOW_S)
        headers = {"Accept": "application/json", "Authorization": f"Bearer {key}"}
        content = None
        if body is not None:
            headers["Content-Type"] = "application/json"
            content = json.dumps(body).encode()
        address = f"{self._base}{path}?{urlencode(query)}" if query else f"{self._base}{path}"
        self._admit()
        try:
            return self._pool.request(method, address, body=content, headers=headers, redirect=False)
        except (NewConnectionError, ConnectTimeoutError):  # nothing was sent
            raise CrmUnavailable("the CRM cannot be reached", AGAIN_S) from None
        except HTTPError as failure:  # its message has the address, which has phone or e-mail
            raise CrmSilent(f"the CRM did not answer: {type(failure).__name__}", AGAIN_S) from None

    def _buyer(self, entry: dict[str, Any]) -> Buyer:
        buyer_id, name, fields = entry.get("id"), entry.get("full_name"), entry.get("custom_fields")
        if not isinstance(buyer_id, int) or isinstance(buyer_id, bool):
            raise _unreadable()
        values = [
            field.get("value")
            for field in (fields if isinstance(fields, list) else ())
            if isinstance(field, dict) and field.get("uuid") == self._field
        ]
        return Buyer(
            str(buyer_id), name if isinstance(name, str) else "", _minor(values[0] if values else None)
        )


def _path(buyer_id: str) -> str:
    return f"/buyer/{quote(buyer_id, safe='')}"


def _answer_in(response: BaseHTTPResponse) -> dict[str, Any]:
    status = response.status
    if status == 404:
        raise UnknownBuyer("the CRM has no such buyer")
    if status == 429:
        raise CrmUnavailable("the CRM has had too many requests", _wait_s(response))
    if status >= 500:
        raise CrmSilent(f"the CRM answered {status}", AGAIN_S)
    if not 200 <= status < 300:
        raise CrmUnavailable(f"the CRM answered {status}", AGAIN_S)
    try:
        answer = json.loads(response.data)
    except (ValueError, RecursionError):
        raise _unreadable() from None
    if not isinstance(answer, dict):
        raise _unreadable()
    return answer


def _wait_s(response: BaseHTTPResponse) -> int:
    told = response.headers.get("Retry-After") or ""
    if not (told.isascii() and told.isdigit() and len(told) <= 6):
        return LIMIT_WINDOW_S
    return min(max(1, int(told)), LONGEST_WAIT_S)


def _spellings(contact: Contact) -> tuple[str, ...]:
    """How the CRM may have a contact: it compares literally, and phones are in it with and without a plus."""
    if contact.kind is ContactKind.EMAIL:
        return (contact.value,)
    return contact.value, contact.value.removeprefix("+")


def _has_contact(entry: dict[str, Any], contact: Contact) -> bool:
    listed = entry.get(contact.kind.lower())
    spellings = listed if isinstance(listed, list) else [listed]
    return any(isinstance(each, str) and contact.is_spelled(each) for each in spellings)


def _minor(value: object) -> int | None:
    """A field's value in minor units, 0 where nobody has filled it in; None where it is no amount."""
    if value is None or value == "":
        return 0
    try:
        amount = Decimal(str(value).strip())
        return money.to_minor(amount) if abs(amount) <= MOST_BONUS else None
    except (InvalidOperation, ValueError):
        return None


def _decimal_text(minor: int) -> str:
    """Minor units as the field takes them: 15050 -> `150.5`; 15000 -> `150`, for fields of whole numbers."""
    text = f"{money.to_major(minor):f}"
    return text.rstrip("0").rstrip(".")


def _unreadable() -> CrmSilent:
    return CrmSilent("the CRM's answer cannot be read", AGAIN_S)
