"""`make calibrate`: a scenario and a report from a transaction file, or one line that says why not."""

import csv
import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from harness.calibrate import Order, calibrate, order_from_environment
from harness.settings import Refusal
from harness.system import REPOSITORY
from simulator.scenario import load_scenario

MAPPING = REPOSITORY / "tests/data/calibrate/orders.yaml"
BEGIN = datetime(2024, 1, 1, tzinfo=UTC)


def write_orders(path: Path, customers: int = 40, days: int = 60, bad_rows: int = 2) -> Path:
    """A file of customers who order at rates of their own, the later half of the day more often."""
    generator = np.random.default_rng(4)
    rows = []
    for customer in range(customers):
        day = generator.exponential(1.0)
        rate = generator.gamma(1.5, 0.2)
        while day < days:
            at = BEGIN + timedelta(days=int(day), hours=int(24 * np.sqrt(generator.random())))
            rows.append((f"C{customer}", at.strftime("%Y-%m-%dT%H:%M:%S"), f"P{customer % 3}", "9.99"))
            rows.append(
                (f"C{customer}", at.strftime("%Y-%m-%dT%H:%M:%S"), "P9", f"{20 * generator.random():.2f}")
            )
            day += generator.exponential(1 / rate)
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("who", "when", "what", "paid"))
        writer.writerows([*rows, *[("C0", "yesterday", "P1", "1")] * bad_rows])
    return path


@pytest.fixture
def order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Order:
    monkeypatch.setenv("OFFERLOOP_STATE", str(tmp_path / "state"))
    data = write_orders(tmp_path / "orders.csv")
    return Order(data, MAPPING, tmp_path / "out" / "my-shop.yaml", seed=3, zone="UTC")


def test_a_scenario_and_a_report_are_written(order, capsys):
    calibrate(order)

    scenario = load_scenario(order.out)
    report = json.loads(order.out.with_suffix(".json").read_text())
    assert scenario.name == "my-shop"
    assert scenario.catalogue.categories == ("all",)
    assert scenario.arrivals.hourly_share[20] > 3 * scenario.arrivals.hourly_share[2]
    assert [point.value_hundredths for point in scenario.population.basket.price_points] == [999]
    assert scenario.population.users * scenario.population.visits_per_day == pytest.approx(
        report["orders"] / report["days"], rel=0.05
    )
    assert report["source"]["left_out"] == {"unreadable_time": 2}
    assert report["scenario"] == {"name": "my-shop", "digest": scenario.digest}
    assert [row["quantity"] for row in report["distances"]] == [
        "basket value",
        "gap between orders, days",
        "orders per day",
    ]
    assert all(0 < row["distance"] < 1 for row in report["distances"])
    assert "KS distance" in capsys.readouterr().out


def test_every_derived_value_has_a_comment(order):
    calibrate(order)

    lines = order.out.read_text().splitlines()

    for key in ("users", "visits_per_day", "visits_shape", "lapse", "day_factor_cv"):
        (line,) = [line for line in lines if line.strip().startswith(f"{key}:")]
        assert "    # " in line, line
    for key in ("basket", "affinities", "weekday_share", "hourly_share", "categories"):
        (place,) = [at for at, line in enumerate(lines) if line.strip().startswith(f"{key}:")]
        assert lines[place - 1].startswith("  # "), key


def test_the_same_seed_writes_the_same_bytes(order):
    calibrate(order)
    first = order.out.read_bytes(), order.out.with_suffix(".json").read_bytes()

    calibrate(order)

    assert (order.out.read_bytes(), order.out.with_suffix(".json").read_bytes()) == first


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "empty; the first line must name the columns"),
        ("who,when,what,paid\n", "no usable order$"),
        ("who,when,what\nC1,2024-01-01T10:00:00,P1\n", "no column 'paid'"),
        (
            "who,when,what,paid\nC1,2024-01-01T10:00:00,P1,5\n",
            "too little to calibrate from; it has 1 customers",
        ),
        ("who,when,what,paid\nC1,noon,P1,5\n", r"no usable order \(1 of 1 rows were left out\)"),
    ],
)
def test_a_file_that_says_too_little_writes_nothing(order, content, message):
    order.data.write_text(content)

    with pytest.raises(Refusal, match=message):
        calibrate(order)

    assert not order.out.exists()
    assert not order.out.with_suffix(".json").exists()


