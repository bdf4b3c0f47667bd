"""What comes with a request, read strictly; whatever is wrong with it is one `BadRequest`."""

import json
import re
from urllib.parse import parse_qs, unquote

from offerloop.standins.payments import APPROVE_ALL, Behaviour, Mode

KEY = re.compile(r"[!-~]{1,200}")
CURRENCY = re.compile(r"[A-Z]{3}")
MOST_MINOR = 10**12
MOST_SECONDS = 600.0
SHARES_ADD_UP_WITHIN = 1e-6
MOST_ON_A_PAGE = 1_000


class BadRequest(Exception):
    """The request cannot be read, or has a value that is none."""


def key_of(part: str) -> str:
    """Read a key from its part of the path."""
    key = unquote(part)
    if not KEY.fullmatch(key):
        raise BadRequest("a key has 1 to 200 visible ASCII characters")
    return key


def body_of(text: bytes, *names: str) -> dict[str, object]:
    """Read a JSON object that has no other fields than *names*."""
    try:
        body = json.loads(text)
    except (ValueError, RecursionError):
        raise BadRequest("the body is not JSON") from None
    if not isinstance(body, dict):
        raise BadRequest("the body is not a JSON object")
    unknown = sorted(set(body) - set(names))
    if unknown:
        raise BadRequest(f"there are no other fields than {', '.join(names)}")
    return body


def amount_of(body: dict[str, object]) -> int:
    """Read an amount in minor units."""
    return whole(body.get("amount"), "amount", 1, MOST_MINOR)


def currency_of(body: dict[str, object]) -> str:
    """Read a currency's three capitals."""
    currency = body.get("currency")
    if not isinstance(currency, str) or not CURRENCY.fullmatch(currency):
        raise BadRequest("currency must be three capitals")
    return currency


def page_of(query: str) -> tuple[int, str]:
    """Read how many accounts are wanted, and behind which key."""
    try:
        given = parse_qs(query, keep_blank_values=True, strict_parsing=bool(query), max_num_fields=2)
    except ValueError:
        raise BadRequest("the query cannot be read") from None
    if not set(given) <= {"limit", "after"} or any(len(values) > 1 for values in given.values()):
        raise BadRequest("the query may have one limit and one after")
    limit = given.get("limit", ["100"])[0]
    if not re.fullmatch(r"[0-9]{1,4}", limit):
        raise BadRequest(f"limit must be a whole number, 1..{MOST_ON_A_PAGE}")
    return whole(int(limit), "limit", 1, MOST_ON_A_PAGE), given.get("after", [""])[0]


def behaviour_of(body: dict[str, object]) -> Behaviour:
    """Read a behaviour; shares of modes that are not named are 0."""
    shares = body.get("shares")
    if not isinstance(shares, dict) or not set(shares) <= set(Mode):
        raise BadRequest(f"shares must be an object of {', '.join(Mode)}")
    read = {Mode(mode): number(share, f"shares.{mode}", 1.0) for mode, share in shares.items()}
    if abs(sum(read.values()) - 1) > SHARES_ADD_UP_WITHIN:
        raise BadRequest("shares must add up to 1")
    return Behaviour(
        read,
        whole(body.get("seed", APPROVE_ALL.seed), "seed", 0, 2**63 - 1),
        number(body.get("late_s", APPROVE_ALL.late_s), "late_s", MOST_SECONDS),
        number(body.get("silent_s", APPROVE_ALL.silent_s), "silent_s", MOST_SECONDS),
    )


def whole(value: object, name: str, low: int, high: int) -> int:
    """Read a whole number."""
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise BadRequest(f"{name} must be a whole number, {low}..{high}")
    return value


def number(value: object, name: str, high: float) -> float:
    """Read a number from 0 on."""
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value <= high:
        raise BadRequest(f"{name} must be a number, 0..{high:g}")
    return float(value)
