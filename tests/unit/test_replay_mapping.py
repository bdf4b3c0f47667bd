"""A mapping file says what columns mean; its faults name their line and field."""

from pathlib import Path

import pytest

from simulator.replay.mapping import InvalidMapping, Range, read_mapping

ROOT = Path(__file__).resolve().parents[2]
ORDERS = (ROOT / "tests/data/replay/orders.yaml").read_text()


def faults(tmp_path: Path, text: str) -> list[str]:
    path = tmp_path / "m.yaml"
    path.write_text(text)
    with pytest.raises(InvalidMapping) as raised:
        read_mapping(path)
    return [line.removeprefix(f"{path}:") for line in str(raised.value).splitlines()]


@pytest.mark.parametrize("name", ["complete_journey", "complete_journey_baskets", "cdnow"])
def test_the_mappings_that_ship_are_valid_and_can_be_ordered(name):
    mapping = read_mapping(ROOT / f"simulator/mappings/{name}.yaml")

    assert mapping.has_prices
    assert mapping.orders is not None
    assert mapping.orders.use_offers == "served"

    assert mapping.offers.redemptions_per_user == 0
    assert (mapping.events.view_share, mapping.events.click_share, mapping.events.cart_share) == (0, 0, 0)


def test_columns_are_listed_by_the_field_that_names_them(tmp_path):
    path = tmp_path / "m.yaml"
    path.write_text(ORDERS)

    assert read_mapping(path).columns == {
        "customer.column": "who",
        "timestamp.column": "when",
        "basket.column": "order",
        "product.column": "sku",
        "quantity.column": "units",
        "value.column": "paid",
    }
    assert read_mapping(path).offers.priority == Range(by="popularity", lowest=20, highest=80)


@pytest.mark.parametrize(
    ("replaced", "by", "message"),
    [
        ("stock: 100", "stock: 0", "14: offers.stock: Input should be greater than 0"),
        ("stock: 100", "stock: many", "14: offers.stock: Input should be a valid integer"),
        ("  stock: 100\n", "", "14: offers.stock: Field required"),
        ("stock: 100", "stok: 100", "14: offers.stok: Extra inputs are not permitted"),
        ("lowest: 20", "lowest: 90", "15: offers.priority: lowest is above highest"),
        ("highest: 80", "highest: 101", "14: offers: priority is at most 100"),
        ("prefix: C-", "prefix: 'C '", "2: customer.prefix: String should match pattern"),
        ("%H:%M", "", "4: timestamp: the format holds no hour: add one, or say `time_of_day: drawn`"),
        ('%M"', '%M", time_of_day: drawn', "4: timestamp: the format holds a time of day"),
        ("units, minimum: 1", "units, absurd: guess", "6: quantity.absurd: Input should be 'one_unit' or"),
        ("file: skus.csv", "file: ../skus.csv", "9: products.file: String should match pattern"),
        ('delimiter: ";"', 'delimiter: ";;"', "1: delimiter: String should have at most 1 character"),
        ("prefix: P-}", "prefix: P-, category: all}", "1: file: a products file is not used here"),
    ],
)
def test_a_fault_names_its_line_and_its_field(tmp_path, replaced, by, message):
    assert replaced in ORDERS

    assert any(line.startswith(message) for line in faults(tmp_path, ORDERS.replace(replaced, by))), faults(
        tmp_path, ORDERS.replace(replaced, by)
    )


@pytest.mark.parametrize(
    ("bands", "message"),
    [
        ("[{below: 5, id: A, name: a, category: c}, {below: 5, id: B, name: b, category: c}]", "must rise"),
        ("[{id: A, name: a, category: c}, {below: 5, id: B, name: b, category: c}]", "only the last band"),
        ("[{below: 5, id: A, name: a, category: c}, {id: A, name: b, category: c}]", "the same id"),
        ("[]", "at least 1 item"),
    ],
)
def test_bands_must_be_in_order_and_distinct(tmp_path, bands, message):
    visits = (ROOT / "tests/data/replay/visits.yaml").read_text()
    head, rest = visits.split("    bands:\n")
    tail = rest[rest.index("quantity:") :]

    assert any(message in line for line in faults(tmp_path, f"{head}    bands: {bands}\n{tail}"))


def test_a_field_given_twice_is_refused_and_not_overwritten(tmp_path):
    assert faults(tmp_path, ORDERS + "offers: {}\n") == ["18: offers: given twice"]


def test_what_is_no_yaml_or_no_mapping_is_said(tmp_path):
    assert faults(tmp_path, "a: [1\nb: 2\n")[0].startswith("2: not YAML")
    assert "must be a mapping" in faults(tmp_path, "- 1\n")[0]
    assert "must be a mapping" in faults(tmp_path, "")[0]
