"""What the columns of a transaction file mean, read from a YAML file.

docs/replay.md explains every field; simulator/mappings/ has two complete examples.
"""

import itertools
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from offerloop.offers.model import DiscountType

ID_PATTERN = r"^[A-Za-z0-9._:-]{1,64}$"  # what the API takes as an id
Prefix = Annotated[str, Field(pattern=r"^[A-Za-z0-9._:-]{0,32}$")]
ColumnName = Annotated[str, Field(min_length=1)]
Category = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9 &._/-]{0,63}$")]


class InvalidMapping(ValueError):
    """A mapping file that cannot be used; the message names file, line and field."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class IdColumn(_Part):
    """An id: the column's value behind a prefix."""

    column: ColumnName
    prefix: Prefix = ""


class BasketColumn(_Part):
    """Rows with the same value are one basket."""

    column: ColumnName


class Timestamp(_Part):
    """When a row happened.

    Attributes:
        format: as for Python's ``strptime``.
        time_of_day: ``recorded`` = the format holds hour and minute; ``drawn`` = it holds none, and one is
            drawn per basket from the seed with the hourly profile.
    """

    column: ColumnName
    format: str
    time_of_day: Literal["recorded", "drawn"] = "recorded"

    @model_validator(mode="after")
    def _one_time_of_day(self) -> "Timestamp":
        has_hour = any(part in self.format for part in ("%H", "%I", "%X", "%c", "%s", "%T"))
        if has_hour and self.time_of_day == "drawn":
            raise ValueError("the format holds a time of day, so none can be drawn")
        if not has_hour and self.time_of_day == "recorded":
            raise ValueError("the format holds no hour: add one, or say `time_of_day: drawn`")
        return self


class NumberColumn(_Part):
    """A number; a smaller one than *minimum* makes the row a bad one."""

    column: ColumnName
    minimum: float = 0.0


class QuantityColumn(_Part):
    """How many units a row is, and what becomes of a number that is no count of units.

    A row is one unit, which costs what the whole row did, or it is left out of its basket's order. It counts
    as bought all the same, except where it is a return.

    Attributes:
        minimum: a smaller one makes the row a bad one, as if it were not in the file; None = none.
        zero: what a row of no units is.
        fraction: what a weight or a volume is, such as 0.454.
        absurd: what more units are than an order line takes (1,000), such as thousandths of a gallon.
        negative: a return, which refunds an earlier order, or nothing.
    """

    column: ColumnName
    minimum: float | None = None
    zero: Literal["one_unit", "leave_out"] = "leave_out"
    fraction: Literal["one_unit", "leave_out"] = "one_unit"
    absurd: Literal["one_unit", "leave_out"] = "leave_out"
    negative: Literal["refund", "leave_out"] = "refund"


class Constant(_Part):
    """The same number for every row."""

    constant: float = Field(ge=0)


class Band(_Part):
    """One product that stands for all values below a bound (and not below the previous band's)."""

    below: float | None = None
    id: Annotated[str, Field(pattern=ID_PATTERN)]
    name: Annotated[str, Field(min_length=1, max_length=200)]
    category: Category


class Bands(_Part):
    """Products by bands of a number, for files that name none. Only the last band may have no bound."""

    column: ColumnName
    bands: Annotated[list[Band], Field(min_length=1)]

    @model_validator(mode="after")
    def _ascending(self) -> "Bands":
        bounds = [band.below for band in self.bands]
        inner = [bound for bound in bounds[:-1] if bound is not None]
        if len(inner) < len(bounds) - 1:
            raise ValueError("only the last band may be without `below`")
        finite = inner if bounds[-1] is None else [*inner, bounds[-1]]
        if any(low >= high for low, high in itertools.pairwise(finite)):
            raise ValueError("`below` must rise from band to band")
        if len({band.id for band in self.bands}) < len(self.bands):
            raise ValueError("two bands have the same id")
        return self


