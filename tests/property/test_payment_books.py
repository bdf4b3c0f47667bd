"""Money is kept or given back, never both: any requests, in any order, however often repeated."""

from contextlib import suppress

from hypothesis import given
from hypothesis import strategies as st

from offerloop.errors import PaymentUnavailable
from offerloop.orders.ports import PaymentRejected, PaymentStatus
from offerloop.standins.payments import Behaviour, Mode
from simulator.memory.payments import MemoryGateway

KEYS = st.sampled_from(["o1", "o2"])
AMOUNTS = st.integers(1, 5)
REQUESTS = st.one_of(
    st.tuples(st.just("charge"), KEYS, AMOUNTS, st.just("EUR")),
    st.tuples(st.just("void"), KEYS),
    st.tuples(st.just("refund"), KEYS, st.sampled_from(["r1", "r2"]), AMOUNTS),
)
BEHAVIOURS = st.builds(Behaviour, st.just(dict.fromkeys(Mode, 1 / len(Mode))), st.integers(0, 1_000))


def send(gateway: MemoryGateway, request: tuple[object, ...]) -> None:
    name, *arguments = request
    with suppress(PaymentUnavailable, PaymentRejected):
        getattr(gateway, str(name))(*arguments)


@given(BEHAVIOURS, st.lists(REQUESTS, max_size=20))
def test_the_books_add_up_after_any_requests(
    behaviour: Behaviour, requests: list[tuple[object, ...]]
) -> None:
    gateway = MemoryGateway(behaviour)
    for request in requests:
        send(gateway, request)

    for account in gateway.accounts.values():
        assert account.captured in (0, account.amount)
        assert 0 <= account.kept <= account.captured
        assert account.status is not PaymentStatus.VOIDED or account.kept == 0


@given(BEHAVIOURS, st.lists(REQUESTS, min_size=1, max_size=20))
def test_repeating_a_request_has_no_second_effect(
    behaviour: Behaviour, requests: list[tuple[object, ...]]
) -> None:
    gateway = MemoryGateway(behaviour)
    for request in (*requests, requests[-1]):  # a charge that was lost on its way arrives the second time
        send(gateway, request)
    settled = dict(gateway.accounts)

    send(gateway, requests[-1])

    assert gateway.accounts == settled
