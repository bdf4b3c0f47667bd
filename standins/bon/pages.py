"""The site's pages as HTML. `redesign.py` has those that look otherwise after a change of layout."""

from collections.abc import Sequence
from html import escape
from urllib.parse import urlencode

from offerloop.money import MINOR_PER_MAJOR, to_major
from standins.bon.stock import Code, Page, Transfer

NAVIGATION = (
    ("/codes", "Active"),
    ("/transfer", "Selection"),
    ("/transfers", "Transferred"),
    ("/generate", "New codes"),
)


def shell(title: str, content: str) -> str:
    """A page without navigation."""
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)} · BON</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/style.css">
</head>
<body>
{content}
</body>
</html>
"""


def inside(title: str, here: str, token: str, selected: int, notice: str, content: str) -> str:
    """A page for somebody who is logged in."""
    links = "".join(
        f'<a href="{path}"{" aria-current=page" if path == here else ""}>{name}'
        f"{f' <b>{selected}</b>' if path == '/transfer' and selected else ''}</a>"
        for path, name in NAVIGATION
    )
    said = f'<p class="notice" role="status">{escape(notice)}</p>' if notice else ""
    return shell(
        title,
        f"""<header class="bar">
<a class="brand" href="/codes"><span>BON</span> supplier desk</a>
<nav aria-label="Pages">{links}</nav>
<form id="log-out" method="post" action="/logout">{hidden(token)}<button class="quiet">Log out</button></form>
</header>
<main>
<h1>{escape(title)}</h1>
{said}
{content}
</main>""",
    )


def hidden(token: str) -> str:
    """A form's token."""
    return f'<input type="hidden" name="csrf" value="{token}">'


def login(token: str, error: str = "", notice: str = "") -> str:
    return shell(
        "Log in",
        f"""<main class="door">
<p class="brand"><span>BON</span> supplier desk</p>
<form id="sign-in" class="card" method="post" action="/login">
<h1>Log in</h1>
{f'<p class="error" role="alert">{escape(error)}</p>' if error else ""}
{f'<p class="notice" role="status">{escape(notice)}</p>' if notice else ""}
{hidden(token)}
<label for="user">User</label>
<input id="user" name="user" autocomplete="username" required autofocus>
<label for="password">Password</label>
<input id="password" name="password" type="password" autocomplete="current-password" required>
<button>Log in</button>
</form>
</main>""",
    )


