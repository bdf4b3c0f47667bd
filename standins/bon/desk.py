"""What each page does: a request in, an answer out, no HTTP."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import urlencode

from offerloop.money import MINOR_PER_MAJOR
from standins.bon import forms, pages, redesign
from standins.bon.access import Account, Login, Session, Sessions, new_cookie
from standins.bon.behaviour import Behaviour
from standins.bon.forms import Fields
from standins.bon.stock import Stock

REFUSED = {
    Login.WRONG: (200, "User or password is wrong."),
    Login.LOCKED: (429, "Too many wrong tries: this account is locked for 15 minutes."),
}


@dataclass(frozen=True)
class Request:
    """One request; *cookie* is empty where none came."""

    method: str
    path: str
    query: Fields = field(default_factory=dict)
    form: Fields = field(default_factory=dict)
    cookie: str = ""


@dataclass(frozen=True)
class Answer:
    """One answer.

    Attributes:
        location: where to go on, of a 303.
        cookie: to be kept from now on; None leaves it as it is.
    """

    status: int
    content: str = ""
    location: str | None = None
    cookie: str | None = None


class Desk:
    """The site behind its server.

    Attributes:
        behaviour: how it misbehaves at present; `behave` changes it.
    """

    def __init__(
        self, account: Account, stock: Stock, behaviour: Behaviour, now: Callable[[], datetime]
    ) -> None:
        self.stock = stock
        self._account, self._sessions, self._now = account, Sessions(), now
        self._lock = threading.Lock()
        self.behave(behaviour)

    def behave(self, behaviour: Behaviour) -> None:
        """Misbehave so from now on."""
        with self._lock:
            self.behaviour, self._pages_left = behaviour, behaviour.expired_session

    def answer(self, request: Request) -> Answer:
        """Answer a request for a page."""
        here = {method: act for (method, path), act in {**DOORS, **ROOMS}.items() if path == request.path}
        if not here:
            return Answer(404, pages.message("Not found", "There is no such page."))
        if request.method not in here:
            return Answer(405, pages.message("Not possible", "This page does not take that."))
        if request.method == "POST" and not self._sessions.is_token(
            request.cookie, forms.one(request.form, "csrf")
        ):
            return Answer(403, pages.message("Out of date", "This form is out of date. Load its page again."))
        if request.path in ("/", "/login"):
            return DOORS[request.method, request.path](self, request)
        self._count_down()
        session = self._sessions.of(request.cookie)
        if session is None:
            return Answer(303, location="/login?ended=yes" if request.cookie else "/login")
        return ROOMS[request.method, request.path](self, request, session)

    def _count_down(self) -> None:
        """End all sessions when as many pages were asked for as the behaviour says."""
        with self._lock:
            ended = self._pages_left == 0
            if self._pages_left is not None:
                self._pages_left = None if ended else self._pages_left - 1
        if ended:
            self._sessions.close_all()

    def home(self, _request: Request) -> Answer:
        return Answer(303, location="/codes")

    def show_login(self, request: Request, error: str = "", status: int = 200) -> Answer:
        cookie = request.cookie or new_cookie()
        ended = "Your session has ended. Log in again." if forms.one(request.query, "ended") else ""
        show = redesign.login if self.behaviour.layout == "changed_login" else pages.login
        return Answer(status, show(self._sessions.token(cookie), error, ended), cookie=cookie)

    def log_in(self, request: Request) -> Answer:
        found = self._account.try_login(forms.one(request.form, "user"), forms.one(request.form, "password"))
        if found is not Login.RIGHT:
            status, words = REFUSED[found]
            return self.show_login(request, words, status)
        self._sessions.close(request.cookie)
        return Answer(303, location="/codes", cookie=self._sessions.open())

    def log_out(self, request: Request, _session: Session) -> Answer:
        self._sessions.close(request.cookie)
        return Answer(303, location="/login", cookie=new_cookie())

    def show_codes(self, request: Request, session: Session) -> Answer:
        amount = forms.amount_of(request.query)
        page = self.stock.active(amount, forms.page_of(request.query))
        token = self._sessions.token(request.cookie)
        if self.behaviour.layout == "changed":
            content = redesign.active_codes(token, page, amount, session.selected)
        else:
            content = pages.active_codes(token, page, self.stock.amounts(), amount, session.selected)
        return self._room("Active codes", request, session, content)

    def select(self, request: Request, session: Session) -> Answer:
        if forms.one(request.form, "clear"):
            session.selected = []
            return Answer(303, location="/transfer")
        ticked = [code for code in request.form.get("code", ()) if code not in session.selected]
        active = [found.code for found in self.stock.still_active(ticked)]
        session.selected = [*session.selected, *active][: forms.MOST_SELECTED]
        query = {name: forms.one(request.form, name) for name in ("amount", "page")}
        return Answer(303, location=f"/codes?{urlencode(query)}")

    def show_selection(self, request: Request, session: Session) -> Answer:
        codes = self.stock.still_active(session.selected)
        session.selected = [code.code for code in codes]
        content = pages.selection(self._sessions.token(request.cookie), codes)
        return self._room("Selection", request, session, content)

    def transfer(self, request: Request, session: Session) -> Answer:
        batch = forms.batch_of(request.form)
        done = self.stock.transfer(batch, session.selected, self._now().isoformat(timespec="seconds"))
        session.selected = []
        if done is None:
            session.notice = "Nothing was transferred: none of the selected codes is active any more."
            return Answer(303, location="/transfer")
        return Answer(303, location=f"/transfers?{urlencode({'batch': batch})}")

    def show_transfers(self, request: Request, session: Session) -> Answer:
        if "batch" not in request.query:
            found = self.stock.transfers(forms.page_of(request.query))
            return self._room("Transferred", request, session, pages.transfers(found))
        batch = forms.batch_of(request.query)
        one = self.stock.transferred(batch)
        if one is None:
            return self._room("Transfer", request, session, pages.no_transfer(batch), 404)
        return self._room("Transfer", request, session, pages.transfer(one))

    def show_generate(self, request: Request, session: Session) -> Answer:
        content = pages.generate(self._sessions.token(request.cookie))
        return self._room("New codes", request, session, content)

    def generate(self, request: Request, session: Session) -> Answer:
        amount = forms.whole(forms.one(request.form, "amount"), forms.MOST_AMOUNT, "The amount")
        count = forms.whole(forms.one(request.form, "count"), forms.MOST_NEW, "The number of codes")
        self.stock.generate(amount * MINOR_PER_MAJOR, count)
        session.notice = f"{count} new {'code' if count == 1 else 'codes'} of {amount} made."
        return Answer(303, location=f"/codes?{urlencode({'amount': amount})}")

    def _room(
        self, title: str, request: Request, session: Session, content: str, status: int = 200
    ) -> Answer:
        notice, session.notice = session.notice, ""
        token, selected = self._sessions.token(request.cookie), len(session.selected)
        return Answer(status, pages.inside(title, request.path, token, selected, notice, content))


# Open to everybody, and only to those who are logged in.
DOORS: Mapping[tuple[str, str], Callable[[Desk, Request], Answer]] = {
    ("GET", "/"): Desk.home,
    ("GET", "/login"): Desk.show_login,
    ("POST", "/login"): Desk.log_in,
}
ROOMS: Mapping[tuple[str, str], Callable[[Desk, Request, Session], Answer]] = {
    ("POST", "/logout"): Desk.log_out,
    ("GET", "/codes"): Desk.show_codes,
    ("POST", "/selection"): Desk.select,
    ("GET", "/transfer"): Desk.show_selection,
    ("POST", "/transfer"): Desk.transfer,
    ("GET", "/transfers"): Desk.show_transfers,
    ("GET", "/generate"): Desk.show_generate,
    ("POST", "/generate"): Desk.generate,
}


def utc_now() -> datetime:
    return datetime.now(UTC)
