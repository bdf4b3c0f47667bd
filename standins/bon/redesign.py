"""Two pages after a change of layout: people find their way as before, programs do not."""

from collections.abc import Sequence
from html import escape

from offerloop.money import MINOR_PER_MAJOR, shown
from standins.bon.pages import hidden, pager, shell
from standins.bon.stock import Code, Page


def login(token: str, error: str = "", notice: str = "") -> str:
    """The login form under other names."""
    said = error or notice
    return shell(
        "Welcome",
        f"""<main class="door">
<p class="brand"><span>BON</span> supplier desk</p>
<form class="card entrance" method="post" action="/login">
<h1>Welcome</h1>
{f'<p class="notice">{escape(said)}</p>' if said else ""}
{hidden(token)}
<label>Your name <input name="user" required></label>
<label>Your secret <input name="password" type="password" required></label>
<button>Go on</button>
</form>
</main>""",
    )


def active_codes(token: str, page: Page[Code], amount: int | None, selected: Sequence[str]) -> str:
    """The active codes as cards."""
    cards = "".join(
        f'<li class="voucher"><label><input type="checkbox" name="code" value="{code.code}"'
        f"{' checked disabled' if code.code in selected else ''}> <strong>{code.code}</strong></label>"
        f"<span>{shown(code.amount, code.currency)}</span></li>"
        for code in page.rows
    )
    chosen = "" if amount is None else str(amount // MINOR_PER_MAJOR)
    return f"""<form class="vouchers" method="post" action="/selection">
{hidden(token)}
<input type="hidden" name="page" value="{page.number}"><input type="hidden" name="amount" value="{chosen}">
<ul>{cards}</ul>
<div class="under">{pager("/codes", page, {"amount": chosen} if chosen else {})}<button>Choose</button></div>
</form>"""