def active_codes(
    token: str, page: Page[Code], amounts: Sequence[int], amount: int | None, selected: Sequence[str]
) -> str:
    rows = "".join(_active_row(code, code.code in selected) for code in page.rows)
    chosen = "" if amount is None else str(amount // MINOR_PER_MAJOR)
    return f"""{_filter(amounts, amount)}
<form id="selection" method="post" action="/selection">
{hidden(token)}
<input type="hidden" name="page" value="{page.number}"><input type="hidden" name="amount" value="{chosen}">
<div class="card">
<table id="codes">
<thead><tr><th scope="col">Transfer</th><th scope="col">Code</th><th scope="col" class="number">Amount</th>
<th scope="col">Currency</th><th scope="col">State</th></tr></thead>
<tbody>{rows}</tbody>
</table>
{"" if page.rows else '<p class="empty">No active code here. “New codes” makes some.</p>'}
</div>
<div class="under">{pager("/codes", page, {"amount": chosen} if chosen else {})}
<button{"" if page.rows else " disabled"}>Add ticked codes to the selection</button></div>
</form>"""


def _filter(amounts: Sequence[int], amount: int | None) -> str:
    options = "".join(
        f'<option value="{each // MINOR_PER_MAJOR}"{" selected" if each == amount else ""}>'
        f"{each // MINOR_PER_MAJOR}</option>"
        for each in amounts
    )
    return f"""<form id="filter" class="filter" method="get" action="/codes">
<label for="amount">Amount</label>
<select id="amount" name="amount"><option value="">All</option>{options}</select>
<button class="quiet">Show</button>
</form>"""


def _active_row(code: Code, selected: bool) -> str:
    tick = (
        f'<input type="checkbox" name="code" value="{code.code}" aria-label="Transfer {code.code}"'
        f"{' checked disabled' if selected else ''}>"
    )
    state = '<span class="state chosen">selected</span>' if selected else '<span class="state">active</span>'
    return f'<tr><td class="tick">{tick}</td>{_cells(code)}<td class="status">{state}</td></tr>'


def _cells(code: Code) -> str:
    return (
        f'<td class="code">{code.code}</td><td class="amount number">{to_major(code.amount):.2f}</td>'
        f'<td class="currency">{code.currency}</td>'
    )


def _table(name: str, codes: Sequence[Code]) -> str:
    rows = "".join(f"<tr>{_cells(code)}</tr>" for code in codes)
    return f"""<div class="card"><table id="{name}">
<thead><tr><th scope="col">Code</th><th scope="col" class="number">Amount</th>
<th scope="col">Currency</th></tr></thead>
<tbody>{rows}</tbody>
</table></div>"""


def pager(path: str, page: Page[Code] | Page[Transfer], query: dict[str, str]) -> str:
    """Links to the pages before and after."""

    def link(number: int, relation: str, words: str) -> str:
        if not 1 <= number <= page.pages:
            return f'<span aria-disabled="true">{words}</span>'
        address = escape(f"{path}?{urlencode({**query, 'page': number})}")
        return f'<a rel="{relation}" href="{address}">{words}</a>'

    return (
        f'<nav class="pager" aria-label="Pages of the list">{link(page.number - 1, "prev", "← Previous")}'
        f'<span class="where">Page {page.number} of {page.pages}</span>'
        f"{link(page.number + 1, 'next', 'Next →')}</nav>"
    )


def selection(token: str, codes: Sequence[Code]) -> str:
    if not codes:
        return '<p class="card empty">Nothing is selected. Tick codes in the list of active codes.</p>'
    return f"""{_table("selected", codes)}
<form id="transfer" class="card line" method="post" action="/transfer">
{hidden(token)}
<label for="batch">Batch reference</label>
<input id="batch" name="batch" maxlength="120" autocomplete="off" required>
<button>Transfer {len(codes)} {"code" if len(codes) == 1 else "codes"}</button>
</form>
<form id="clear" method="post" action="/selection">{hidden(token)}
<button class="quiet" name="clear" value="yes">Clear the selection</button></form>"""


def transfers(page: Page[Transfer]) -> str:
    rows = "".join(
        f'<tr><td class="code"><a href="/transfers?{escape(urlencode({"batch": each.batch}))}">'
        f"{escape(each.batch)}</a></td><td><time>{_time(each.at)}</time></td>"
        f'<td class="number">{len(each.codes)}</td></tr>'
        for each in page.rows
    )
    if not rows:
        return '<p class="card empty">Nothing was transferred yet.</p>'
    return f"""<div class="card"><table id="transfers">
<thead><tr><th scope="col">Batch</th><th scope="col">Transferred</th>
<th scope="col" class="number">Codes</th></tr></thead>
<tbody>{rows}</tbody>
</table></div>
<div class="under">{pager("/transfers", page, {})}</div>"""


def transfer(found: Transfer) -> str:
    return f"""<dl class="card facts">
<div><dt>Batch reference</dt><dd id="batch-reference">{escape(found.batch)}</dd></div>
<div><dt>Transferred</dt><dd><time datetime="{found.at}">{_time(found.at)}</time></dd></div>
<div><dt>Codes</dt><dd>{len(found.codes)}</dd></div>
</dl>
{_table("transferred", found.codes)}"""


def no_transfer(batch: str) -> str:
    return f"""<p id="unknown-batch" class="card empty">Nothing was transferred under {escape(batch)}.</p>"""


def generate(token: str) -> str:
    return f"""<form id="generate" class="card column" method="post" action="/generate">
{hidden(token)}
<label for="new-amount">Amount, whole UAH</label>
<input id="new-amount" name="amount" inputmode="numeric" value="100" required>
<label for="count">How many</label>
<input id="count" name="count" inputmode="numeric" value="10" required>
<button>Make new codes</button>
</form>"""


def message(title: str, words: str) -> str:
    """A page that says one thing to anybody."""
    return shell(
        title,
        f"""<main class="door"><p class="brand"><span>BON</span> supplier desk</p>
<div class="card"><h1>{escape(title)}</h1><p>{escape(words)}</p>
<p><a href="/codes">To the active codes</a></p></div></main>""",
    )


def _time(at: str) -> str:
    return f"{at[:10]} {at[11:19]} UTC"
