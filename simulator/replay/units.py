"""How many units of its product a recorded row is, whatever number stands there."""

from dataclasses import dataclass

from offerloop.orders.model import MAX_QUANTITY
from simulator.replay.mapping import Constant, QuantityColumn


@dataclass(frozen=True, slots=True)
class Units:
    """What a row's quantity means.

    Attributes:
        count: units bought, of a return units given back: 0..MAX_QUANTITY.
        is_return: whether they come back.
        reason: why *count* is not what the file says, as a stable code; None = it is.
    """

    count: int
    is_return: bool = False
    reason: str | None = None


def units_of(quantity: float, rule: QuantityColumn | Constant) -> Units:
    """Read a quantity as the mapping says; every finite number has an answer.

    A return's size is read like that of a purchase: -0.5 is one unit back where 0.5 is one unit bought.
    """
    rules = rule if isinstance(rule, QuantityColumn) else QuantityColumn(column="constant")
    if quantity < 0:
        if rules.negative == "leave_out":
            return Units(0, is_return=True, reason="negative_quantity")
        back = units_of(-quantity, rules)
        return Units(back.count, is_return=True, reason=back.reason)
    if quantity == 0:
        return Units(_count(rules.zero), reason="zero_quantity")
    if quantity > MAX_QUANTITY:
        return Units(_count(rules.absurd), reason="absurd_quantity")
    if quantity != int(quantity):
        return Units(_count(rules.fraction), reason="fractional_quantity")
    return Units(int(quantity))


def _count(outcome: str) -> int:
    return 1 if outcome == "one_unit" else 0