class ByBand(_Part):
    bands: Bands


class ProductColumn(_Part):
    """A product id; what category it is of comes from the products file or is one for all."""

    column: ColumnName
    prefix: Prefix = ""
    category: Category | None = None


class ProductsFile(_Part):
    """A second CSV file with one row per product, in the folder of the first.

    Attributes:
        key: column with the product id as it stands in the transactions.
        category: column; it becomes a readable slug (``FRZN MEAT/MEAT DINNERS`` → frzn-meat-meat-dinners).
        category_when_empty: category of products whose column is empty; without it their rows are bad.
        category_when_unknown: likewise for products that the file does not have.
        name: columns that make the offer's name, empty ones left out.
    """

    file: Annotated[str, Field(pattern=r"^[^/\\]+$")]
    key: ColumnName
    category: ColumnName
    category_when_empty: Category | None = None
    category_when_unknown: Category | None = None
    name: list[ColumnName] = []


class Range(_Part):
    """A whole number spread over the products: by how often each is bought, or drawn from the seed."""

    by: Literal["popularity", "draw"]
    lowest: int = Field(ge=0)
    highest: int = Field(ge=0)

    @model_validator(mode="after")
    def _in_order(self) -> "Range":
        if self.lowest > self.highest:
            raise ValueError("lowest is above highest")
        return self


class Discount(_Part):
    """Discount of every offer: percent of the price, or whole units of currency."""

    type: Literal["PERCENTAGE", "FIXED_AMOUNT"]
    value: Annotated[int, Field(gt=0)] | Range

    @property
    def discount_type(self) -> DiscountType:
        return DiscountType(self.type)


class Offers(_Part):
    """How products become offers.

    Attributes:
        stock: units of each offer.
        priority: 0..100.
        expires_in_days: days from loading to the end, or null for none.
        redemptions_per_user: 0 = no limit, since people buy the same thing again.
    """

    stock: int = Field(gt=0, le=10**9)
    priority: Annotated[int, Field(ge=0, le=100)] | Range
    discount: Discount
    expires_in_days: Annotated[int, Field(gt=0, le=3650)] | None = None
    redemptions_per_user: int = Field(default=0, ge=0, le=10**6)

    @model_validator(mode="after")
    def _priority_in_range(self) -> "Offers":
        if isinstance(self.priority, Range) and self.priority.highest > 100:
            raise ValueError("priority is at most 100")
        return self


class Events(_Part):
    """Events before each redemption: shares of products (drawn from the seed) that are viewed, clicked …"""

    view_share: float = Field(default=0.0, ge=0, le=1)
    click_share: float = Field(default=0.0, ge=0, le=1)
    cart_share: float = Field(default=0.0, ge=0, le=1)


class Orders(_Part):
    """How baskets become orders.

    Attributes:
        stock: units of each product.
        use_offers: which offers lines carry: ``served`` = those of the visit's recommendation, each on one
            line of its category; ``always`` = each line that of its product; ``never`` = none.
    """

    stock: int = Field(default=1_000_000, gt=0, le=10**9)
    use_offers: Literal["served", "always", "never"] = "served"


