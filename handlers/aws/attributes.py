"""DynamoDB's attribute values, written and read directly.

boto3's own serializer turns every number into a `Decimal` and walks each value by reflection, which costs
more than the rest of a request. Numbers here are integers, save those that people write into tables by
hand: an offer's `discount_value` and a product's `price` (`hundredths`). Compound values are one compact
JSON string: parsing it in one go is far cheaper than unwrapping nested maps.
"""

from collections.abc import Mapping
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

import orjson

Value = dict[str, Any]
Item = Mapping[str, Mapping[str, Any]]


def s(text: str) -> Value:
    """A string attribute."""
    return {"S": text}


def n(number: int) -> Value:
    """A number attribute."""
    return {"N": str(number)}


def flag(value: bool) -> Value:
    """A boolean attribute."""
    return {"BOOL": value}


def packed(value: object) -> Value:
    """A JSON-ready value as one compact string attribute; equal values of equal key order give equal text."""
    return {"S": orjson.dumps(value).decode()}


def text(item: Item, name: str, default: str = "") -> str:
    """A string, or *default* where it is missing or of another type."""
    value: str = item.get(name, {}).get("S", default)
    return value


def optional_text(item: Item, name: str) -> str | None:
    return item.get(name, {}).get("S")


def number(item: Item, name: str, default: int = 0) -> int:
    """An integer, or *default* where it is missing; a fraction that a foreign client wrote is cut off."""
    value = item.get(name, {}).get("N")
    if value is None:
        return default
    try:
        return int(value)
    except ValueError:  # "5.0" or "1e2": valid numbers that only foreign clients write
        return int(Decimal(value))


def optional_number(item: Item, name: str) -> int | None:
    return number(item, name) if "N" in item.get(name, {}) else None


def hundredths(item: Item, name: str) -> int:
    """A number in hundredths, 0 where it is missing; what a foreign client wrote beyond them is rounded."""
    value = item.get(name, {}).get("N", "0")
    if value.isdecimal():
        return int(value) * 100
    return int((Decimal(value) * 100).quantize(Decimal(1), ROUND_HALF_EVEN))


def n_hundredths(number: int) -> Value:
    """A number attribute out of hundredths, exact: 2500 -> 25, 1250 -> 12.5, 5 -> 0.05."""
    whole, rest = divmod(number, 100)
    return {"N": f"{whole}.{rest:02d}".rstrip("0") if rest else str(whole)}


def is_set(item: Item, name: str) -> bool:
    """Whether a boolean attribute is true; missing is false."""
    return item.get(name, {}).get("BOOL") is True


def unpacked(item: Item, name: str, default: Any) -> Any:
    """What `packed` stored, or *default* where it is missing."""
    value = item.get(name, {}).get("S")
    return default if value is None else orjson.loads(value)


def setting(attributes: Mapping[str, Value | None]) -> dict[str, Any]:
    """What an update request needs to set attributes, and to remove those that are None; not for nothing."""
    sets = {name: value for name, value in attributes.items() if value is not None}
    gone = [f"#{name}" for name in attributes if name not in sets]
    expression = f"SET {', '.join(f'#{name} = :{name}' for name in sets)}" if sets else ""
    if gone:
        expression += f" REMOVE {', '.join(gone)}"
    values = {f":{name}": value for name, value in sets.items()}
    return {
        "UpdateExpression": expression,
        "ExpressionAttributeNames": {f"#{name}": name for name in attributes},
        **({"ExpressionAttributeValues": values} if values else {}),
    }
