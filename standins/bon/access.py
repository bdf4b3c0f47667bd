"""Who may look at the supplier's pages: one account, its sessions, and the tokens of their forms."""

import hmac
import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

WRONG_TRIES = 10
LOCKED_FOR_S = 900.0
MOST_SESSIONS = 100


class Login(StrEnum):
    """What became of an attempt to log in."""

    RIGHT = "right"
    WRONG = "wrong"
    LOCKED = "locked"


@dataclass
class Session:
    """One visit of somebody who is logged in.

    Attributes:
        selected: codes that were ticked, over all pages.
        notice: what the next page says once.
    """

    selected: list[str] = field(default_factory=list)
    notice: str = ""


class Account:
    """The one account. Ten wrong tries in a row lock it for a while, for the right password too.

    Args:
        now_s: the seconds of a clock that never goes back.
    """

    def __init__(self, login: str, password: str, now_s: Callable[[], float]) -> None:
        if not login or not password:
            raise ValueError("the account needs a login and a password")
        self._login, self._password, self._now_s = login, password, now_s
        self._wrong, self._locked_until_s = 0, 0.0
        self._lock = threading.Lock()

    def try_login(self, login: str, password: str) -> Login:
        right = _same(login, self._login) & _same(password, self._password)
        with self._lock:
            if self._now_s() < self._locked_until_s:
                return Login.LOCKED
            if right:
                self._wrong = 0
                return Login.RIGHT
            self._wrong += 1
            if self._wrong < WRONG_TRIES:
                return Login.WRONG
            self._wrong, self._locked_until_s = 0, self._now_s() + LOCKED_FOR_S
            return Login.LOCKED


class Sessions:
    """Sessions by the value of their cookie, in memory: a restart logs everybody out."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)
        self._open: dict[str, Session] = {}
        self._lock = threading.Lock()

    def token(self, cookie: str) -> str:
        """The token that forms of this cookie's pages carry; a cookie has one before anybody is logged in."""
        return hmac.digest(self._key, cookie.encode(), "sha256").hex()

    def is_token(self, cookie: str, token: str) -> bool:
        return bool(cookie) and _same(token, self.token(cookie))

    def open(self) -> str:
        """Begin a session; gives its cookie. The oldest end when there are too many."""
        cookie = new_cookie()
        with self._lock:
            while len(self._open) >= MOST_SESSIONS:
                del self._open[next(iter(self._open))]
            self._open[cookie] = Session()
        return cookie

    def of(self, cookie: str) -> Session | None:
        with self._lock:
            return self._open.get(cookie)

    def close(self, cookie: str) -> None:
        with self._lock:
            self._open.pop(cookie, None)

    def close_all(self) -> None:
        with self._lock:
            self._open.clear()


def new_cookie() -> str:
    return secrets.token_urlsafe(32)


def _same(given: str, expected: str) -> bool:
    return hmac.compare_digest(given.encode(), expected.encode())
