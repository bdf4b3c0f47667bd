"""`PaymentGateway` in memory, and over HTTP on the stand-in service."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from handlers.http_payments import HttpPaymentGateway
from harness.system import REPOSITORY
from offerloop.errors import PaymentUnavailable
from offerloop.orders.ports import Payment, PaymentGateway, PaymentRejected, PaymentStatus
from offerloop.standins.payments import APPROVE_ALL, DECLINED_BECAUSE, Account, Behaviour, Mode
from simulator.memory.payments import MemoryGateway
from tests.payment_service import payment_server

CAPTURED, VOIDED = Payment(PaymentStatus.CAPTURED), Payment(PaymentStatus.VOIDED)
PATIENCE_S = 0.5
SILENT = Behaviour({Mode.TIME_OUT: 1.0}, silent_s=2 * PATIENCE_S)


@dataclass
class Service:
    """A gateway, and a look at the books behind it."""

    gateway: PaymentGateway
    account: Callable[[str], Account | None]

    def captured(self, key: str) -> int:
        account = self.account(key)
        return 0 if account is None else account.captured

    def kept(self, key: str) -> int:
        account = self.account(key)
        return 0 if account is None else account.kept


Serve = Callable[..., Service]


@pytest.fixture(params=["memory", pytest.param("http", marks=pytest.mark.allow_hosts(["127.0.0.1"]))])
def serve(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Serve]:
    """Give a service that behaves as told."""
    with ExitStack() as servers:

        def make(behaviour: Behaviour = APPROVE_ALL, patience_s: float = 3.0) -> Service:
            if request.param == "memory":
                gateway = MemoryGateway(behaviour, patience_s)
                return Service(gateway, gateway.accounts.get)
            server = servers.enter_context(payment_server(tmp_path))
            server.books.behave(behaviour)
            return Service(HttpPaymentGateway(server.url, read_s=patience_s), server.books.account)

        yield make


@contextmanager
def rejected(code: str) -> Iterator[None]:
    with pytest.raises(PaymentRejected) as rejection:
        yield
    assert rejection.value.code == code


def test_a_charge_is_taken_once_however_often_it_is_asked(serve: Serve) -> None:
    service = serve()

    answers = [service.gateway.charge("o1", 500, "EUR") for _ in range(3)]

    assert (answers, service.account("o1")) == (
        [CAPTURED] * 3,
        Account("o1", PaymentStatus.CAPTURED, 500, "EUR", captured=500),
    )


def test_sixteen_at_once_under_one_key_take_one_amount(serve: Serve) -> None:
    service = serve()

    with ThreadPoolExecutor(16) as threads:
        answers = list(threads.map(lambda _: service.gateway.charge("o1", 500, "EUR"), range(16)))

    assert (answers, service.captured("o1")) == ([CAPTURED] * 16, 500)


@pytest.mark.parametrize(("amount", "currency"), [(501, "EUR"), (500, "USD")])
def test_a_key_stands_for_one_amount_in_one_currency(serve: Serve, amount: int, currency: str) -> None:
    service = serve()
    service.gateway.charge("o1", 500, "EUR")

    with rejected("payment_mismatch"):
        service.gateway.charge("o1", amount, currency)

    assert service.captured("o1") == 500


def test_a_declined_charge_stays_declined_and_takes_nothing(serve: Serve) -> None:
    service = serve(Behaviour({Mode.DECLINE: 1.0}))

    answers = [service.gateway.charge("o1", 500, "EUR") for _ in range(2)]

    declined = Payment(PaymentStatus.DECLINED, DECLINED_BECAUSE)
    assert (answers, service.captured("o1")) == ([declined] * 2, 0)


@pytest.mark.parametrize("lost", [True, False], ids=["request lost", "answer lost"])
def test_a_charge_without_an_answer_is_taken_once_by_asking_again(serve: Serve, lost: bool) -> None:
    service = serve(SILENT, PATIENCE_S)
    key = next(key for key in map(str, range(100)) if SILENT.loses_request(key) is lost)

    with pytest.raises(PaymentUnavailable):
        service.gateway.charge(key, 500, "EUR")
    taken = service.captured(key)
    again = service.gateway.charge(key, 500, "EUR")

    assert (taken, again, service.captured(key)) == (0 if lost else 500, CAPTURED, 500)


def test_a_charge_that_failed_after_it_was_taken_is_not_taken_again(serve: Serve) -> None:
    service = serve(Behaviour({Mode.FAIL: 1.0}))

    with pytest.raises(PaymentUnavailable):
        service.gateway.charge("o1", 500, "EUR")

    assert (service.gateway.charge("o1", 500, "EUR"), service.captured("o1")) == (CAPTURED, 500)


def test_a_charge_that_arrives_twice_is_taken_once(serve: Serve) -> None:
    service = serve(Behaviour({Mode.ANSWER_TWICE: 1.0}))

    assert (service.gateway.charge("o1", 500, "EUR"), service.captured("o1")) == (CAPTURED, 500)


def test_a_late_answer_counts_within_the_callers_patience(serve: Serve) -> None:
    service = serve(Behaviour({Mode.ANSWER_LATE: 1.0}, late_s=0.05))

    assert service.gateway.charge("o1", 500, "EUR") == CAPTURED


def test_an_answer_that_is_too_late_is_none_and_the_next_one_tells(serve: Serve) -> None:
    service = serve(Behaviour({Mode.ANSWER_LATE: 1.0}, late_s=2 * PATIENCE_S), PATIENCE_S)

    with pytest.raises(PaymentUnavailable):
        service.gateway.charge("o1", 500, "EUR")

    assert (service.gateway.charge("o1", 500, "EUR"), service.captured("o1")) == (CAPTURED, 500)


def test_a_void_gives_back_what_was_taken_and_holds_for_good(serve: Serve) -> None:
    service = serve()
    service.gateway.charge("o1", 500, "EUR")
    service.gateway.refund("o1", "o1:2", 200)

    service.gateway.void("o1")
    service.gateway.void("o1")

    assert service.gateway.charge("o1", 500, "EUR") == VOIDED
    assert service.account("o1") == Account(
        "o1", PaymentStatus.VOIDED, 500, "EUR", captured=500, refunded=200, voided=300
    )


def test_a_charge_that_arrives_after_its_void_takes_nothing(serve: Serve) -> None:
    service = serve()

    service.gateway.void("o1")

    assert service.gateway.charge("o1", 500, "EUR") == VOIDED
    assert service.account("o1") == Account("o1", PaymentStatus.VOIDED)


def test_a_void_after_no_answer_leaves_nothing_whatever_happened(serve: Serve) -> None:
    service = serve(SILENT, PATIENCE_S)
    with pytest.raises(PaymentUnavailable):
        service.gateway.charge("o1", 500, "EUR")

    service.gateway.void("o1")

    assert service.kept("o1") == 0
    assert service.gateway.charge("o1", 500, "EUR") == VOIDED


def test_a_refund_is_given_once_per_refund_key(serve: Serve) -> None:
    service = serve()
    service.gateway.charge("o1", 500, "EUR")

    for refund_key in ("o1:2", "o1:2", "o1:3"):
        service.gateway.refund("o1", refund_key, 200)

    assert service.kept("o1") == 100
    with rejected("payment_mismatch"):
        service.gateway.refund("o1", "o1:2", 100)


def test_no_more_is_refunded_than_is_kept(serve: Serve) -> None:
    service = serve()
    service.gateway.charge("o1", 500, "EUR")
    service.gateway.refund("o1", "o1:2", 400)

    with rejected("refund_too_large"):
        service.gateway.refund("o1", "o1:3", 101)
    service.gateway.void("o1")
    with rejected("refund_too_large"):
        service.gateway.refund("o1", "o1:4", 1)
    service.gateway.refund("o1", "o1:2", 400)

    assert service.account("o1") == Account(
        "o1", PaymentStatus.VOIDED, 500, "EUR", captured=500, refunded=400, voided=100
    )


def test_what_was_never_charged_is_not_refunded(serve: Serve) -> None:
    with rejected("unknown_payment"):
        serve().gateway.refund("o1", "o1:2", 1)


@pytest.mark.parametrize("key", ["a/b?c#d%20", "..", ".", "o1:2", "ü".encode().hex()])
def test_a_key_is_one_key_whatever_is_in_it(serve: Serve, key: str) -> None:
    service = serve()

    service.gateway.charge(key, 500, "EUR")
    service.gateway.refund(key, key, 100)

    assert service.kept(key) == 400
    service.gateway.void(key)
    assert service.kept(key) == 0


@contextmanager
def process(folder: Path) -> Iterator[str]:
    """The service as a process of its own, which is killed at the end; gives its address."""
    command = [sys.executable, "-m", "standins.payments", "0", str(folder)]
    child = subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    try:
        yield child.stdout.readline().strip()
    finally:
        child.kill()
        child.communicate()


@pytest.mark.allow_hosts(["127.0.0.1"])
def test_the_books_outlive_a_server_that_is_killed(tmp_path: Path) -> None:
    with process(tmp_path) as url:
        gateway = HttpPaymentGateway(url)
        gateway.charge("o1", 500, "EUR")
        gateway.refund("o1", "o1:2", 200)
        gateway.void("o2")

    with process(tmp_path) as url:
        gateway = HttpPaymentGateway(url)
        gateway.refund("o1", "o1:2", 200)

        assert (gateway.charge("o1", 500, "EUR"), gateway.charge("o2", 1, "EUR")) == (CAPTURED, VOIDED)
        with rejected("refund_too_large"):
            gateway.refund("o1", "o1:3", 301)


@pytest.mark.allow_hosts(["127.0.0.1"])
def test_sixteen_refunds_at_once_give_back_no_more_than_was_taken(tmp_path: Path) -> None:
    with payment_server(tmp_path) as server, ThreadPoolExecutor(16) as threads:
        gateway = HttpPaymentGateway(server.url)
        gateway.charge("o1", 500, "EUR")

        given = [threads.submit(gateway.refund, "o1", f"o1:{number}", 100) for number in range(16)]

        assert sum(refund.exception() is None for refund in given) == 5
        account = server.books.account("o1")
        assert account is not None
        assert account.refunded == 500
