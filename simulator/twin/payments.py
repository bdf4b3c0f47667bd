"""The payment service as a scenario describes it."""

from offerloop.standins.payments import Behaviour, Mode
from simulator.scenario.model import Payments


def behaviour(section: Payments, seed: int) -> Behaviour:
    """How the payment service behaves in a scenario."""
    shares = {
        Mode.DECLINE: section.declined,
        Mode.TIME_OUT: section.timed_out,
        Mode.ANSWER_LATE: section.late,
        Mode.ANSWER_TWICE: section.twice,
        Mode.FAIL: section.failing,
    }
    approved = max(0.0, 1 - sum(shares.values()))
    # A late answer comes when nobody waits for it any more.
    return Behaviour({Mode.APPROVE: approved, **shares}, seed=seed, late_s=10.0)
