"""The supplier's stand-in site: who gets in, what forms do, how it misbehaves; and its process."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from handlers.errors import status_of
from harness.system import REPOSITORY
from offerloop.errors import SupplierChanged, SupplierUnavailable
from standins.bon.access import LOCKED_FOR_S, Account, Login
from standins.bon.behaviour import BadBehaviour, Behaviour, behaviour_of
from standins.bon.server import BonServer
from standins.bon.stock import SIGNS, Stock
from tests.bon_site import LOGIN, PASSWORD, bon_site

pytestmark = pytest.mark.enable_socket


@pytest.fixture
def site(tmp_path: Path) -> Iterator[BonServer]:
    with bon_site(tmp_path, {100_00: 23, 200_00: 2}) as server:
        yield server


@pytest.fixture
def visitor(site: BonServer) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=site.url, follow_redirects=True) as client:
        yield client


@pytest.fixture
def admin(visitor: httpx.Client) -> httpx.Client:
    log_in(visitor)
    return visitor


def log_in(visitor: httpx.Client, password: str = PASSWORD) -> httpx.Response:
    return send(visitor, "/login", "/login", user=LOGIN, password=password)


def send(visitor: httpx.Client, page: str, action: str, **fields: str | list[str]) -> httpx.Response:
    """Fill in a form of a page, as a browser would: with its token."""
    return visitor.post(action, data={"csrf": token_of(visitor.get(page).text), **fields})


def token_of(text: str) -> str:
    return re.findall(r'name="csrf" value="([0-9a-f]{64})"', text)[0]


def codes_in(text: str) -> list[str]:
    return re.findall(r'<td class="code">(BON[^<]+)</td>', text)


def test_pages_are_for_those_who_are_logged_in(visitor):
    for path in ("/", "/codes", "/transfer", "/transfers", "/generate"):
        assert visitor.get(path).url.path == "/login"

    assert log_in(visitor).url.path == "/codes"
    assert visitor.get("/transfers").url.path == "/transfers"

    assert send(visitor, "/codes", "/logout").url.path == "/login"
    assert visitor.get("/codes").url.path == "/login"


def test_a_login_renews_the_cookie_and_no_script_may_read_it(visitor):
    before = visitor.get("/login").headers["set-cookie"]
    token = token_of(visitor.get("/login").text)
    answer = visitor.post(
        "/login", data={"csrf": token, "user": LOGIN, "password": PASSWORD}, follow_redirects=False
    )

    after = answer.headers["set-cookie"]
    assert before.split(";")[0] != after.split(";")[0]
    assert "HttpOnly; SameSite=Strict" in after


@pytest.mark.parametrize("token", ["", "0" * 64, "of another cookie"])
def test_a_form_without_the_token_of_its_cookie_does_nothing(site, admin, token):
    with httpx.Client(base_url=site.url) as other:
        foreign = token_of(other.get("/login").text)
    code = codes_in(admin.get("/codes").text)[0]
    sent = foreign if token == "of another cookie" else token

    answers = [
        admin.post("/selection", data={"csrf": sent, "code": code}),
        admin.post("/transfer", data={"csrf": sent, "batch": "b1"}),
        admin.post("/generate", data={"csrf": sent, "amount": "100", "count": "5"}),
        admin.post("/logout", data={"csrf": sent}),
        admin.post("/login", data={"csrf": sent, "user": LOGIN, "password": PASSWORD}),
    ]

    assert [answer.status_code for answer in answers] == [403] * 5
    assert "Selection</a>" in admin.get("/codes").text  # without a count
    assert site.desk.stock.active(None, 1).total == 25


def test_ten_wrong_passwords_lock_the_account_for_the_right_one_too(visitor):
    answers = [log_in(visitor, "wrong") for _ in range(10)]

    assert [answer.status_code for answer in answers] == [200] * 9 + [429]
    assert "User or password is wrong" in answers[0].text
    assert "locked for 15 minutes" in log_in(visitor).text


def test_a_lock_ends_and_a_right_password_forgets_the_wrong_ones():
    now_s = 0.0
    account = Account(LOGIN, PASSWORD, lambda: now_s)
    for _ in range(2):
        for _ in range(9):
            assert account.try_login(LOGIN, "wrong") is Login.WRONG
        assert account.try_login(LOGIN, PASSWORD) is Login.RIGHT
    for _ in range(10):
        account.try_login("somebody", PASSWORD)

    now_s = LOCKED_FOR_S - 1
    assert account.try_login(LOGIN, PASSWORD) is Login.LOCKED
    now_s = LOCKED_FOR_S
    assert account.try_login(LOGIN, PASSWORD) is Login.RIGHT


def test_active_codes_come_ten_a_page_and_by_amount(admin):
    pages = [admin.get("/codes", params={"amount": "100", "page": page}).text for page in (1, 2, 3, 9)]

    assert [len(codes_in(text)) for text in pages] == [10, 10, 3, 3]
    assert len({code for text in pages for code in codes_in(text)}) == 23
    assert ['rel="prev"' in text for text in pages] == [False, True, True, True]
    assert ['rel="next"' in text for text in pages] == [True, True, False, False]
    assert "amount=100&amp;page=2" in pages[0]
    assert codes_in(admin.get("/codes", params={"amount": "700"}).text) == []


def test_codes_of_several_pages_are_transferred_together_and_leave_the_list(site, admin):
    chosen = [codes_in(admin.get("/codes", params={"page": page}).text)[0] for page in (1, 2)]
    for code in chosen:
        send(admin, "/codes", "/selection", code=code)
    assert "Selection <b>2</b>" in admin.get("/codes").text

    done = send(admin, "/transfer", "/transfer", batch="b/1&co")

    assert (done.url.params["batch"], codes_in(done.text)) == ("b/1&co", chosen)
    assert "2026-03-01 12:00:00 UTC" in done.text
    assert "b/1&amp;co" in admin.get("/transfers").text
    assert not {code for page in (1, 2, 3) for code in codes_in(admin.get(f"/codes?page={page}").text)} & set(
        chosen
    )


def test_a_batch_that_is_known_shows_its_transfer_again_and_takes_nothing(site, admin):
    first, other = codes_in(admin.get("/codes").text)[:2]
    send(admin, "/codes", "/selection", code=first)
    send(admin, "/transfer", "/transfer", batch="b1")
    send(admin, "/codes", "/selection", code=other)

    again = send(admin, "/transfer", "/transfer", batch="b1")

    assert codes_in(again.text) == [first]
    assert other in codes_in(admin.get("/codes").text)


def test_a_code_in_two_selections_goes_to_the_first_transfer_alone(site, admin):
    code = codes_in(admin.get("/codes").text)[0]
    send(admin, "/codes", "/selection", code=[code, "BON100NOTACODE"])
    token = token_of(admin.get("/transfer").text)
    assert site.desk.stock.transfer("theirs", [code], "2026-03-01T12:00:00+00:00") is not None

    late = admin.post("/transfer", data={"csrf": token, "batch": "ours"})

    assert "none of the selected codes is active any more" in late.text
    assert admin.get("/transfers", params={"batch": "ours"}).status_code == 404


def test_new_codes_are_readable_and_never_the_same(tmp_path):
    stock = Stock(tmp_path / "bon.sqlite")
    stock.generate(100_00, 500)
    codes = [code.code for page in range(1, 51) for code in stock.active(100_00, page).rows]
    stock.close()

    assert len(set(codes)) == 500
    assert all(re.fullmatch(f"BON100[A-Z][{SIGNS}]{{5}}", code) for code in codes)
    assert not set("BILOSZ01") & set(SIGNS)


def test_a_sign_that_repeats_itself_makes_no_code_twice(tmp_path):
    signs = iter("A" * 12 + "C" * 6)
    stock = Stock(tmp_path / "bon.sqlite", lambda _signs: next(signs))

    stock.generate(100_00, 2)

    assert [code.code for code in stock.active(None, 1).rows] == ["BON100AAAAAA", "BON100CCCCCC"]
    stock.close()


def test_the_form_for_new_codes_makes_them(admin):
    made = send(admin, "/generate", "/generate", amount="300", count="7")

    assert ("7 new codes of 300 made" in made.text, len(codes_in(made.text))) == (True, 7)


@pytest.mark.parametrize(
    ("action", "fields"),
    [
        ("/generate", {"amount": "0", "count": "1"}),
        ("/generate", {"amount": "100", "count": "1001"}),
        ("/generate", {"amount": "1e2", "count": "1"}),
        ("/generate", {"amount": ["100", "200"], "count": "1"}),
        ("/transfer", {"batch": ""}),
        ("/transfer", {"batch": "two words"}),
        ("/transfer", {"batch": "x" * 121}),
        ("/selection", {"code": ["x"] * 1200}),
    ],
)
def test_a_form_that_makes_no_sense_is_refused_in_words(admin, action, fields):
    answer = send(admin, "/generate", action, **fields)

    assert (answer.status_code, "<h1>Not possible</h1>" in answer.text) == (400, True)


def test_unknown_pages_and_other_methods_are_told_apart(admin):
    assert [admin.get("/nowhere").status_code, admin.get("/logout").status_code] == [404, 405]
    assert admin.request("DELETE", "/codes").status_code == 501


def test_what_people_type_is_shown_as_text(admin):
    answer = admin.get("/transfers", params={"batch": "<script>alert(1)</script>"})

    assert (answer.status_code, "<script>" in answer.text) == (404, False)
    assert "default-src 'self'" in answer.headers["content-security-policy"]


def test_misbehaviour_is_switched_on_and_off(site, admin):
    admin.put("/behaviour", json={"outage": True}).raise_for_status()
    assert admin.get("/codes").status_code == 503

    admin.put("/behaviour", json={"layout": "changed"}).raise_for_status()
    assert 'id="codes"' not in admin.get("/codes").text

    admin.put("/behaviour", json={"expired_session": 2}).raise_for_status()
    assert [admin.get("/codes").url.path for _ in range(3)] == ["/codes", "/codes", "/login"]
    assert "Your session has ended" in admin.get("/codes").text
    assert log_in(admin).url.path == "/codes"

    admin.put("/behaviour", json={"slow_s": 0.2}).raise_for_status()
    assert admin.get("/codes").elapsed.total_seconds() >= 0.2
    assert site.desk.behaviour == Behaviour(slow_s=0.2)


@pytest.mark.parametrize(
    "said",
    [
        "",
        "[]",
        '{"slow": 1}',
        '{"slow_s": -1}',
        '{"slow_s": NaN}',
        '{"slow_s": true}',
        '{"expired_session": 1.5}',
        '{"layout": "new"}',
        '{"layout": []}',
        '{"outage": 1}',
    ],
)
def test_what_is_no_behaviour_is_refused(said):
    with pytest.raises(BadBehaviour):
        behaviour_of(said)


def test_a_form_of_another_site_cannot_switch_misbehaviour_on(visitor, site):
    answer = visitor.post("/behaviour", content='{"outage": true}', headers={"Content-Type": "text/plain"})

    assert (answer.status_code, site.desk.behaviour) == (405, Behaviour())


def test_the_log_has_neither_passwords_nor_codes(tmp_path):
    log: list[str] = []
    with bon_site(tmp_path, {100_00: 1}, log) as server, httpx.Client(base_url=server.url) as client:
        client.follow_redirects = True
        log_in(client)
        code = codes_in(client.get("/codes").text)[0]
        send(client, "/codes", "/selection", code=code)

    assert [json.loads(line)["path"] for line in log[:2]] == ["/login", "/login"]
    assert not [line for line in log for secret in (LOGIN, PASSWORD, code, "csrf") if secret in line]


def test_refusals_of_a_supplier_have_their_status():
    assert [status_of(SupplierUnavailable("x")), status_of(SupplierChanged("x", b"png"))] == [503, 502]


def test_without_an_account_it_does_not_start(tmp_path):
    environment = {name: value for name, value in os.environ.items() if not name.startswith("BON_")}
    process = psutil.Popen(
        [sys.executable, "-m", "standins.bon", "0", str(tmp_path / "x")],
        env=environment,
        cwd=REPOSITORY,
        stderr=subprocess.PIPE,
        text=True,
    )

    _, said = process.communicate(timeout=30)

    assert (process.returncode, "set BON_LOGIN and BON_PASSWORD" in said) == (1, True)
