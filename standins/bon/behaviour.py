"""How the site misbehaves, for tests and demonstrations."""

import json
from dataclasses import dataclass
from typing import Literal, get_args

MOST_SECONDS = 600.0
MOST_REQUESTS = 10**6
Layout = Literal["usual", "changed", "changed_login"]


class BadBehaviour(ValueError):
    """What was asked for is no behaviour; the message says what one is."""


@dataclass(frozen=True)
class Behaviour:
    """How pages are answered.

    Attributes:
        expired_session: after so many more pages every session ends, once; None never.
        slow_s: every page waits so long.
        layout: `changed` shows the active codes as cards under other names, `changed_login` the login form
            under other names.
        outage: every page is a 503.
    """

    expired_session: int | None = None
    slow_s: float = 0.0
    layout: Layout = "usual"
    outage: bool = False


def behaviour_of(text: str | bytes) -> Behaviour:
    """Read a behaviour from JSON; what it does not name is as usual.

    Raises:
        BadBehaviour: it cannot be read, or has a value that is none.
    """
    try:
        said = json.loads(text)
    except (ValueError, RecursionError):
        raise BadBehaviour("a behaviour is a JSON object") from None
    if not isinstance(said, dict) or not set(said) <= {"expired_session", "slow_s", "layout", "outage"}:
        raise BadBehaviour("a behaviour has expired_session, slow_s, layout and outage, and nothing else")
    ends, slow_s = said.get("expired_session"), said.get("slow_s", 0.0)
    if ends is not None and (type(ends) is not int or not 0 <= ends <= MOST_REQUESTS):
        raise BadBehaviour(f"expired_session is a whole number, 0..{MOST_REQUESTS}, or null")
    if type(slow_s) not in (int, float) or not 0 <= slow_s <= MOST_SECONDS:
        raise BadBehaviour(f"slow_s is a number, 0..{MOST_SECONDS:g}")
    if said.get("layout", "usual") not in get_args(Layout):
        raise BadBehaviour(f"layout is one of {', '.join(get_args(Layout))}")
    if not isinstance(said.get("outage", False), bool):
        raise BadBehaviour("outage is true or false")
    return Behaviour(**said)
