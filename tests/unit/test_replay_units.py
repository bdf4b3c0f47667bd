"""A recorded quantity has a defined meaning, whatever number stands there."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offerloop.orders.model import MAX_QUANTITY
from simulator.replay.mapping import Constant, QuantityColumn
from simulator.replay.units import Units, units_of

DEFAULTS = QuantityColumn(column="units")


@pytest.mark.parametrize(
    ("quantity", "units"),
    [
        (1, Units(1)),
        (1000, Units(1000)),
        (0, Units(0, reason="zero_quantity")),
        (-0.0, Units(0, reason="zero_quantity")),
        (0.454, Units(1, reason="fractional_quantity")),
        (2.5, Units(1, reason="fractional_quantity")),
        (1001, Units(0, reason="absurd_quantity")),
        (1000.5, Units(0, reason="absurd_quantity")),
        (1e300, Units(0, reason="absurd_quantity")),
        (-1, Units(1, is_return=True)),
        (-0.5, Units(1, is_return=True, reason="fractional_quantity")),
        (-5000, Units(0, is_return=True, reason="absurd_quantity")),
    ],
)
def test_what_a_quantity_means_where_the_mapping_says_nothing(quantity, units):
    assert units_of(quantity, DEFAULTS) == units


def test_what_a_quantity_means_is_the_mapping_s_to_say():
    rules = QuantityColumn(
        column="units", zero="one_unit", fraction="leave_out", absurd="one_unit", negative="leave_out"
    )

    assert units_of(0, rules) == Units(1, reason="zero_quantity")
    assert units_of(0.5, rules) == Units(0, reason="fractional_quantity")
    assert units_of(5000, rules) == Units(1, reason="absurd_quantity")
    assert units_of(-1, rules) == Units(0, is_return=True, reason="negative_quantity")
    assert units_of(3, Constant(constant=3)) == Units(3)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_quantity_becomes_units_that_an_order_line_takes(quantity):
    units = units_of(quantity, DEFAULTS)

    assert 0 <= units.count <= MAX_QUANTITY
    assert units.is_return == (quantity < 0)
    assert (units.reason is None) == (units.count == math.fabs(quantity) and quantity != 0)
