"""Cursors: the place in a list at which the next page begins, as clients hand it back."""

import base64
import binascii

from offerloop.errors import FieldError, InvalidInput

MAX_LENGTH = 255
_LAST_MS = 10**13 - 1  # the year 2286, so that 13 digits are enough


def cursor_at(place: str) -> str:
    """A cursor behind *place*, fit for an address."""
    return base64.urlsafe_b64encode(place.encode()).decode().rstrip("=")


def place_of(cursor: str) -> str:
    """What `cursor_at` was made of.

    Raises:
        InvalidInput: the cursor is not one of ours.
    """
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        place = base64.b64decode(padded, altchars=b"-_", validate=True).decode()
    except (ValueError, binascii.Error):
        place = ""
    if not 0 < len(place) <= MAX_LENGTH:
        raise foreign_cursor()
    return place


def newest_first(at_ms: int, name: str) -> str:
    """A place in a list that begins with the newest."""
    return f"{_LAST_MS - at_ms:013d}{name}"


def newest_place_of(cursor: str) -> str:
    """`place_of` a cursor in such a list.

    Raises:
        InvalidInput: the cursor is not one of ours.
    """
    place = place_of(cursor)
    if not (place[:13].isascii() and place[:13].isdecimal() and len(place) > 13):
        raise foreign_cursor()
    return place


def foreign_cursor() -> InvalidInput:
    """The refusal of a cursor that is not one of ours."""
    return InvalidInput(
        "the cursor is not one of ours", [FieldError("cursor", "take it from the page before")]
    )
