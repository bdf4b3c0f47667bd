"""`CodeSupplier` on the site of BON, as far as a function has what a visit needs."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from offerloop.codes.model import Pool
from offerloop.codes.ports import CodeSupplier
from offerloop.errors import SupplierUnavailable

NO_BROWSER = "there is no browser here: BrowserImage has to name the image that has one"
NO_ACCOUNT = "the secret with BON's account is not {username, password} in JSON"


@dataclass(frozen=True, slots=True)
class BonSite:
    """Visits the site; browser and account are looked for then, so that other suppliers work without them.

    Attributes:
        secret: gives the account, as JSON {username, password}.
        browser_path: of Chromium; None = the one of the function's image.
        say: takes one line per step.
    """

    url: str
    secret: Callable[[], bytes]
    browser_path: str | None
    say: Callable[[str], None]

    def fetch(self, pool: Pool, count: int, batch: str) -> Sequence[str]:
        """See `CodeSupplier`."""
        return self._browser().fetch(pool, count, batch)

    def _browser(self) -> CodeSupplier:
        try:
            from handlers.aws import bon_browser, chromium
        except ImportError:
            raise SupplierUnavailable(NO_BROWSER) from None
        try:
            account = json.loads(self.secret())
            login, password = account["username"], account["password"]
        except (ValueError, KeyError, TypeError):
            raise SupplierUnavailable(NO_ACCOUNT) from None  # what it says instead is nobody's business
        path = self.browser_path
        launch = {"args": chromium.LAMBDA_ARGUMENTS} if path is None else {"executable_path": path}
        return bon_browser.BonBrowser(self.url, login, password, launch=launch, say=self.say)
