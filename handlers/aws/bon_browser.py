"""`CodeSupplier` on the admin site of BON, which has no interface for programs: a browser fills its forms.

One run is one visit: launch, log in, scrape, transfer, clean up. The site keeps what a batch reference has
taken, so a run that broke off anywhere is simply made again under the same reference.

What the browser says of a failure quotes what was typed, so nothing of it goes into refusals: they are raised
where no error of the browser is being handled, with words of their own.
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from playwright.sync_api import Error as PlaywrightError
from playwright.sync_api import TimeoutError as PlaywrightTimeout

from handlers.aws import chromium
from offerloop.codes.model import Pool
from offerloop.errors import Refusal, SupplierChanged, SupplierUnavailable
from offerloop.money import to_major, to_minor

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page, Response

logger = logging.getLogger(__name__)

BUDGET_S = 120.0
STEP_S = 15.0  # for each page
LAUNCH_S = 30.0
FINDS_WITHIN_S = 5.0  # on a page that has come; scripts may still be filling it
LEAVES_WITHIN_S = 2.0
# Ten wrong tries lock an account: whoever tries again and again by a program must not be what locks it.
REFUSED_LOGIN_AGAIN_S = 900
# 4xx that speak of the moment, not of the request: timeout, too early, too many requests.
PASSING = (408, 425, 429)
PLAUSIBLE_CODE = re.compile(r"[A-Z0-9-]{4,40}")
WHERE = re.compile(r"Page (\d+) of (\d+)")


class BonBrowser:
    """Takes codes from the site, one visit per call.

    Args:
        url: of the site, without a slash at its end.
        launch: options of Playwright's ``launch``: ``executable_path`` where Chromium is not Playwright's
            own, ``args`` instead of `chromium.ARGUMENTS`.
        budget_s: for a whole visit but its end, which takes some seconds more at most.
        step_s: for each page.
        say: takes one line per step.
    """

    def __init__(
        self,
        url: str,
        login: str,
        password: str,
        *,
        launch: Mapping[str, Any] | None = None,
        budget_s: float = BUDGET_S,
        step_s: float = STEP_S,
        say: Callable[[str], None] = logger.info,
    ) -> None:
        self._site = _Site(url, login, password)
        self._launch = dict(launch or {})
        self._budget_s, self._step_s, self._say = budget_s, step_s, say

    def fetch(self, pool: Pool, count: int, batch: str) -> Sequence[str]:
        """See `CodeSupplier`; *count* >= 1, *batch* has up to 120 visible ASCII characters."""
        outcome = self._visit(pool, count, batch)
        if isinstance(outcome, Refusal):
            raise outcome
        return outcome

    def _visit(self, pool: Pool, count: int, batch: str) -> Sequence[str] | Refusal:
        progress = _Progress(self._say, self._budget_s, self._step_s)
        visit: _Visit | None = None
        with ExitStack() as opened:
            try:
                progress.begin("launch")
                page = opened.enter_context(chromium.page(self._launch, progress.limit_ms(LAUNCH_S)))
                visit = _Visit(page, self._site, progress)
                return visit.take(pool, count, batch)
            except _Missed as missed:
                return SupplierChanged(
                    f"BON's pages have changed ({progress.step}): {missed} is missing",
                    None if visit is None else chromium.picture(page),
                )
            except SupplierUnavailable as refusal:
                return refusal
            except PlaywrightError as failure:
                return SupplierUnavailable(
                    f"BON could not be visited ({progress.step}): {_reason(failure, progress)}"
                )
            finally:
                progress.begin("clean up")
                if visit is not None:
                    visit.leave()


@dataclass(frozen=True)
class _Site:
    url: str
    login: str = field(repr=False)
    password: str = field(repr=False)

    def is_at(self, address: str) -> bool:
        """Tell whether an address belongs to the site."""
        mine, other = urlsplit(self.url), urlsplit(address)
        return (mine.scheme, mine.netloc) == (other.scheme, other.netloc)


class _Missed(Exception):
    """Something that a page must have is not there; the message names it."""


class _SessionEnded(Exception):
    """The site asks for the login again."""


class _Progress:
    """Steps, each said once, and the time that is left.

    Attributes:
        step: the one that was begun last.
    """

    def __init__(self, say: Callable[[str], None], budget_s: float, step_s: float) -> None:
        self._say, self._step_s = say, step_s
        self._budget_s, self._ends_s = budget_s, time.monotonic() + budget_s
        self._begun: set[str] = set()
        self.step = ""

    def begin(self, step: str) -> None:
        """Begin a step; one that a new login repeats is not said again."""
        self.step = step
        if step not in self._begun:
            self._begun.add(step)
            self._say(f"Replenishment: {step}")

    def limit_ms(self, most_s: float | None = None) -> float:
        """How long the next thing may take.

        Raises:
            SupplierUnavailable: the budget is spent.
        """
        left_s = self._ends_s - time.monotonic()
        if left_s <= 0:
            raise SupplierUnavailable(f"BON took longer than {self._budget_s:g} s ({self.step})")
        return min(left_s, self._step_s if most_s is None else most_s) * 1_000


class _Visit:
    """One visit to the site, in one page of a browser."""

    def __init__(self, page: Page, site: _Site, progress: _Progress) -> None:
        self._page, self._site, self._progress = page, site, progress
        self._logged_in = False

    def take(self, pool: Pool, count: int, batch: str) -> list[str]:
        """Log in and transfer codes; once more from the beginning where the session ends meanwhile."""
        for _ in range(2):
            self._log_in()
            try:
                return self._take(pool, count, batch)
            except _SessionEnded:
                self._logged_in = False
        raise SupplierUnavailable(f"BON ended the session twice ({self._progress.step})")

    def leave(self) -> None:
        """Log out if that is possible; whether or not it is, what was taken is taken."""
        if not self._logged_in:
            return
        with suppress(PlaywrightError):
            self._page.locator("#log-out button").click(timeout=LEAVES_WITHIN_S * 1_000)
            self._page.wait_for_url("**/login*", timeout=LEAVES_WITHIN_S * 1_000)

    def _log_in(self) -> None:
        self._progress.begin("log in")
        self._go("/login")
        user = self._need("#sign-in #user", "the login form's field for the user")
        password = self._need("#sign-in #password", "the login form's field for the password")
        button = self._need("#sign-in button", "the login form's button")
        user.fill(self._site.login, timeout=self._progress.limit_ms())
        password.fill(self._site.password, timeout=self._progress.limit_ms())
        self._press(button)
        if self._has("#sign-in"):
            raise SupplierUnavailable("BON refused the login", REFUSED_LOGIN_AGAIN_S)
        self._need("#log-out button", "the button to log out")
        self._logged_in = True

    def _take(self, pool: Pool, count: int, batch: str) -> list[str]:
        self._progress.begin("scrape")
        chosen: list[str] = []
        if not self._was_transferred(batch):
            chosen = self._select(pool, count)
            if not chosen:
                return []
        self._progress.begin("transfer")
        if chosen:
            self._transfer(chosen, batch)
        return self._confirmed(pool, batch)

    def _was_transferred(self, batch: str) -> bool:
        """Tell whether the batch is known, and stay on the page that says so."""
        status = self._go(f"/transfers?batch={quote(batch, safe='')}", or_status=404)
        if status == 404:
            self._need("#unknown-batch", "what is said of an unknown batch")
        return status != 404

    def _select(self, pool: Pool, count: int) -> list[str]:
        """Put up to *count* codes into the site's selection, from as many pages as that takes."""
        self._go("/codes")
        choice = self._need("#filter select", "the choice of an amount")
        value = f"{to_major(pool.amount).normalize():f}"
        if not self._has(f'#filter option[value="{value}"]'):
            return []
        choice.select_option(value, timeout=self._progress.limit_ms())
        self._press(self._need("#filter button", "the button that shows an amount"))
        chosen = self._tick(pool, count)
        while len(chosen) < count and self._turn_page():
            chosen += self._tick(pool, count - len(chosen))
        return chosen

    def _tick(self, pool: Pool, count: int) -> list[str]:
        """Tick up to *count* codes of this page and add them to the selection."""
        rows = self._rows("#codes", "code", "amount", "currency", "status")
        wanted = [
            code
            for code, text, currency, status in rows
            if (_minor(text), currency, status) == (pool.amount, pool.currency, "active")
        ][:count]
        for code in wanted:
            tick = self._need(f'#codes input[type=checkbox][value="{code}"]', f"the tick of {code}")
            tick.check(timeout=self._progress.limit_ms())
        if wanted:
            self._press(self._need("#selection button", "the button that adds codes to the selection"))
        return wanted

    def _turn_page(self) -> bool:
        """Go to the next page of the list; False on the last."""
        number, pages = self._where()
        if number >= pages:
            return False
        self._press(self._need(".pager a[rel=next]", "the link to the next page"))
        if self._where()[0] != number + 1:
            raise _Missed(f"page {number + 1} behind the link to it")
        return True

    def _where(self) -> tuple[int, int]:
        said = WHERE.search(self._text(".pager .where", "the number of the page"))
        if said is None:
            raise _Missed("the number of the page")
        return int(said[1]), int(said[2])

    def _transfer(self, chosen: Sequence[str], batch: str) -> None:
        self._go("/transfer")
        if self._has("main .empty"):
            raise _taken_meanwhile()
        if not {code for code, *_ in self._rows("#selected", "code")} <= set(chosen):
            raise _Missed("a selection of nothing but the codes that were ticked")
        reference = self._need("#transfer #batch", "the field for the batch reference")
        reference.fill(batch, timeout=self._progress.limit_ms())
        self._press(self._need("#transfer button", "the button that transfers the selection"))
        if self._has("main .empty"):
            raise _taken_meanwhile()

    def _confirmed(self, pool: Pool, batch: str) -> list[str]:
        """Read what the batch holds from its own page, and believe nothing else."""
        if self._text("#batch-reference", "the batch reference of a transfer") != batch:
            raise _Missed(f"a confirmation of {batch}")
        rows = self._rows("#transferred", "code", "amount", "currency")
        if {(_minor(text), currency) for _, text, currency in rows} != {(pool.amount, pool.currency)}:
            raise _Missed(f"a confirmation of {to_major(pool.amount)} {pool.currency} for each code")
        return [code for code, *_ in rows]

    def _rows(self, table: str, *columns: str) -> list[tuple[str, ...]]:
        """The texts of a table, row by row; the first column is codes."""
        self._need(table, f"the table {table}")
        rows = self._page.locator(f"{table} tbody tr").count()
        cells = [self._page.locator(f"{table} tbody td.{name}").all_text_contents() for name in columns]
        for name, texts in zip(columns, cells, strict=True):
            if len(texts) != rows:
                raise _Missed(f"the column {name} of the table {table}")
        found = [tuple(text.strip() for text in row) for row in zip(*cells, strict=True)]
        if not all(PLAUSIBLE_CODE.fullmatch(row[0]) for row in found):
            raise _Missed(f"a code that looks like one in the table {table}")
        return found

    def _text(self, selector: str, what: str) -> str:
        found = self._need(selector, what).text_content(timeout=self._progress.limit_ms())
        return (found or "").strip()

    def _has(self, selector: str) -> bool:
        return self._page.locator(selector).count() > 0

    def _need(self, selector: str, what: str) -> Locator:
        """Find an element that the page must have."""
        found = self._page.locator(selector).first
        try:
            found.wait_for(state="attached", timeout=self._progress.limit_ms(FINDS_WITHIN_S))
        except PlaywrightTimeout:
            raise _Missed(f"{what} ({selector})") from None
        return found

    def _go(self, path: str, or_status: int = 200) -> int:
        """Open a page of the site; gives its status, 200 or *or_status*."""
        answer = self._page.goto(
            f"{self._site.url}{path}", wait_until="domcontentloaded", timeout=self._progress.limit_ms()
        )
        return self._arrived(answer, or_status)

    def _press(self, element: Locator) -> None:
        """Press what leads to another page, and wait for it."""
        limit_ms = self._progress.limit_ms()
        with self._page.expect_navigation(wait_until="domcontentloaded", timeout=limit_ms) as arriving:
            element.click(timeout=limit_ms)
        self._arrived(arriving.value)

    def _arrived(self, answer: Response | None, or_status: int = 200) -> int:
        """Judge the page that came."""
        status = 200 if answer is None else answer.status
        if status in PASSING or status >= 500:
            raise SupplierUnavailable(f"BON answered {status} ({self._progress.step})")
        if not self._site.is_at(self._page.url):
            raise _Missed("a page of BON's own address")
        path = urlsplit(self._page.url).path
        if self._logged_in and path.endswith("/login"):
            raise _SessionEnded
        if status not in (200, or_status):
            raise _Missed(f"the page {path} (answer {status})")
        return status


def _minor(text: str) -> int:
    try:
        return to_minor(Decimal(text))
    except (InvalidOperation, ValueError):
        raise _Missed("an amount that is a number") from None


def _taken_meanwhile() -> SupplierUnavailable:
    return SupplierUnavailable("others have taken the codes meanwhile")


def _reason(failure: PlaywrightError, progress: _Progress) -> str:
    """Say in words of our own what became of the browser or of a page."""
    if isinstance(failure, PlaywrightTimeout):
        return "it is too slow"
    if progress.step == "launch":  # so far nothing was typed that the browser could quote
        return failure.message.partition("\n")[0]
    network = re.search(r"net::ERR_[A-Z_]+", failure.message)
    return network[0] if network else "the browser failed"
