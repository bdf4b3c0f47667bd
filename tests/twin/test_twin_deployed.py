"""The deployed system and the memory end every step of one scripted scenario in the same state."""

import time

import pytest

from harness.system import RunningSystem
from offerloop.offers import track_event
from offerloop.offers.model import EventType
from simulator.hunt.script import CreateOffer, Track
from tests.emulated.target import TARGET_NAME
from tests.twin.comparison import compare
from tests.twin.deployed import DeployedDriver
from tests.twin.memory import MachineClock, MemoryDriver
from tests.twin.scenario import SEED, SHORT_SEED, SHORT_STEPS, USERS, scripted_scenario

pytestmark = pytest.mark.emulated

PATIENCE_S = 3.0

Twins = tuple[DeployedDriver, MemoryDriver]


@pytest.fixture(scope="module")
def twins(deployed: RunningSystem) -> Twins:
    """Both systems in the same state."""
    starts_at = int(time.time())
    cloud = DeployedDriver(deployed, starts_at, USERS)
    memory = MemoryDriver(starts_at, USERS, MachineClock())
    memory.begin_with(*cloud.stored())
    return cloud, memory


def test_the_deployed_system_and_the_memory_never_part(twins: Twins) -> None:
    script = (
        scripted_scenario(SEED) if TARGET_NAME == "embedded" else scripted_scenario(SHORT_SEED, SHORT_STEPS)
    )

    difference = compare(script, *twins, patience_s=PATIENCE_S)

    assert difference is None, str(difference)


def test_a_wrong_rule_in_the_memory_is_caught(twins: Twins, monkeypatch: pytest.MonkeyPatch) -> None:
    """The last test: the twins are none any more after it."""
    create = CreateOffer(offer="LAST", category="kites", priority=50, stock=5)
    dismiss = Track(user=USERS[0], offer="LAST", event=EventType.DISMISS, category="kites")
    monkeypatch.setattr(track_event, "DISMISSED_FOR_S", 0)

    difference = compare([create, dismiss], *twins, patience_s=PATIENCE_S)

    assert difference is not None
    assert (difference.number, difference.field) == (2, f"shopper {USERS[0]}: skips: LAST")
