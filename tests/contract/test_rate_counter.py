"""`RateCounter`: never above the limit in a window."""

from offerloop.rate_limit import Allowance
from tests.factories import NOON


def test_requests_pass_up_to_the_limit_and_per_window_and_subject(stores):
    address = Allowance("address:127.0.0.1", 3)

    def take(allowance: Allowance, window: int) -> bool:
        return stores.rate_counter.take(allowance, window, NOON)

    assert [take(address, 1) for _ in range(5)] == [True, True, True, False, False]
    assert take(address, 2)
    assert take(Allowance("user:ann", 3), 1)


def test_what_is_given_back_can_be_taken_again(stores):
    allowance = Allowance("guesses:ann", 1)
    assert stores.rate_counter.take(allowance, 7, NOON + 60)

    stores.rate_counter.give_back(allowance, 7)

    assert stores.rate_counter.take(allowance, 7, NOON + 60)
    assert not stores.rate_counter.take(allowance, 7, NOON + 60)
