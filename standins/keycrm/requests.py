"""What comes with a request, read as strictly as the API's description is."""

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from urllib.parse import parse_qsl

from standins.keycrm.books import FILTERS

DEFAULT_LIMIT, MOST_ON_A_PAGE = 15, 50
MOST_SECONDS = 60.0
TEXTS = ("full_name", "note")
LISTS = ("email", "phone")
INCLUDES = frozenset({"manager", "shipping", "company", "loyalty", "custom_fields"})


class Mode(StrEnum):
    """What a request meets; see the package's description."""

    OK = "ok"
    OUTAGE = "outage"
    FAIL = "fail"
    LATE = "late"
    SILENT = "silent"
    THROTTLE = "throttle"


@dataclass(frozen=True)
class Behaviour:
    """How requests are answered.

    Attributes:
        next: how many requests the mode is for; 0 = all.
        requests_per_minute: what one key may ask; 0 = anything.
    """

    mode: Mode = Mode.OK
    next: int = 0
    requests_per_minute: int = 60
    late_s: float = 5.0


class Refused(Exception):
    """A request that is answered with a status and a message, and errors by field where there are some."""

    def __init__(self, status: int, message: str, errors: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.errors = errors or {}

    def body(self) -> dict[str, object]:
        said: dict[str, object] = {"message": str(self)}
        return said | ({"errors": {name: [why] for name, why in self.errors.items()}} if self.errors else {})


@dataclass(frozen=True)
class ListQuery:
    """What is asked of the list."""

    page: int
    limit: int
    with_custom_fields: bool
    filters: dict[str, list[str]]


def list_query_of(text: str) -> ListQuery:
    """Raises:
    Refused: a filter that there is not, or a page that is none.
    """
    given = dict(parse_qsl(text, keep_blank_values=True))
    asked = {name[7:-1]: value for name, value in given.items() if re.fullmatch(r"filter\[.*\]", name)}
    unknown = [name for name in asked if name not in FILTERS]
    if unknown:
        raise Refused(
            400,
            f"Requested filter(s) `{', '.join(unknown)}` are not allowed. "
            f"Allowed filter(s) are `{', '.join(FILTERS)}`.",
        )
    return ListQuery(
        _whole(given, "page", 1, 10**6),
        min(_whole(given, "limit", DEFAULT_LIMIT, 10**6), MOST_ON_A_PAGE),
        includes_custom_fields(text),
        {name: [part.strip() for part in value.split(",")] for name, value in asked.items()},
    )


def includes_custom_fields(text: str) -> bool:
    """Tell whether the answer is to have custom fields.

    Raises:
        Refused: an association that there is not.
    """
    named = {part for part in dict(parse_qsl(text)).get("include", "").split(",") if part}
    if not named <= INCLUDES:
        unknown = ", ".join(sorted(named - INCLUDES))
        raise Refused(400, f"Requested include(s) `{unknown}` are not allowed.")
    return "custom_fields" in named


def _whole(given: Mapping[str, str], name: str, default: int, high: int) -> int:
    text = given.get(name, str(default))
    if not re.fullmatch(r"[1-9][0-9]{0,6}", text) or int(text) > high:
        raise Refused(
            422, "The given data was invalid.", {name: f"The {name} must be a whole number from 1."}
        )
    return int(text)


def buyer_of(text: bytes) -> dict[str, object]:
    """Read what a buyer is to be, with custom fields by uuid.

    Raises:
        Refused: no object, a field of another type, or no name.
    """
    body = _object(text)
    errors = {name: f"The {name} must be a string." for name in TEXTS if not _is_text(body.get(name))}
    errors |= {name: f"The {name} must be an array." for name in LISTS if not _are_texts(body.get(name, []))}
    if not body.get("full_name"):
        errors["full_name"] = "The full name field is required."
    given = body.get("custom_fields", [])
    custom = given if isinstance(given, list) and all(map(_is_custom_field, given)) else None
    if custom is None:
        errors["custom_fields"] = "The custom fields must be an array of uuid and value."
    if errors or custom is None:
        raise Refused(422, "The given data was invalid.", errors)
    known = {name: body[name] for name in (*TEXTS, *LISTS) if name in body}
    return known | {"custom_fields": {field["uuid"]: field["value"] for field in custom}}


def _is_text(value: object) -> bool:
    return value is None or isinstance(value, str)


def _are_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(each, str) for each in value)


def _is_custom_field(value: object) -> bool:
    return isinstance(value, dict) and isinstance(value.get("uuid"), str) and "value" in value


def behaviour_of(text: bytes) -> Behaviour:
    """Read a behaviour; what is not named is as it is out of the box.

    Raises:
        Refused
    """
    body = _object(text)
    read = asdict(Behaviour()) | body
    numbers = (read["next"], read["requests_per_minute"])
    late_s = read["late_s"]
    if set(read) != set(asdict(Behaviour())) or read["mode"] not in set(Mode):
        raise Refused(422, f"mode, next, requests_per_minute and late_s; modes are {', '.join(Mode)}")
    if not all(isinstance(each, int) and not isinstance(each, bool) and each >= 0 for each in numbers):
        raise Refused(422, "next and requests_per_minute are whole numbers from 0")
    if isinstance(late_s, bool) or not isinstance(late_s, int | float) or not 0 <= late_s <= MOST_SECONDS:
        raise Refused(422, f"late_s is a number, 0..{MOST_SECONDS:g}")
    return Behaviour(Mode(read["mode"]), numbers[0], numbers[1], float(late_s))


def _object(text: bytes) -> dict[str, object]:
    try:
        body = json.loads(text)
    except (ValueError, RecursionError):
        raise Refused(400, "The body is not JSON.") from None
    if not isinstance(body, dict):
        raise Refused(400, "The body is no JSON object.")
    return body
