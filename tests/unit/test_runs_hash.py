"""The hash of a run is the same in any process, under any hash seed and on every supported Python."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from harness.system import REPOSITORY
from simulator.runs.canonical import combined
from simulator.runs.replication import Job, carry_out
from simulator.scenario import load_scenario
from tests import needed

SCENARIO = REPOSITORY / "tests/data/runs/golden.yaml"
# What two replications of SCENARIO come to under seed 7. Who changes on purpose what the core, the twin or
# its streams do puts the new hash here; that it changes unnoticed is what this is for.
GOLDEN = "75e9ab211df795eed03842b479309e5a147260b3c29c7338366034b037a2b11a"
PRINT_HASH = """
import sys
from pathlib import Path
from simulator.runs.canonical import combined
from simulator.runs.replication import Job, carry_out
from simulator.scenario import load_scenario
scenario = load_scenario(Path(sys.argv[1]))
print(combined(carry_out(Job(scenario, 7, number)).digest for number in range(2)))
"""
SUPPORTED = ("3.11", "3.12", "3.13")


def hash_on(python: Path, **variables: str) -> str:
    done = subprocess.run(
        [str(python), "-c", PRINT_HASH, str(SCENARIO)],
        cwd=REPOSITORY,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(REPOSITORY), **variables},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_the_hash_of_a_small_world_is_known():
    """On whatever Python the tests run."""
    scenario = load_scenario(SCENARIO)

    assert combined(carry_out(Job(scenario, 7, number)).digest for number in range(2)) == GOLDEN


@pytest.mark.parametrize("seed", ["1", "2"])
def test_the_hash_does_not_depend_on_how_this_process_hashes_texts(seed):
    """Sets and dictionaries of texts are walked in another order, should any be walked."""
    assert hash_on(Path(sys.executable), PYTHONHASHSEED=seed) == GOLDEN


@pytest.mark.parametrize("version", SUPPORTED)
def test_the_hash_is_the_same_on_every_supported_python(version):
    """In an environment with no more than the simulator needs, at the versions that the lock pins."""
    if version == f"{sys.version_info.major}.{sys.version_info.minor}":
        pytest.skip("the Python of this process, which the other tests are about")
    assert hash_on(needed.other_python(version)) == GOLDEN
