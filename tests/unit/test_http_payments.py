"""What the HTTP adapter makes of answers that a payment service should not, but does give."""

import pytest

from handlers.http_payments import HttpPaymentGateway
from offerloop.errors import PaymentUnavailable
from offerloop.orders.ports import PaymentRejected
from tests.served import answering

pytestmark = pytest.mark.allow_hosts(["127.0.0.1"])


@pytest.mark.parametrize(
    ("status", "content"),
    [
        (200, b""),
        (200, b"<html>"),
        (200, b"[1]"),
        (200, b"{}"),
        (200, b'{"status": "MAYBE"}'),
        (200, b'{"status": ["CAPTURED"]}'),
        (200, b"\xff"),
        (200, b"[" * 100_000),
        (202, b'{"status": "CAPTURED"}'),
        (302, b""),
        (408, b""),
        (425, b""),
        (429, b""),
        (500, b'{"status": "CAPTURED"}'),
        (503, b""),
    ],
)
def test_an_answer_that_says_nothing_for_sure_is_none(status: int, content: bytes) -> None:
    with answering(status, content, Location="/elsewhere") as url, pytest.raises(PaymentUnavailable):
        HttpPaymentGateway(url).charge("o1", 1, "EUR")


@pytest.mark.parametrize(
    ("status", "content", "code"),
    [
        (400, b'{"code": "invalid_input", "detail": "no"}', "invalid_input"),
        (401, b"", "status_401"),
        (404, b"<html>", "status_404"),
        (422, b'{"code": "payment_mismatch"}', "payment_mismatch"),
    ],
)
def test_a_fault_of_ours_is_no_matter_of_trying_again(status: int, content: bytes, code: str) -> None:
    with answering(status, content) as url, pytest.raises(PaymentRejected) as rejection:
        HttpPaymentGateway(url).charge("o1", 1, "EUR")

    assert rejection.value.code == code


def test_void_and_refund_believe_only_their_own_answer() -> None:
    with answering(200, b'{"status": "CAPTURED", "amount": 2}') as url:
        gateway = HttpPaymentGateway(url)

        with pytest.raises(PaymentUnavailable):
            gateway.void("o1")
        with pytest.raises(PaymentUnavailable):
            gateway.refund("o1", "o1:2", 1)


def test_nobody_there_is_no_answer() -> None:
    with answering(200, b"") as url:
        pass

    with pytest.raises(PaymentUnavailable, match="did not answer"):
        HttpPaymentGateway(url).charge("o1", 1, "EUR")


def test_a_secret_goes_along_below_the_address_s_own_path() -> None:
    seen: list[str] = []
    with answering(200, b'{"status": "CAPTURED"}', seen) as url:
        HttpPaymentGateway(f"{url}/v1/", secret="s3cret").charge("a/b", 1, "EUR")
        HttpPaymentGateway(url).charge("o1", 1, "EUR")

    assert seen == ["PUT /v1/payments/a%2Fb Bearer s3cret", "PUT /payments/o1 None"]


@pytest.mark.parametrize(
    "url", ["", "host:80", "ftp://host", "http://", "https://host?x=1", "https://host#x"]
)
def test_what_is_no_address_fails_at_once(url: str) -> None:
    with pytest.raises(ValueError, match="address is none"):
        HttpPaymentGateway(url)