class Mapping(_Part):
    """A whole mapping file.

    Attributes:
        basket: which rows belong together; null = each row is a basket of its own.
        product: a product column, or price bands.
        orders: None = baskets become events.
    """

    delimiter: Annotated[str, Field(min_length=1, max_length=1)] = ","
    customer: IdColumn
    basket: BasketColumn | None
    timestamp: Timestamp
    product: ProductColumn | ByBand
    quantity: QuantityColumn | Constant
    value: NumberColumn | Constant
    products: ProductsFile | None = None
    offers: Offers
    orders: Orders | None = Orders()
    events: Events = Events()

    @model_validator(mode="after")
    def _one_category(self) -> "Mapping":
        needs_one = isinstance(self.product, ProductColumn) and self.product.category is None
        if needs_one and self.products is None:
            raise ValueError("say product.category, or describe a products file")
        if not needs_one and self.products is not None:
            raise ValueError("a products file is not used here: the product part already says the category")
        return self

    @property
    def has_prices(self) -> bool:
        """Whether the file says what anything costs."""
        return not isinstance(self.value, Constant) or self.value.constant > 0

    @property
    def columns(self) -> dict[str, str]:
        """The transaction file's columns that are used, by the field that names them."""
        used = {"customer.column": self.customer.column, "timestamp.column": self.timestamp.column}
        if self.basket is not None:
            used["basket.column"] = self.basket.column
        if isinstance(self.product, ProductColumn):
            used["product.column"] = self.product.column
        else:
            used["product.bands.column"] = self.product.bands.column
        for name, part in (("quantity", self.quantity), ("value", self.value)):
            if not isinstance(part, Constant):
                used[f"{name}.column"] = part.column
        return used


def read_mapping(path: Path) -> Mapping:
    """Read and check a mapping file.

    Raises:
        InvalidMapping: with one line per fault, each naming its line in the file and its field.
        OSError: it cannot be read.
    """
    try:
        text = path.read_text(encoding="utf-8")
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        fields = yaml.safe_load(text)
    except UnicodeDecodeError:
        raise InvalidMapping(f"{path}: not UTF-8 text") from None
    except yaml.YAMLError as fault:
        mark = getattr(fault, "problem_mark", None)
        where = f"{path}:{mark.line + 1}" if mark is not None else f"{path}"
        raise InvalidMapping(f"{where}: not YAML: {getattr(fault, 'problem', fault)}") from None
    if not isinstance(fields, dict) or not isinstance(node, yaml.MappingNode):
        raise InvalidMapping(f"{path}: must be a mapping of fields")
    repeated = _repeated_field(node)
    if repeated is not None:
        raise InvalidMapping(f"{path}:{repeated.start_mark.line + 1}: {repeated.value}: given twice")
    try:
        return Mapping.model_validate(fields)
    except ValidationError as faults:
        raise InvalidMapping("\n".join(_messages(path, node, faults))) from None


def _messages(path: Path, root: yaml.Node, faults: ValidationError) -> list[str]:
    messages: list[str] = []
    for fault in faults.errors(include_url=False):
        node, field = _locate(root, fault["loc"], missing=fault["type"] == "missing")
        text = str(fault["msg"]).removeprefix("Value error, ")
        messages.append(f"{path}:{node.start_mark.line + 1}: {field or 'file'}: {text}")
    return list(dict.fromkeys(messages))


def _locate(root: yaml.Node, location: tuple[int | str, ...], missing: bool) -> tuple[yaml.Node, str]:
    """The node that a fault is about, or the nearest above it, and its field's dotted name.

    Pydantic puts the names of tried alternatives into a location; those are no fields and are left out.
    """
    node, names = root, list[str]()
    for position, part in enumerate(location):
        below = _child(node, part)
        if below is not None:
            node = below
            names.append(str(part))
        elif missing and position == len(location) - 1:
            names.append(str(part))
    return node, ".".join(names)


def _child(node: yaml.Node, part: int | str) -> yaml.Node | None:
    if isinstance(node, yaml.MappingNode):
        return next((value for key, value in node.value if key.value == part), None)
    if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
        item: Any = node.value[part]
        return item if isinstance(item, yaml.Node) else None
    return None


def _repeated_field(node: yaml.Node) -> yaml.Node | None:
    """A key that its mapping holds twice: YAML would silently keep the last."""
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            if key.value in seen:
                return key  # type: ignore[no-any-return]
            seen.add(key.value)
            below = _repeated_field(value)
            if below is not None:
                return below
    if isinstance(node, yaml.SequenceNode):
        for item in node.value:
            below = _repeated_field(item)
            if below is not None:
                return below
    return None
