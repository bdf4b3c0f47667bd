"""The deployed system and the memory end every step of one scripted scenario in the same state."""

import time

import pytest

from harness.system import RunningSystem
from tests.twin.comparison import compare
from tests.twin.deployed import DeployedDriver
from tests.twin.memory import MachineClock, MemoryDriver
from tests.twin.scenario import SEED, USERS, scripted_scenario

PATIENCE_S = 3.0


@pytest.mark.emulated
def test_the_deployed_system_and_the_memory_never_part(deployed: RunningSystem) -> None:
    starts_at = int(time.time())
    cloud = DeployedDriver(deployed, starts_at, USERS)
    memory = MemoryDriver(starts_at, USERS, MachineClock())
    memory.begin_with(*cloud.stored())

    difference = compare(scripted_scenario(SEED), cloud, memory, patience_s=PATIENCE_S)

    assert difference is None, str(difference)
