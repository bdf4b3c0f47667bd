"""What comes with a request to a page, read strictly; whatever is wrong with it is one `BadForm`."""

import re
from collections.abc import Mapping, Sequence
from urllib.parse import parse_qs

from offerloop.money import MINOR_PER_MAJOR

MOST_FIELDS = 1_100
MOST_AMOUNT = 100_000  # of the currency's units
MOST_NEW = 1_000
MOST_SELECTED = 1_000
BATCH = re.compile(r"[!-~]{1,120}")

Fields = Mapping[str, Sequence[str]]


class BadForm(Exception):
    """The form or the query cannot be read; the message is for the person who filled it in."""


def fields_of(text: str) -> Fields:
    """Read fields from a query or a form's body."""
    try:
        return parse_qs(text, keep_blank_values=True, max_num_fields=MOST_FIELDS)
    except ValueError:
        raise BadForm("This request cannot be read.") from None


def one(fields: Fields, name: str) -> str:
    """The only value of a field; empty where it is missing."""
    values = fields.get(name, ())
    if len(values) > 1:
        raise BadForm("This request cannot be read.")
    return values[0].strip() if values else ""


def whole(text: str, most: int, words: str) -> int:
    """Read a whole number, 1..*most*."""
    if not re.fullmatch(r"[0-9]{1,9}", text) or not 1 <= int(text) <= most:
        raise BadForm(f"{words} must be a whole number, 1 to {most}.")
    return int(text)


def page_of(fields: Fields) -> int:
    """Which page of a list is asked for; the first unless it is said."""
    text = one(fields, "page")
    return whole(text, 10**6, "The page") if text else 1


def amount_of(fields: Fields) -> int | None:
    """Which amount a list is narrowed to, in minor units; None for all."""
    text = one(fields, "amount")
    return whole(text, MOST_AMOUNT, "The amount") * MINOR_PER_MAJOR if text else None


def batch_of(fields: Fields) -> str:
    """Read a batch reference."""
    text = one(fields, "batch")
    if not BATCH.fullmatch(text):
        raise BadForm("A batch reference has 1 to 120 characters, none of them blank.")
    return text
