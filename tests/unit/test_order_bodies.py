"""What bodies of orders may carry."""

import json

import pytest

from handlers.order_bodies import OrderBody
from handlers.rest import parse
from offerloop.errors import InvalidInput
from offerloop.orders.pricing import RequestedLine

ADDRESS = {"street": "1 Main St", "city": "X", "state": "IL", "zipCode": "62701", "country": "US"}
BODY = {
    "customerId": "customer123",
    "items": [{"productId": "LAPTOP001", "name": "Laptop", "quantity": 2, "price": 1299.99}],
    "totalAmount": 2599.98,
    "customerEmail": "ann@shop.test",
    "shippingAddress": ADDRESS,
}


def refused_fields(body):
    with pytest.raises(InvalidInput) as refused:
        parse(OrderBody, json.dumps(body).encode())
    return [error.field for error in refused.value.fields]


def test_amounts_become_whole_cents():
    command = parse(OrderBody, json.dumps(BODY).encode()).command("customer123")

    assert command.lines == (RequestedLine("LAPTOP001", 2, 129_999),)
    assert command.total == 259_998


@pytest.mark.parametrize("field", ADDRESS)
def test_an_address_has_no_control_characters(field):
    body = BODY | {"shippingAddress": ADDRESS | {field: "ab\u0000"}}

    assert refused_fields(body) == [f"shippingAddress.{field}"]


@pytest.mark.parametrize("email", ["a\u0000@a.b", "nobody", "a b@c.d", "a@b", "@a.b"])
def test_an_email_that_cannot_be_one_is_refused(email):
    assert refused_fields(BODY | {"customerEmail": email}) == ["customerEmail"]


@pytest.mark.parametrize("price", [0, -1, 10.001, 10**8])
def test_a_price_that_cannot_be_one_is_refused(price):
    item = BODY["items"][0] | {"price": price}

    assert refused_fields(BODY | {"items": [item]}) == ["items.0.price"]
