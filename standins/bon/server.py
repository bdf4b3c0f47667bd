"""The site's HTTP side: cookies, forms, misbehaviour."""

from dataclasses import asdict
from http.cookies import CookieError, SimpleCookie
from pathlib import Path

from standins import serving
from standins.bon import pages
from standins.bon.behaviour import BadBehaviour, behaviour_of
from standins.bon.desk import Answer, Desk, Request
from standins.bon.forms import BadForm, fields_of

COOKIE = "bon_session"
STYLE = (Path(__file__).parent / "style.css").read_bytes()
HTML, CSS = "text/html; charset=utf-8", "text/css; charset=utf-8"
# Of every page: none is kept, none is framed, none loads or sends anything elsewhere.
PAGE_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'self'; img-src data:; frame-ancestors 'none'; form-action 'self'"
    ),
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}


class BonServer(serving.Server):
    """Serves one desk.

    Attributes:
        desk: of this server alone.
    """

    service = "bon"

    def __init__(self, port: int, desk: Desk) -> None:
        super().__init__(port, BonRequest, desk.stock)
        self.desk = desk


class BonRequest(serving.Request):
    """One connection's requests."""

    server: BonServer

    def answer(self, path: str, query: str, body: bytes) -> None:
        if path == "/style.css":
            return self.send(200, STYLE, CSS)
        if path == "/behaviour":
            return self.behave(body)
        try:
            return self.answer_page(path, query, body)
        except BadForm as bad:
            return self.refuse(400, str(bad))

    def refuse(self, status: int, why: str) -> None:
        self.send(status, pages.message("Not possible", why).encode(), HTML, PAGE_HEADERS)

    def answer_page(self, path: str, query: str, body: bytes) -> None:
        """Answer as a person's browser sees it, misbehaviour included."""
        desk = self.server.desk
        if desk.behaviour.slow_s:
            self.server.ending.wait(desk.behaviour.slow_s)
        if desk.behaviour.outage:
            down = Answer(503, pages.message("Out of service", "We are working on it."))
            return self.send_page(down)
        given = fields_of(query), fields_of(body.decode(errors="replace"))
        return self.send_page(desk.answer(Request(self.command, path, *given, self.cookie())))

    def behave(self, body: bytes) -> None:
        """Say, to a program, how the site behaves, or let it behave so from now on.

        It is changed with PUT, which no page of another site can make a browser send here.
        """
        desk = self.server.desk
        if self.command == "PUT":
            try:
                desk.behave(behaviour_of(body))
            except BadBehaviour as bad:
                return self.send_json(400, {"detail": str(bad)})
        elif self.command != "GET":
            return self.send_json(405, {"detail": "taken here: GET, PUT"})
        return self.send_json(200, asdict(desk.behaviour))

    def cookie(self) -> str:
        """The session's cookie; empty where there is none."""
        try:
            found = SimpleCookie(self.headers.get("Cookie", "")).get(COOKIE)
        except CookieError:
            return ""
        return "" if found is None else found.value

    def send_page(self, answer: Answer) -> None:
        headers = dict(PAGE_HEADERS)
        if answer.location is not None:
            headers["Location"] = answer.location
        if answer.cookie is not None:
            headers["Set-Cookie"] = f"{COOKIE}={answer.cookie}; Path=/; HttpOnly; SameSite=Strict"
        self.send(answer.status, answer.content.encode(), HTML, headers)
