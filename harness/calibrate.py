"""A scenario from recorded transactions: ``make calibrate DATA=<csv[.gz]> MAP=<yaml>``; see docs/model.md."""

from __future__ import annotations

import os
import re
import tempfile
from dataclasses import dataclass
from datetime import UTC, tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from harness.settings import Refusal, whole_number
from harness.system import state_root
from simulator.calibrate.distances import QUANTILES, RUNS, Distance, distances
from simulator.calibrate.estimate import Estimates, estimate
from simulator.calibrate.observed import CannotCalibrate, Observed, observe
from simulator.calibrate.writing import Source, report, scenario_text
from simulator.replay.mapping import InvalidMapping, read_mapping
from simulator.replay.recorder import fingerprint, record
from simulator.replay.recording import Recording
from simulator.replay.rows import UnreadableData
from simulator.scenario import ScenarioError, load_scenario

FAR = 0.1  # a distance from here on deserves a second look

console = Console(highlight=False)


@dataclass(frozen=True)
class Order:
    """What a calibration was asked for; *zone* is an IANA name, *out* the scenario file."""

    data: Path
    mapping_file: Path
    out: Path
    seed: int
    zone: str


def order_from_environment() -> Order:
    """Read ``DATA MAP OUT SEED ZONE``.

    Raises:
        Refusal: DATA or MAP is missing, or OUT cannot name a scenario.
    """
    missing = [name for name in ("DATA", "MAP") if not os.environ.get(name)]
    if missing:
        raise Refusal(f"give {' and '.join(missing)}: make calibrate DATA=purchases.csv.gz MAP=mapping.yaml")
    data = Path(os.environ["DATA"])
    stem = re.sub(r"[^a-z0-9]+", "-", data.name.partition(".")[0].lower()).strip("-")[:64]
    default = state_root() / "calibrated" / f"{stem or 'calibrated'}.yaml"
    out = Path(os.environ.get("OUT") or default)
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,63}\.ya?ml", out.name):
        raise Refusal(f"OUT={out}: the file's name is the scenario's: small letters, digits, - and .yaml")
    seed = whole_number("SEED", least=0, most=2**63 - 1)
    return Order(
        data, Path(os.environ["MAP"]), out, 1 if seed is None else seed, os.environ.get("ZONE") or "UTC"
    )


def calibrate(order: Order) -> None:
    """Write the scenario and its report, and print both.

    Raises:
        Refusal: with the reason why there is no scenario; nothing is written then.
    """
    try:
        left_out, observed = _observed(order)
        source = Source(order.data.name, order.mapping_file.name, left_out, order.seed, order.zone)
        with console.status("estimating"):
            estimates = estimate(observed, order.seed)
        with console.status("comparing"):
            compared = distances(observed, estimates, order.seed)
        written = _write(order.out, source, observed, estimates, compared)
    except (InvalidMapping, UnreadableData, CannotCalibrate, ScenarioError) as refusal:
        raise Refusal(
            f"{order.data}: {refusal}" if isinstance(refusal, CannotCalibrate) else f"{refusal}"
        ) from None
    except OSError as problem:
        raise Refusal(f"{problem.filename or order.out}: {problem.strerror or problem}") from None
    _show(observed, estimates, left_out)
    _show_distances(compared)
    console.print(f"scenario   {written}", markup=False, soft_wrap=True)
    console.print(f"report     {written.with_suffix('.json')}", markup=False, soft_wrap=True)


def _observed(order: Order) -> tuple[dict[str, int], Observed]:
    """The rows left out by reason, and the orders; the file is read once and the recording kept."""
    mapping = read_mapping(order.mapping_file)
    has_time_of_day = mapping.timestamp.time_of_day == "recorded"
    zone = _zone(order.zone)
    name = fingerprint(order.data, order.mapping_file, mapping, order.seed)
    path = state_root() / "calibrate" / f"{name}.sqlite"
    with console.status("reading rows"):
        if not path.exists():
            record(order.data, mapping, order.seed, path)
        with Recording(path, mapping) as recording:
            left_out = dict(recording.fault_counts().most_common())
            try:
                observed = observe(recording.sessions(), recording.values_hundredths(), zone, has_time_of_day)
            except CannotCalibrate as refusal:
                rows = (
                    f" ({sum(left_out.values())} of {recording.rows} rows were left out)" if left_out else ""
                )
                raise CannotCalibrate(f"{refusal}{rows}") from None
    return left_out, observed


def _zone(name: str) -> tzinfo:
    if name == "UTC":
        return UTC
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise Refusal(f"ZONE={name} is no time zone; give a name such as America/New_York") from None


def _write(
    out: Path, source: Source, observed: Observed, estimates: Estimates, compared: list[Distance]
) -> Path:
    """Put scenario and report in place once the scenario was read back."""
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent) as folder:
        draft = Path(folder) / out.name
        draft.write_text(scenario_text(out.stem, source, observed, estimates), encoding="utf-8")
        scenario = load_scenario(draft)
        report_draft = draft.with_suffix(".json")
        report_draft.write_text(report(source, observed, estimates, compared, scenario), encoding="utf-8")
        report_draft.replace(out.with_suffix(".json"))
        draft.replace(out)
    return out


def _show(observed: Observed, estimates: Estimates, left_out: dict[str, int]) -> None:
    habits, basket = estimates.habits, estimates.basket
    table = Table("what", "value", title="Calibrated", title_justify="left")
    table.add_row(
        "orders, customers, days", f"{len(observed.customer)}, {observed.customers}, {observed.days}"
    )
    for reason, count in left_out.items():
        table.add_row(f"rows left out: {reason}", str(count))
    table.add_row("customers", "were present before" if habits.present else "join with their first order")
    table.add_row("shoppers at one time", str(estimates.users))
    table.add_row("visits a day, gamma shape", f"{habits.mean_per_day:.5f}, {habits.shape:.3f}")
    lapse = "nobody" if habits.lapse is None else f"{habits.lapse[0] / sum(habits.lapse):.2%}"
    table.add_row("leave for good after an order", lapse)
    table.add_row("day factor, coefficient of variation", f"{estimates.arrivals.day_factor_cv:.3f}")
    table.add_row(
        "hourly profile",
        "from the data" if observed.has_time_of_day else "the baseline's: no time of day in the data",
    )
    points = f", {len(basket.price_points)} price points" if basket.price_points else ""
    table.add_row("basket, lognormal", f"mu {basket.mu:.3f}, sigma {basket.sigma:.3f}{points}")
    if basket.lines is not None:
        lines = basket.lines
        words = (
            f"mu {lines.mu:.3f}, sigma {lines.sigma:.3f}, correlation {lines.correlation:.2f} with the value"
        )
        table.add_row("lines of a basket, lognormal", words)
    table.add_row("categories", str(len(estimates.categories)))
    console.print(table)


def _show_distances(compared: list[Distance]) -> None:
    shares = " / ".join(f"{100 * share:.0f}" for share in QUANTILES)
    table = Table(
        *("quantity", "KS distance", "noise"),
        *(f"data, {shares} %", "simulated"),
        title=f"Data against {RUNS} simulated runs",
        title_justify="left",
    )
    for row in compared:
        far = "[red]" if row.distance > FAR else ""
        table.add_row(
            escape(row.quantity),
            f"{far}{row.distance:.3f}",
            f"{row.noise:.3f}",
            " / ".join(f"{value:g}" for value in row.data),
            " / ".join(f"{value:g}" for value in row.simulated),
        )
    console.print(table)