def test_what_cannot_be_used_is_a_refusal_that_names_it(order, tmp_path):
    broken = tmp_path / "broken.yaml"
    broken.write_text("customer: 3\n")
    blocked = tmp_path / "file"
    blocked.write_text("")

    for changed, message in (
        ({"data": tmp_path / "none.csv"}, "none.csv: No such file or directory"),
        ({"mapping_file": broken}, "broken.yaml:1: customer: "),
        ({"mapping_file": tmp_path / "none.yaml"}, "none.yaml: No such file or directory"),
        ({"zone": "Mars/Olympus"}, "ZONE=Mars/Olympus is no time zone"),
        ({"zone": "../../etc/passwd"}, "is no time zone"),
        ({"out": blocked / "x.yaml"}, "file"),
    ):
        given = {**{name: getattr(order, name) for name in Order.__dataclass_fields__}, **changed}
        with pytest.raises(Refusal, match=message):
            calibrate(Order(**given))


def test_settings_come_from_the_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("OFFERLOOP_STATE", str(tmp_path))
    for name in ("DATA", "MAP", "OUT", "SEED", "ZONE"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(Refusal, match="give DATA and MAP"):
        order_from_environment()

    monkeypatch.setenv("DATA", "some/Sales 2024.csv.gz")
    monkeypatch.setenv("MAP", "m.yaml")
    assert order_from_environment() == Order(
        Path("some/Sales 2024.csv.gz"), Path("m.yaml"), tmp_path / "calibrated/sales-2024.yaml", 1, "UTC"
    )

    monkeypatch.setenv("OUT", "My Shop.yaml")
    with pytest.raises(Refusal, match="the file's name is the scenario's"):
        order_from_environment()
    monkeypatch.setenv("OUT", "my-shop.yaml")
    monkeypatch.setenv("SEED", "x")
    with pytest.raises(Refusal, match="SEED=x is not a whole number"):
        order_from_environment()


def test_the_command_says_in_one_line_what_is_missing(tmp_path):
    environment = {name: value for name, value in os.environ.items() if name not in ("DATA", "MAP")}
    done = subprocess.run(
        [sys.executable, "-m", "harness", "calibrate"],
        cwd=REPOSITORY,
        env={**environment, "OFFERLOOP_STATE": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.strip().splitlines() == [
        "give DATA and MAP: make calibrate DATA=purchases.csv.gz MAP=mapping.yaml"
    ]


@pytest.mark.data
@pytest.mark.parametrize(
    ("data", "mapping", "zone"),
    [
        ("cdnow/transactions.csv.gz", "cdnow", "UTC"),
        ("complete_journey/baskets.csv.gz", "complete_journey_baskets", "America/New_York"),
        ("complete_journey/lines_250_households.csv.gz", "complete_journey", "America/New_York"),
    ],
)
def test_recorded_shops_are_less_than_a_tenth_from_their_simulation(
    tmp_path, monkeypatch, data, mapping, zone
):
    """The figures of docs/model.md: every Kolmogorov-Smirnov distance stays below 0.1."""
    folder = os.environ.get("OFFERLOOP_DATA")
    if not folder:
        pytest.skip("OFFERLOOP_DATA names no folder with recorded transactions")
    monkeypatch.setenv("OFFERLOOP_STATE", str(tmp_path))
    out = tmp_path / "shop.yaml"

    calibrate(Order(Path(folder) / data, REPOSITORY / f"simulator/mappings/{mapping}.yaml", out, 1, zone))

    report = json.loads(out.with_suffix(".json").read_text())
    distances = {row["quantity"]: row["distance"] for row in report["distances"]}
    assert {quantity: distance for quantity, distance in distances.items() if distance >= 0.1} == {}
