"""How a run of shoppers is shown: one line while it runs, tables at its end."""

from rich.table import Table

from offerloop import money
from offerloop.offers.model import EventType
from simulator.shoppers.request_meter import RequestMeter
from simulator.shoppers.tally import Tally


def progress_line(tally: Tally, meter: RequestMeter, elapsed_s: float) -> str:
    """The figures so far in one line."""
    return (
        f"{elapsed_s:5.0f} s  {tally.sessions} sessions  {meter.requests} requests "
        f"({meter.requests / max(elapsed_s, 0.001):.0f}/s)  "
        f"{tally.orders_placed} ordered  {tally.events[EventType.REDEMPTION]} redeemed  "
        f"{tally.refusals['out_of_stock']} came too late  "
        f"{tally.boosted} served with a pivot's boost"
    )


def request_table(meter: RequestMeter, elapsed_s: float) -> Table:
    """Requests by kind with their latencies."""
    table = Table(
        "request", "count", "per second", "p50 ms", "p95 ms", title="Requests", title_justify="left"
    )
    for row in meter.by_kind():
        table.add_row(
            row.kind,
            str(row.requests),
            f"{row.requests / max(elapsed_s, 0.001):.1f}",
            f"{row.latency_ms_p50:.1f}",
            f"{row.latency_ms_p95:.1f}",
        )
    if meter.retries:
        table.add_row("retries", str(meter.retries), "", "", "")
    return table


def refusal_table(refusals: dict[str, int]) -> Table:
    """Refusals by code."""
    table = Table("refusal", "count", title="Refusals", title_justify="left")
    for code, count in refusals.items():
        table.add_row(code, str(count))
    return table


def category_table(served: dict[str, int], redeemed: dict[str, int], limit: int | None = None) -> Table:
    """Offers served and redeemed by category, most served first; *limit* rows at most."""
    categories = sorted(served.keys() | redeemed.keys(), key=lambda name: (-served.get(name, 0), name))
    title = (
        "Offers by category"
        if limit is None or len(categories) <= limit
        else f"Offers by category, top {limit}"
    )
    table = Table("category", "served", "redeemed", title=title, title_justify="left")
    for name in categories[:limit]:
        table.add_row(name, str(served.get(name, 0)), str(redeemed.get(name, 0)))
    table.add_row("all", str(sum(served.values())), str(sum(redeemed.values())))
    return table


def order_table(tally: Tally) -> Table:
    """Orders that were placed, and what customers found when they asked about them."""
    table = Table("orders", "count", title="Orders", title_justify="left")
    table.add_row("placed", str(tally.orders_placed))
    table.add_row("units", str(tally.units_ordered))
    table.add_row("value", f"{money.to_major(tally.cents_ordered):,.2f}")
    table.add_row("promo codes claimed", str(tally.codes_claimed))
    table.add_row("with a promo code", str(tally.orders_with_code))
    table.add_row("paid by codes", f"{money.to_major(tally.cents_by_code):,.2f}")
    table.add_row("with points", str(tally.orders_with_points))
    table.add_row("paid with points", f"{money.to_major(tally.points_used):,.2f}")
    for found, count in sorted(tally.orders.items()):
        table.add_row(found, str(count))
    return table


def summary_tables(tally: Tally, meter: RequestMeter, elapsed_s: float, lag_s: float) -> list[Table]:
    """Everything about one run of shoppers."""
    shoppers = Table("what", "count", title=f"Shoppers, {elapsed_s:.0f} s", title_justify="left")
    for what, count in (
        ("shoppers seen", tally.shoppers),
        ("left for good", tally.gone),
        ("sessions", tally.sessions),
        ("sessions in which nothing appealed", tally.fruitless),
        ("offers served with a pivot's boost", tally.boosted),
        ("sold-out offers refilled", tally.deliveries),
        ("products refilled", tally.products_delivered),
        (
            "list changed after own behaviour",
            _share(tally.lists_changed_after_acting, tally.lists_again_after_acting),
        ),
        ("list changed without own behaviour", _share(tally.lists_changed_idle, tally.lists_again_idle)),
        ("longest lag behind the clock, s", f"{lag_s:.2f}"),
    ):
        shoppers.add_row(what, str(count))
    tables = [
        shoppers,
        *([order_table(tally)] if tally.orders_placed else []),
        request_table(meter, elapsed_s),
        category_table(dict(tally.served_in), dict(tally.redeemed)),
    ]
    return [*tables, refusal_table(meter.refusals)] if meter.refusals else tables


def _share(part: int, whole: int) -> str:
    return f"{part} of {whole}" + (f" ({100 * part / whole:.0f} %)" if whole else "")
