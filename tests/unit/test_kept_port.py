"""A kept system starts at its own port: its queues are stored under addresses that name it."""

import pytest

from harness.lifecycle import refuse_another_port
from harness.settings import Refusal, Settings
from harness.state import State
from harness.system import REPOSITORY


def settings(*, reset: bool = False) -> Settings:
    return Settings("embedded", REPOSITORY, REPOSITORY / ".offerloop", None, "", "us-east-1", reset)


def test_another_port_than_that_of_what_is_kept_is_refused_with_the_ways_out() -> None:
    known = State("embedded", port=4566, deployed={"application": "x"})

    with pytest.raises(Refusal, match=r"port 4566.*leave PORT out.*make up RESET=1 PORT=4977"):
        refuse_another_port(settings(), known, 4977, keeps_data=True)


def test_the_same_port_an_empty_state_and_a_new_beginning_are_not_refused() -> None:
    kept, empty = State("embedded", port=4566, deployed={"application": "x"}), State("embedded", port=4566)

    refuse_another_port(settings(), kept, 4566, keeps_data=True)
    refuse_another_port(settings(), empty, 4977, keeps_data=True)
    refuse_another_port(settings(reset=True), kept, 4977, keeps_data=True)
    refuse_another_port(settings(), kept, 4977, keeps_data=False)
